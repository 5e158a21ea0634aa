"""The states of a lead: given where it is, when it is told something, then what happens."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from libs.common.messages import Refused
from services.leads.domain import LEAD, commands
from services.leads.domain.lead import Lead, decide, evolve
from services.leads.domain.routing import Routing, Unrouted
from services.leads.domain.transitions import LEGAL, Status

NOW = datetime(2026, 4, 30, 8, tzinfo=UTC)
ID = UUID(int=7)
TO = Routing("room-1", "police_room", "room-1", "rule", 1, NOW + timedelta(hours=1))

CAPTURE = commands.Capture(
    NOW, "theft", "clue", "urgent", "app", "app", NOW, community="c", cell="c-1"
)
STEPS: dict[str, Any] = {
    "file_lead": commands.File(NOW),
    "dismiss_lead": commands.Dismiss(NOW, "prank"),
    "route_lead": commands.Route(NOW, TO),
    "sign_lead": commands.Sign(NOW),
    "return_lead": commands.Return(NOW, "not_ours", None),
    "accept_lead": commands.Accept(NOW),
    "feed_back": commands.FeedBack(NOW, "settled"),
    "arbitrate_lead": commands.Arbitrate(NOW, "room-2", "nearer", None),
    "verify_lead": commands.Verify(NOW),
    "close_lead": commands.Close(NOW),
}


def told(lead: Lead, *steps: commands.Command) -> Lead:
    for step in steps:
        for event in decide(lead, step):
            lead = evolve(lead, event)
    return lead


def captured(**more: Any) -> Lead:
    return told(Lead(ID), replace(CAPTURE, **more))


@pytest.mark.parametrize("status", [status for status in LEGAL])
@pytest.mark.parametrize("name", sorted(STEPS))
def test_exactly_the_legal_steps_are_taken_and_all_else_names_them(
    status: Status, name: str
) -> None:
    lead = replace(captured(), status=status, unit="room-1")
    legal = set(LEGAL[status].values())
    if name in legal:
        assert decide(lead, STEPS[name])
        return
    with pytest.raises(Refused) as refused:
        decide(lead, STEPS[name])
    assert (refused.value.status, set(refused.value.allowed)) == (409, legal)


def test_the_same_lead_again_changes_nothing_and_another_under_its_id_is_refused() -> None:
    mine = replace(CAPTURE, captured_by=UUID(int=5))
    assert decide(captured(captured_by=UUID(int=5)), mine) == []
    numbered = replace(CAPTURE, source_number="2026-7")
    lead = captured(source_number="2026-7")
    assert decide(lead, numbered) == []
    for other in (replace(numbered, lead_type="fraud"), replace(numbered, source_number="2026-8")):
        with pytest.raises(Refused, match="other_lead"):
            decide(lead, other)


def test_what_kind_of_lead_has_an_id_nobody_learns_by_trying() -> None:
    for by in (None, UUID(int=5)):
        for kind in ("theft", "fraud"):
            again = replace(CAPTURE, captured_by=UUID(int=6), lead_type=kind)
            with pytest.raises(Refused, match="not_found") as refused:
                decide(captured(captured_by=by), again)
            assert refused.value.status == 404
    with pytest.raises(Refused, match="other_lead"):
        decide(captured(), CAPTURE)


@pytest.mark.parametrize(("late", "on_time"), [(0, True), (1, False)])
def test_done_at_the_due_instant_is_on_time(late: int, on_time: bool) -> None:
    lead = replace(captured(due_at=NOW), status="verified")
    (event,) = decide(lead, commands.Close(NOW + timedelta(microseconds=late)))
    assert getattr(event, "on_time", None) is on_time


def test_a_history_from_elsewhere_ends_once_it_is_routed() -> None:
    lead = captured(imported=True, closed_at=NOW + timedelta(days=1), source_number="1")
    lead = told(lead, commands.File(NOW), commands.Route(NOW, Unrouted(None, "no_place")))
    assert decide(lead, commands.RecordEnding()) == []
    lead = told(lead, commands.Route(NOW, TO))
    assert lead.sign_by is None
    assert told(lead, commands.RecordEnding()).status == "closed"


def test_what_becomes_of_a_case_does_not_move_a_lead_that_went_on() -> None:
    lead = replace(captured(), status="closed", unit="centre")
    assert decide(lead, commands.FeedBackFromCase(NOW, "performed")) == []
    assert decide(lead, commands.ReturnFromCase(NOW, "declined", "centre")) == []
    there = replace(captured(), status="routed", unit="elsewhere")
    assert decide(there, commands.ReturnFromCase(NOW, "declined", "centre")) == []


class Machine(RuleBasedStateMachine):
    """Any commands in any order: the state stays one of those known, and is the fold."""

    def __init__(self) -> None:
        super().__init__()
        self.lead = Lead(ID)
        self.events: list[Any] = []

    @rule(step=st.sampled_from([CAPTURE, *STEPS.values(), commands.OrderRework(NOW, "again")]))
    def tell(self, step: commands.Command) -> None:
        try:
            events = decide(self.lead, step)
        except Refused:
            return
        self.events += events
        for event in events:
            self.lead = evolve(self.lead, event)

    @invariant()
    def state_is_the_fold_of_what_was_published(self) -> None:
        lead = Lead(ID)
        for event in self.events:
            sealed = event.sealed
            lead = evolve(
                lead, type(event).model_validate_json(event.model_dump_json(exclude=sealed))
            )
        assert lead == self.lead
        assert LEAD.state.validate_json(LEAD.state.dump_json(self.lead)) == self.lead

    @invariant()
    def a_lead_is_returned_twice_at_most(self) -> None:
        assert len(self.lead.bounced) <= 2

    @invariant()
    def one_that_somebody_must_answer_has_a_unit(self) -> None:
        assert self.lead.unit or self.lead.status not in ("routed", "signed", "handling")


TestMachine = Machine.TestCase
TestMachine.settings = settings(max_examples=200, stateful_step_count=30)
