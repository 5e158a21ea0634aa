"""The states of a case: exactly the steps of its table are taken, all else names them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from libs.common.messages import Refused
from services.mediation.domain import commands
from services.mediation.domain.case import LEGAL, Case, Status, decide, evolve

NOW = datetime(2026, 11, 24, tzinfo=UTC)
DUE = NOW + timedelta(days=30)
A, B, MEDIATOR = UUID(int=1), UUID(int=2), UUID(int=3)
APPLY = commands.Apply(NOW, "centre", "c", "c-1", None, "n", None)
STEPS: dict[str, Any] = {
    "decline": commands.Decline(NOW, "no"),
    "accept": commands.Accept(NOW, "simple", DUE),
    "form_panel": commands.FormPanel(NOW, (MEDIATOR,), (A, B)),
    "hold_session": commands.HoldSession(NOW, 30),
    "agree": commands.Agree(NOW),
    "fail": commands.Fail(NOW, "no"),
    "withdraw": commands.Withdraw(NOW),
    "record_performance": commands.RecordPerformance(NOW),
    "close": commands.Close(NOW),
}


def told(case: Case, *steps: commands.Command) -> Case:
    for step in steps:
        for event in decide(case, step):
            case = evolve(case, event)
    return case


@pytest.mark.parametrize("status", [status for status in LEGAL])
@pytest.mark.parametrize("name", sorted(STEPS))
def test_exactly_the_legal_steps_are_taken(status: Status, name: str) -> None:
    case = replace(told(Case(UUID(int=7)), APPLY), status=status, due_at=DUE)
    legal = set(LEGAL[status].values())
    if name in legal:
        assert len(decide(case, STEPS[name])) == 1
        return
    with pytest.raises(Refused) as refused:
        decide(case, STEPS[name])
    assert (refused.value.status, set(refused.value.allowed)) == (409, legal)


def test_sessions_do_not_move_the_month_and_it_is_over_once() -> None:
    steps = ("accept", "form_panel", "hold_session", "hold_session")
    case = told(Case(UUID(int=7)), APPLY, *(STEPS[name] for name in steps))
    assert (case.due_at, case.sessions) == (DUE, 2)
    overdue = commands.FallOverdue(DUE)
    case = told(case, overdue)
    assert case.overdue
    assert decide(case, overdue) == []
    assert decide(told(case, STEPS["agree"]), overdue) == []


def test_a_party_may_leave_until_there_is_an_agreement() -> None:
    case = told(Case(UUID(int=7)), APPLY, STEPS["accept"], STEPS["withdraw"], STEPS["close"])
    assert (case.status, case.outcome) == ("closed", "withdrawn")


def test_the_case_of_a_lead_is_opened_once_and_no_other_takes_its_place() -> None:
    applied = replace(APPLY, lead_id=UUID(int=8))
    case = told(Case(UUID(int=7)), applied)
    assert decide(case, applied) == []
    for other in (APPLY, replace(APPLY, lead_id=UUID(int=9))):
        with pytest.raises(Refused, match="other_case"):
            decide(case, other)
    with pytest.raises(Refused, match="other_case"):
        decide(told(Case(UUID(int=7)), APPLY), applied)
