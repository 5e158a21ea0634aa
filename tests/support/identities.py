"""Numbers of identity cards, made up when they are needed: a file that held one would be found."""

from __future__ import annotations

from libs.privacy.synthetic import is_somebodys

FIRST = ("11010519491231002", "44052419800101001", "37078219850607124")
CHECKS = "0123456789X"


def real(first: str = FIRST[0]) -> str:
    """With the check digit that is right."""
    return next(first + check for check in CHECKS if is_somebodys(first + check))


def made_up(first: str = FIRST[0]) -> str:
    """With one that is wrong."""
    return next(first + check for check in CHECKS if not is_somebodys(first + check))
