"""The rules that the service comes with, and what raises and clears by them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from libs.common.contracts.portal import (
    BreakGlassApprovalFellOverdue,
    BreakGlassApproved,
    BreakGlassReviewed,
    BreakGlassReviewFellOverdue,
)
from libs.common.contracts.registry import SubjectRequestConfirmed, SubjectRequestFellOverdue
from services.alerts.rules import RULES

ID, NOW = UUID(int=9), datetime(2026, 11, 29, tzinfo=UTC)


def test_an_erasure_that_is_late_raises_one_alert() -> None:
    late = SubjectRequestFellOverdue(subject_ref=ID, at=NOW, missing=("leads",))
    assert [rule.id for rule in RULES.rules if rule.raised_by(late)] == ["erasure-overdue"]
    assert not [rule.id for rule in RULES.rules if rule.cleared_after(late)]


@pytest.mark.parametrize(
    ("missing", "cleared"), [((), ["erasure-overdue"]), (("leads",), []), (("leads", "portal"), [])]
)
def test_only_the_last_confirmation_clears_it(missing: tuple[str, ...], cleared: list[str]) -> None:
    told = SubjectRequestConfirmed(subject_ref=ID, at=NOW, service="alerts", missing=missing)
    assert [rule.id for rule in RULES.rules if rule.cleared_after(told)] == cleared
    assert not [rule.id for rule in RULES.rules if rule.raised_by(told)]


@pytest.mark.parametrize(
    ("late", "rule", "roles"),
    [
        (BreakGlassApprovalFellOverdue, "break-glass-unapproved", ["privacy_officer"]),
        (
            BreakGlassReviewFellOverdue,
            "break-glass-unreviewed",
            ["privacy_officer", "command_operator"],
        ),
    ],
)
def test_a_limit_of_a_grant_raises_an_alert_that_its_review_alone_clears(
    late: Any, rule: str, roles: list[str]
) -> None:
    (raised,) = [one for one in RULES.rules if one.raised_by(late(grant_id=ID, at=NOW))]
    assert (raised.id, list(raised.roles)) == (rule, roles)
    told: dict[str, Any] = {"grant_id": ID, "at": NOW, "person_ref": ID, "by": ID}
    assert raised.cleared_after(BreakGlassReviewed(**told, finding="in_order"))
    assert not raised.cleared_after(BreakGlassApproved(**told))
