"""That an account reads of too many subjects is told once an hour."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from libs.common.audit import Entry
from libs.common.ids import named
from libs.common.reading_limit import READING_LIMIT, Reach, ReadingLimit, limit_id, reached

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
ACCOUNT = named("account/li")
ASKED = Entry(
    actor=str(ACCOUNT),
    acting_for="officer-1",
    grant_id=None,
    action="show_content",
    resource="lead",
    route="GET /leads/{id}/content",
    purpose="handle_leads",
    case_id=UUID(int=9),
    filters="",
    correlation_id="c",
)


def told(*minutes: int) -> list[int]:
    """Of reads that were too many, after so many minutes: those that were told."""
    limit, found = ReadingLimit(limit_id(ACCOUNT)), []
    for minute in minutes:
        command = Reach(NOW + timedelta(minutes=minute), ACCOUNT, "leads", "show_content")
        for event in READING_LIMIT.decide(limit, command):
            limit = READING_LIMIT.evolve(limit, event)
            found.append(minute)
    return found


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ((0,), [0]),
        ((0, 0, 1, 59), [0]),
        ((0, 60), [0, 60]),
        ((0, 59, 61, 119, 121), [0, 61, 121]),
    ],
)
def test_it_is_told_at_once_and_then_once_an_hour(
    asked: tuple[int, ...], expected: list[int]
) -> None:
    assert told(*asked) == expected


def test_what_is_told_says_who_and_what_and_nothing_of_what_was_asked_for() -> None:
    instruction = reached(NOW, "leads", ASKED)
    (event,) = READING_LIMIT.decide(ReadingLimit(instruction.id), instruction.command)
    assert event.model_dump() == {
        "limit_id": limit_id(ACCOUNT),
        "account_id": ACCOUNT,
        "service": "leads",
        "action": "show_content",
        "count": 20,
        "at": NOW,
    }


def test_all_reads_of_an_account_have_one_limit() -> None:
    other = ASKED._replace(action="show_entry", case_id=UUID(int=8))
    assert reached(NOW, "leads", ASKED).id == reached(NOW, "leads", other).id
    assert limit_id(named("account/wang")) != limit_id(ACCOUNT)
    assert limit_id(ACCOUNT) != ACCOUNT
