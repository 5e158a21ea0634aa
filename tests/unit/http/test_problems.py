"""What is told of a fault: the rule that was broken, and nothing of what was sent."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from libs.common.http.batches import fault
from libs.common.http.problems import Texts


class Sent(BaseModel):
    model_config = ConfigDict(extra="forbid")
    password: Annotated[str, StringConstraints(min_length=12, max_length=14)] = "a" * 12
    channel: Literal["app", "console"] = "app"
    longitude: Annotated[float, Field(ge=-180, lt=180)] = 0


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        ({"password": "secret"}, "This is too short: at least 12 characters."),
        ({"password": "secret, as a whole"}, "This is too long: at most 14 characters."),
        ({"channel": "secret"}, "This is none of 'app', 'console'."),
        ({"longitude": -1234}, "This is too small: at least -180."),
        ({"longitude": 1234}, "This is too large: less than 180."),
        ({"longitude": "secret"}, "This must be a number."),
    ],
)
def test_a_fault_says_what_would_be_right(sent: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError) as raised:
        Sent.model_validate(sent)
    (error,) = raised.value.errors()
    for language in ("en", "zh"):
        (shown,) = Texts([]).faults([fault(error["loc"], error)], language)
        assert shown.keys() == {"path", "code", "message"}
        assert "secret" not in shown["message"] and "1234" not in shown["message"]
        assert "{" not in shown["message"]
        assert language == "zh" or shown["message"] == told


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("role", "/role"),
        ("__proto__", "/__proto__"),
        ("Li Lei", "/"),
        ("李雷", "/"),
        ("a" * 41, "/"),
    ],
)
def test_an_unknown_field_is_named_where_it_is_a_name_of_a_field(name: str, path: str) -> None:
    with pytest.raises(ValidationError) as raised:
        Sent.model_validate({name: 1})
    (error,) = raised.value.errors()
    assert fault(error["loc"], error) == {"path": path, "code": "extra_forbidden"}
