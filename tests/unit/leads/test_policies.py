"""What follows from an event of a lead."""

from __future__ import annotations

from typing import Any

import pytest

from libs.common.messages import CancelTimer
from services.leads.domain import commands
from services.leads.domain.lead import Lead, decide
from services.leads.policies import POLICIES, SIGN_OFF
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
