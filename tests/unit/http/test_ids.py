"""Which ids a client may give to what it makes."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest

from libs.common.http import check_id
from libs.common.ids import derived, is_own, named, own, uuid7
from libs.common.messages import Refused

LEAD = UUID("01a227d8-5d69-7780-9adf-323a361ef00f")
OF_OTHERS = {
    "of what follows from a lead": derived(LEAD, "mediation_case/1"),
    "of something with a name": named("lead/sandbox/1"),
    "of the city": own("shared batches"),
    "without a time": uuid4(),
}


@pytest.mark.parametrize("whose", OF_OTHERS)
def test_no_client_may_take_an_id(whose: str) -> None:
    with pytest.raises(Refused) as refused:
        check_id(OF_OTHERS[whose])
    assert refused.value.code == "invalid_id"


def test_what_a_client_makes_may_be_any_id_of_version_7() -> None:
    assert check_id(LEAD) == LEAD
    assert check_id(id := uuid7()) == id


def test_nothing_that_follows_is_taken_for_the_citys_own() -> None:
    assert is_own(own("shared batches"))
    assert not any(map(is_own, (derived(named("lead/sandbox/1"), "x"), derived(LEAD, "x"), LEAD)))


def test_what_follows_is_found_beside_what_it_follows_from() -> None:
    assert derived(LEAD, "x").int >> 80 == LEAD.int >> 80
