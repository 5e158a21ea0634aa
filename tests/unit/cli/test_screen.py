"""What tables show on a narrow screen, and in which words."""

from __future__ import annotations

import pytest
from rich.console import Console

from cli import screen
from cli.subjects import _line
from libs.common.ids import uuid7

NARROW = 80


@pytest.fixture(autouse=True)
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(screen, "console", Console(width=NARROW))


@pytest.mark.parametrize("others", range(8))
def test_no_id_is_broken_on_a_narrow_screen(
    capsys: pytest.CaptureFixture[str], others: int
) -> None:
    ids = [str(uuid7()), str(uuid7()), "police_room-370782001001"]
    names = dict(zip(("id", "person_ref", "unit"), ids, strict=True))
    more = {f"figure_{n}": "some words that take a whole line" for n in range(others)}
    screen.show_table([{**names, **more}])
    screen.show_facts({**names, **more})
    shown = capsys.readouterr().out
    assert all(shown.count(id) == 2 for id in ids)
    assert max(map(len, shown.splitlines())) <= NARROW


def test_a_request_is_shown_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    held = {"ground": "court-1", "held_at": "2026-03-02T09:00:00Z", "erased_at": None}
    row: dict[str, object] = {
        "id": str(uuid7()),
        "status": "",
        **held,
        "missing": [],
        "overdue": False,
    }
    screen.show_facts(_line(row))
    shown = capsys.readouterr().out
    assert "nothing asked" in shown and "court-1" in shown and "no\n" in shown.replace(" ", "")
    assert "[]" not in shown and "False" not in shown


def test_what_is_shown_is_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    screen.show_table([{"text": "[bold]two[/bold] men"}])
    assert "[bold]two[/bold] men" in capsys.readouterr().out
