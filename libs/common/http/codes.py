"""What callers may choose themselves and everybody may see: codes and terms, no sentences."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from pydantic import StringConstraints

Code: TypeAlias = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:+-]*$", max_length=80)
]
Term: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=40)]
