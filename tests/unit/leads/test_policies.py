"""What follows from an event of a lead."""

from __future__ import annotations

from typing import Any

import pytest

from libs.common.messages import CancelTimer, Instruction
from libs.common.work import Dead, Letter
from services.leads.domain import commands
from services.leads.domain.lead import Lead, decide
from services.leads.policies import POLICIES, SIGN_OFF, on_intake_buried
from tests.unit.leads.test_lead import ID, NOW, TO, captured, told

NOBODY: Any = None
"""A context of which nothing is asked."""
STEPS = (
    commands.Sign(NOW),
    commands.Return(NOW, "not_ours", None),
    commands.FeedBackFromCase(NOW, "agreed"),
)


def routed() -> Lead:
    return told(captured(), commands.File(NOW), commands.Route(NOW, TO))


@pytest.mark.parametrize("step", STEPS, ids=lambda step: type(step).__name__)
def test_once_a_lead_is_no_longer_routed_nobody_has_to_sign_it(step: commands.Command) -> None:
    """Found by the checker of campaigns: nine leads whose case ended before they were signed would
    have had a card of supervision."""
    event, *_ = decide(routed(), step)
    assert next(iter(POLICIES[type(event)](event, NOBODY))) == CancelTimer(SIGN_OFF, ID)


def test_bad_intake_is_answered_where_another_stood_before_the_topic_was_made_anew() -> None:
    first, other = (letter(value) for value in (b"<a/>", b"<b/>"))
    again = first._replace(offset=9)
    ids = [item.id for one in (first, other, again) for item in rejected(one)]
    assert ids[0] != ids[1]
    assert ids[0] == ids[2]


def letter(value: bytes) -> Letter:
    """All at one place."""
    return Letter("civicgrid.intake.sandbox", 3, 7, 0, b"17", (), value)


def rejected(one: Letter) -> list[Instruction]:
    dead = Dead("headers", "ce_id: missing")
    return [item for item in on_intake_buried(one, dead) if isinstance(item, Instruction)]
