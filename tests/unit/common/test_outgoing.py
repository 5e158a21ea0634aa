"""What a process has just stored, for its relay."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from libs.common.ids import uuid7
from libs.common.journal import EventRow
from libs.common.outgoing import MOST, Outgoing

NOBODY = UUID(int=0)


def row() -> EventRow:
    told = ("till", NOBODY, 1, uuid7(), "civicgrid.till", "till.sold.v1", "key", "{}", None)
    return EventRow(*told, "system", "", NOBODY, "", None, False, datetime.now(UTC))


def test_a_transaction_is_taken_once() -> None:
    outgoing, rows = Outgoing(), [row(), row()]
    outgoing.open()
    outgoing.keep("7", rows)
    assert outgoing.take("7") == rows
    assert not outgoing.take("7")


def test_nothing_is_kept_for_a_relay_that_does_not_publish() -> None:
    outgoing = Outgoing()
    outgoing.keep("7", [row()])
    outgoing.open()
    assert not outgoing.take("7")


def test_another_relay_begins_with_nothing() -> None:
    outgoing = Outgoing()
    outgoing.open()
    outgoing.keep("7", [row()])
    outgoing.close()
    outgoing.open()
    assert not outgoing.take("7")


def test_the_oldest_are_let_go_first() -> None:
    outgoing, one = Outgoing(), [row()]
    outgoing.open()
    for n in range(MOST + 1):
        outgoing.keep(str(n), one)
    assert not outgoing.take("0")
    assert outgoing.take("1") == one
    assert outgoing.take(str(MOST)) == one
