"""Texts that callers send: none holds what a screen or a log would not show as it is."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from pydantic import StringConstraints

_BIDI = r"\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
"""They let a text be read in another order than it is written in."""
_CONTROLS = r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"
"""All but tab and the ends of lines."""

LINE = rf"^[^\x00-\x1f\x7f-\x9f\u2028\u2029{_BIDI}]*$"
TEXT = rf"^[^{_CONTROLS}{_BIDI}]*$"
Text: TypeAlias = Annotated[str, StringConstraints(pattern=TEXT, min_length=1, max_length=4000)]
