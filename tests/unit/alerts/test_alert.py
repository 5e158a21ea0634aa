"""The states of an alert, after the table of row A10."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from random import Random
from typing import Any
from uuid import UUID

import pytest

from libs.common.messages import Refused
from services.alerts.domain.alert import (
    Acknowledge,
    Alert,
    Clear,
    Command,
    Escalate,
    Raise,
    decide,
    evolve,
)

NOW = datetime(2026, 11, 24, tzinfo=UTC)
LI, WANG = UUID(int=1), UUID(int=2)
RAISE = Raise(NOW, UUID(int=9), "c", "c-1", "rule", 1, 3, (LI, WANG), 5)


def told(alert: Alert, *steps: Any) -> Alert:
    for step in steps:
        for event in decide(alert, step):
            alert = evolve(alert, event)
    return alert


@pytest.mark.parametrize(
    ("steps", "status"),
    [
        ((RAISE,), "unacknowledged"),
        ((RAISE, RAISE), "unacknowledged"),
        ((RAISE, Acknowledge(NOW, LI)), "acknowledged"),
        ((RAISE, Clear(NOW, 6)), "returned_unacknowledged"),
        ((RAISE, Acknowledge(NOW, LI), Clear(NOW, 6)), "normal"),
        ((RAISE, Clear(NOW, 6), Acknowledge(NOW, WANG)), "normal"),
        ((Clear(NOW, 6),), ""),
    ],
)
def test_each_trigger_leads_where_the_table_says(steps: tuple[Any, ...], status: str) -> None:
    assert told(Alert(UUID(int=7)), *steps).status == status


def test_what_was_before_it_was_raised_does_not_clear_it() -> None:
    """As after a restore: it is there already, and the messages before it are read again."""
    assert told(Alert(UUID(int=7)), RAISE, Clear(NOW, 3)).status == "unacknowledged"


def test_nobody_is_told_twice_and_nobody_once_it_is_settled() -> None:
    third = UUID(int=3)
    alert = told(Alert(UUID(int=7)), RAISE, Escalate(NOW, 1, (LI, third)))
    assert alert.told == (LI, WANG, third)
    assert decide(alert, Escalate(NOW, 1, (third,))) == []
    assert decide(told(alert, Acknowledge(NOW, LI)), Escalate(NOW, 2, (UUID(int=4),))) == []
    assert decide(told(alert, Clear(NOW, 6)), Escalate(NOW, 2, (UUID(int=4),))) == []


def test_only_who_was_told_acknowledges_and_only_once() -> None:
    alert = told(Alert(UUID(int=7)), RAISE)
    with pytest.raises(Refused) as refused:
        decide(alert, Acknowledge(NOW, UUID(int=5)))
    assert refused.value.status == 404
    with pytest.raises(Refused) as refused:
        decide(told(alert, Acknowledge(NOW, LI)), Acknowledge(NOW, WANG))
    assert refused.value.status == 409


def test_over_ten_thousand_random_steps_no_person_is_told_twice() -> None:
    chance = Random(13)
    persons = [UUID(int=n) for n in range(1, 8)]
    for _ in range(500):
        alert = Alert(UUID(int=7))
        told_of: list[UUID] = []
        for _ in range(20):
            some = tuple(chance.sample(persons, 3))
            steps: list[Command] = [
                replace(RAISE, recipients=some),
                Acknowledge(NOW, chance.choice(persons)),
                Escalate(NOW, alert.level + 1, some),
                Clear(NOW, 6),
            ]
            try:
                events = decide(alert, chance.choice(steps))
            except Refused:
                continue
            for event in events:
                told_of += getattr(event, "recipients", ())
                alert = evolve(alert, event)
        assert len(told_of) == len(set(told_of))
