"""One way for times: taken with an offset or without, shown in UTC; and help says so."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest
import typer
from typer.testing import CliRunner

from cli import screen, times
from cli.main import app

EIGHT = datetime(2026, 11, 1, 0, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def zhucheng(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine eight hours ahead of UTC."""
    monkeypatch.setenv("TZ", "Asia/Shanghai")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    "told",
    [
        "2026-11-01T08:00:00+08:00",
        "2026-11-01T00:00:00Z",
        "2026-11-01T08:00",
        "2026-11-01 08:00:00",
    ],
)
def test_a_time_is_taken_with_an_offset_or_as_that_of_this_machine(told: str) -> None:
    assert times.moment(told) == EIGHT
    assert times.moment(told).utcoffset() is not None


def test_a_day_begins_where_the_machine_is() -> None:
    assert times.moment("2026-11-01") == EIGHT - timedelta(hours=8)


@pytest.mark.parametrize("told", ["yesterday", "", "2026-13-01", "0001-01-01"])
def test_what_is_no_time_is_told_the_form(told: str) -> None:
    with pytest.raises(typer.BadParameter, match="without an offset"):
        times.moment(told)


def test_a_time_is_shown_in_utc_whatever_offset_it_came_with() -> None:
    ahead = EIGHT.astimezone(timezone(timedelta(hours=8)))
    assert screen.shown(ahead) == screen.shown(EIGHT) == "2026-11-01T00:00:00Z"
    assert times.moment(screen.shown(EIGHT)) == EIGHT


def test_the_end_of_a_time_is_not_before_its_begin() -> None:
    words = ["audit", "by", str(UUID(int=1)), "2026-11-02T00:00:00Z", "2026-11-02T07:00:00"]
    done = CliRunner().invoke(app, words, env={"COLUMNS": "200"})
    assert done.exit_code == 2 and "it is after UNTIL" in done.output


@pytest.mark.parametrize(
    "words", [("audit", "by"), ("republish",), ("lead", "keep"), ("sharing", "retain")]
)
def test_help_names_the_zone(words: tuple[str, ...]) -> None:
    done = CliRunner().invoke(app, [*words, "--help"], env={"COLUMNS": "300"})
    assert "zone of this machine" in done.output


@pytest.mark.parametrize("words", [("audit", "about"), ("audit", "by"), ("dead-letters", "list")])
def test_help_says_in_which_zone_times_are_shown(words: tuple[str, ...]) -> None:
    done = CliRunner().invoke(app, [*words, "--help"], env={"COLUMNS": "300"})
    assert "UTC" in done.output
