"""What is told of a body that is not of the right form."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from libs.common.http.batches import fault
from libs.common.http.problems import Texts
from services.portal import bodies
from tests.support.servers import ROOT

TEXTS = Texts([ROOT / "services" / "portal" / "texts.yaml"])


@pytest.mark.parametrize("name", ["Bad Name!", "ab", "-li.na", "li.na\n", "a" * 41, "李娜的名字"])
def test_a_sign_in_name_of_another_form_is_told_the_right_one(name: str) -> None:
    with pytest.raises(ValidationError) as raised:
        bodies.AccountBody(name=name)
    (error,) = raised.value.errors()
    for language, form in (("en", "3 to 40 of a-z"), ("zh", "3 至 40 个字符")):
        (told,) = TEXTS.faults([fault(error["loc"], error)], language)
        assert told["path"] == "/name" and form in told["message"]
        assert name not in told["message"]


def test_a_sign_in_name_is_described_by_its_pattern() -> None:
    assert bodies.AccountBody.model_json_schema()["properties"]["name"]["pattern"] == bodies._NAME
    assert bodies.AccountBody(name="li.na-07").name == "li.na-07"
