"""What texts of events are. One that is none of these is free, and what is free is sealed."""

from typing import Annotated, Any, TypeAlias

from pydantic import StringConstraints, WithJsonSchema


def _text(form: str, **limits: str | int) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "format": form, **limits})


def _object(form: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "object", "format": form, "additionalProperties": True})


Code: TypeAlias = Annotated[str, _text("code")]
"""Of an area, an office, a post, a rule."""
Term: TypeAlias = Annotated[str, _text("term")]
"""One of a list: a type, a reason, an outcome."""
PublicName: TypeAlias = Annotated[str, _text("public-name")]
"""Of a place or an office; never of a person."""
Digest: TypeAlias = Annotated[str, _text("sha256")]
Decimal: TypeAlias = Annotated[str, _text("decimal")]
_PRINTED, _LONGEST = r"^[\x21-\x7e]+$", 100
Number: TypeAlias = Annotated[
    str,
    StringConstraints(pattern=_PRINTED, min_length=1, max_length=_LONGEST),
    _text("number", pattern=_PRINTED, minLength=1, maxLength=_LONGEST),
]
"""By which a source knows its item."""
Geometry: TypeAlias = Annotated[dict[str, Any], _object("geojson")]
Explanation: TypeAlias = Annotated[dict[str, Any], _object("explanation")]
"""What rules were given and found: codes and terms."""
Rule: TypeAlias = Annotated[dict[str, Any], _object("routing-rule")]
