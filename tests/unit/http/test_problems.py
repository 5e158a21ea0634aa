"""What is told of a fault: the rule that was broken, and nothing of what was sent."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field, StringConstraints, ValidationError

from libs.common.http.batches import fault
from libs.common.http.problems import Texts


class Sent(BaseModel):
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
