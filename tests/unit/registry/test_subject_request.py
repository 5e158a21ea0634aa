"""What was asked of a subject: what older releases told of it is read as it was meant."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest
from pydantic import ValidationError

from libs.common.contracts.registry import SubjectAffected, SubjectHeld
from libs.common.ids import uuid7
from libs.common.messages import Refused
from services.registry.bodies import HoldBody
from services.registry.domain.subject_request import (
    SUBJECT_REQUEST,
    FindErased,
    Hold,
    LetGo,
    SubjectRequest,
)

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)


def affected(id: UUID, erased: UUID) -> SubjectRequest:
    """By an event of an older release, which did not say whether it goes."""
    told = {"subject_ref": str(id), "at": AT.isoformat(), "erased": str(erased)}
    event = SubjectAffected.model_validate(told)
    return SUBJECT_REQUEST.evolve(SUBJECT_REQUEST.blank(id), event)


def test_what_an_older_release_let_go_is_not_held() -> None:
    id = uuid7()
    with pytest.raises(Refused, match="hold_too_late"):
        SUBJECT_REQUEST.decide(affected(id, id), Hold(AT, "court-7", True))


@pytest.mark.parametrize("ground", ["court-2026-17", "2026-1"])
def test_a_ground_is_the_number_of_an_order(ground: str) -> None:
    assert HoldBody(ground=ground).ground == ground


@pytest.mark.parametrize(
    "ground", ["HanMei", "court-HanMei", "court-2026-HanMei", "11010519491231002", "13800138000"]
)
def test_nobody_is_a_ground(ground: str) -> None:
    """It is published: no name fits in, nor the number of a person or a telephone."""
    with pytest.raises(ValidationError):
        HoldBody(ground=ground)


def test_a_record_of_which_a_party_was_erased_is_held() -> None:
    id = uuid7()
    [held] = SUBJECT_REQUEST.decide(affected(id, uuid7()), Hold(AT, "court-7", True))
    assert isinstance(held, SubjectHeld)


def test_what_was_found_erased_is_told_once_and_goes_no_second_time() -> None:
    state = SUBJECT_REQUEST.blank(uuid7())
    [found] = SUBJECT_REQUEST.decide(state, FindErased(AT))
    state = SUBJECT_REQUEST.evolve(state, found)
    assert state.erased_at == AT
    assert SUBJECT_REQUEST.decide(state, FindErased(AT)) == []
    assert SUBJECT_REQUEST.decide(state, LetGo(AT)) == []
