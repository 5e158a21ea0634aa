"""Instants that callers may name: those that calendars can reckon with and columns can hold. In
UTC, whatever offset they came with: what is stored of them as a text can be compared."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any, TypeAlias

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field
from pydantic_core import PydanticCustomError

_RFC_3339 = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}.*")


def _no_number(value: Any) -> Any:
    """Seconds since 1970 are nothing that a person would read."""
    if isinstance(value, datetime) or (isinstance(value, str) and _RFC_3339.fullmatch(value)):
        return value
    raise PydanticCustomError("datetime_parsing", "a time with an offset (RFC 3339)")


def _in_utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC)


Moment: TypeAlias = Annotated[
    AwareDatetime,
    BeforeValidator(_no_number, json_schema_input_type=datetime),
    Field(ge=datetime(1900, 1, 1, tzinfo=UTC), lt=datetime(2200, 1, 1, tzinfo=UTC)),
    AfterValidator(_in_utc),
]
