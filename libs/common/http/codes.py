"""What callers may choose themselves and everybody may see: codes and terms, no sentences."""

from __future__ import annotations

import re
from typing import Annotated, TypeAlias

from pydantic import AfterValidator, StringConstraints
from pydantic_core import PydanticCustomError

from libs.privacy.forbidden import why_not

_RANDOM = re.compile(r"[0-9a-f]{8}(-?[0-9a-f]{4}){3}-?[0-9a-f]{12}")
"""Of thirty thousand such ids one has a `face` in it."""


def may_be(name: str) -> str:
    """Nothing is called by what must not exist (row P22)."""
    if why_not(name) and not _RANDOM.fullmatch(name):
        raise PydanticCustomError("must_not_exist", "the name of something that must not exist")
    return name


Code: TypeAlias = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:+-]*$", max_length=80)
]
"""Of something that there is, or there is not: whoever takes it looks."""
NewCode: TypeAlias = Annotated[Code, AfterValidator(may_be)]
"""That its caller makes."""
Term: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=40)]
"""One of a list that is known here."""
NewTerm: TypeAlias = Annotated[Term, AfterValidator(may_be)]
"""Of no list of ours: a reason, an outcome."""
