"""When dead letters come too thick: 50 in a row, or 5 of 100 among the last thousand records."""

from __future__ import annotations

from uuid import UUID

from libs.common.messages import Cause
from libs.common.quarantine import Quarantine
from libs.common.work import Dead, Done, Letter, Message, Place, Work

RECORD = Letter("t", 0, 0, 0, None, (), None)
CAUSE = Cause("test", "c", UUID(int=1), "test")


def works(count: int, *, dead: bool, skipped: int = 0) -> list[Work]:
    """Each followed by that many records that are not for this service."""
    found = []
    for n in range(count):
        offset = n * (1 + skipped)
        place = Place("t", 0, offset, offset, offset + 1 + skipped, RECORD)
        work = Work(lambda _: (), CAUSE, message=Message(UUID(int=n), "s"), place=place)
        work.result = Dead("json", "no JSON") if dead else Done([])
        found.append(work)
    return found


def test_fifty_in_a_row_are_too_many() -> None:
    quarantine = Quarantine()
    assert list(quarantine.watch(works(49, dead=True))) == []
    [(topic, told)] = quarantine.watch(works(1, dead=True))
    assert topic == "t" and "dead-letters" in told


def test_records_that_are_for_others_lie_between_them() -> None:
    """Found by the poison of all topics: a service that acts upon few types of a topic stopped,
    though there were thirty good records to each bad one."""
    quarantine = Quarantine()
    assert list(quarantine.watch(works(400, dead=True, skipped=30))) == []


def test_a_twentieth_of_the_last_thousand_is_the_limit() -> None:
    quarantine = Quarantine()
    assert list(quarantine.watch(works(200, dead=True, skipped=20))) == []
    assert list(quarantine.watch(works(200, dead=True, skipped=18)))
