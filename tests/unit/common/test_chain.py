"""Whatever is done to rows of audit, and whoever does it: what a dump and the anchors tell."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from libs.common import chain
from libs.common.chain import Anchor, Row, Sealed, Verdict

BEGIN = datetime(2026, 11, 24, 8, tzinfo=UTC)
COUNT, EACH = 100, 10
"""Rows, a minute apart; every tenth is anchored."""


def at(number: int) -> datetime:
    return BEGIN + timedelta(minutes=number)


def row(number: int) -> Row:
    return {"at": at(number).isoformat(), "actor": f"a{number}", "ids": ["编号"]}


def sealed(rows: Sequence[Row | None]) -> list[Sealed]:
    """As the sealer does it; and as somebody does who makes all seals anew."""
    hash, lines = chain.genesis("leads"), []
    for number, one in enumerate(rows, 1):
        hash = chain.after(hash, one or {})
        lines.append(Sealed(number, hash, one))
    return lines


ROWS = [row(number) for number in range(1, COUNT + 1)]
LINES = sealed(ROWS)
ANCHORS = [
    Anchor(number, LINES[number - 1].hash, at(number)) for number in range(EACH, COUNT + 1, EACH)
]

DUMPED_AT = at(COUNT + 1)


def told(
    lines: Sequence[Sealed],
    anchors: Sequence[Anchor] = ANCHORS,
    dumped_at: datetime = DUMPED_AT,
) -> Verdict:
    return chain.verify("leads", dumped_at, lines, anchors)


def first(verdict: Verdict) -> tuple[str, int | None]:
    assert verdict.name == "invalid"
    return verdict.faults[0].kind, verdict.faults[0].number


def test_what_nobody_touched_is_valid_up_to_the_last_anchor() -> None:
    verdict = told([*LINES, *sealed([*ROWS, row(COUNT + 1)])[COUNT:]])
    assert (verdict.name, verdict.rows, verdict.anchored) == ("valid", COUNT + 1, COUNT)


def test_without_anchors_nothing_is_ever_valid() -> None:
    assert told(LINES, []).name == "cannot be verified"
    assert first(told(LINES[1:], [])) == ("deleted", 1)


def test_where_there_never_was_a_row_there_is_nothing_to_verify() -> None:
    assert told([], []).name == "nothing to verify"
    assert first(told([], ANCHORS[:1])) == ("cut off", 1)
    assert first(told([Sealed(1, LINES[0].hash, None)], [])) == ("deleted", 1)


def test_a_dump_that_names_another_service_is_not_of_it() -> None:
    verdict = chain.verify("alerts", at(COUNT), LINES, [])
    assert first(verdict) == ("changed", 1)


def delete_row(lines: list[Sealed]) -> None:
    lines[41] = replace(lines[41], row=None)


def delete_row_and_seal(lines: list[Sealed]) -> None:
    del lines[41]


def change(lines: list[Sealed]) -> None:
    lines[41] = replace(lines[41], row={**ROWS[41], "actor": "somebody else"})


def swap(lines: list[Sealed]) -> None:
    lines[41], lines[70] = replace(lines[41], row=ROWS[70]), replace(lines[70], row=ROWS[41])


def swap_with_seals(lines: list[Sealed]) -> None:
    lines[41], lines[70] = lines[70], lines[41]


def insert_without_seal(lines: list[Sealed]) -> None:
    lines.append(Sealed(None, b"", {**row(42), "actor": "forged"}))


def insert_dated_ahead(lines: list[Sealed]) -> None:
    lines.append(Sealed(None, b"", {**row(COUNT + 100), "actor": "forged"}))


def insert_where_the_sealer_was(lines: list[Sealed]) -> None:
    lines.append(Sealed(None, b"", {**row(COUNT), "actor": "forged"}, passed=True))


def insert_at_the_end(lines: list[Sealed]) -> None:
    lines[:] = sealed([*ROWS, {**row(42), "actor": "forged"}])


def cut_off(lines: list[Sealed]) -> None:
    del lines[95:]


ROUGH: dict[Callable[[list[Sealed]], None], tuple[str, int | None]] = {
    delete_row: ("deleted", 42),
    delete_row_and_seal: ("deleted", 42),
    change: ("changed", 42),
    swap: ("out of order", 42),
    swap_with_seals: ("deleted", 42),
    insert_without_seal: ("inserted", None),
    insert_dated_ahead: ("inserted", None),
    insert_where_the_sealer_was: ("inserted", None),
    insert_at_the_end: ("inserted", 101),
    cut_off: ("cut off", 96),
}


@pytest.mark.parametrize("how", ROUGH, ids=lambda how: how.__name__)
def test_who_changes_rows_is_found_and_the_first_of_them_named(
    how: Callable[[list[Sealed]], None],
) -> None:
    lines = copy.copy(LINES)
    how(lines)
    assert first(told(lines)) == ROUGH[how]


def without(rows: list[Row]) -> list[Row]:
    return rows[:41] + rows[42:]


def with_one_more(rows: list[Row]) -> list[Row]:
    return [*rows[:41], {**row(42), "actor": "forged"}, *rows[41:]]


def otherwise(rows: list[Row]) -> list[Row]:
    return [*rows[:41], {**rows[41], "actor": "somebody else"}, *rows[42:]]


def turned_round(rows: list[Row]) -> list[Row]:
    return [*rows[:41], rows[42], rows[41], *rows[43:]]


def of_yesterday(rows: list[Row]) -> list[Row]:
    """Set back, and at work since."""
    return [*rows[:41], *({**one, "actor": "today"} for one in rows[41:])]


CAREFUL = (without, with_one_more, otherwise, turned_round, of_yesterday)


@pytest.mark.parametrize("how", CAREFUL, ids=lambda how: how.__name__)
def test_who_makes_all_seals_anew_is_found_by_the_next_anchor(
    how: Callable[[list[Row]], list[Row]],
) -> None:
    verdict = told(sealed(how(ROWS)))
    assert first(verdict) == ("rewritten", 41)
    assert "rows 41 to 50" in verdict.faults[0].text
    assert told(sealed(how(ROWS)), []).name == "cannot be verified"


def test_an_anchor_that_somebody_else_made_is_found() -> None:
    forged = [*ANCHORS, Anchor(50, b"other", at(50))]
    assert first(told(LINES, forged)) == ("rewritten", 50)


def test_a_row_that_is_not_sealed_yet_is_no_fault() -> None:
    verdict = told([*LINES, Sealed(None, b"", row(COUNT))])
    assert (verdict.name, verdict.rows) == ("valid", COUNT + 1)


def test_the_first_row_after_a_long_rest_is_no_fault() -> None:
    """given: a service nobody asked for hours; when: it is dumped just after somebody did; then:
    the row is there without a seal, or with one and no anchor yet, and all is valid."""
    later = row(COUNT + 300)
    for lines in ([*LINES, Sealed(None, b"", later)], sealed([*ROWS, later])):
        assert told(lines, dumped_at=at(COUNT + 301)).name == "valid"


@pytest.mark.parametrize("anchored", [1, 5, 9])
def test_rows_that_nobody_witnessed_for_long_cannot_be_verified(anchored: int) -> None:
    verdict = told(LINES, ANCHORS[:anchored])
    assert (verdict.name, verdict.anchored) == ("cannot be verified", anchored * EACH)


def test_nor_can_what_was_never_sealed_after_the_last_of_all() -> None:
    lines = [*LINES, Sealed(None, b"", row(COUNT + 1))]
    assert told(lines, dumped_at=at(COUNT + 2)).name == "valid"
    assert told(lines, dumped_at=at(COUNT + 4)).name == "cannot be verified"
