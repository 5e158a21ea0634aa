"""What an auditor keeps stays, whatever becomes of the command that was to write it anew."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from cli import audit_files
from cli.main import app

AWAY = {
    "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:9",
    "DATABASE_URL": "postgresql://{role}:x@127.0.0.1:9/{service}",
}
AT = "2026-11-24T08:00:00+00:00"


def run(*words: str) -> Result:
    return CliRunner().invoke(app, ["audit", *words], env=AWAY)


def anchor(number: int, hash: str = "ab") -> str:
    told = {"service": "leads", "number": number, "hash": hash * 32, "sealed_at": AT}
    return json.dumps(told)


def on_the_topic(monkeypatch: pytest.MonkeyPatch, *anchors: str) -> None:
    async def anchored(bootstrap: str) -> AsyncIterator[str]:
        for one in anchors:
            yield one

    monkeypatch.setattr(audit_files, "_anchored", anchored)


def names(folder: Path) -> list[str]:
    return sorted(one.name for one in folder.iterdir())


@pytest.mark.parametrize("words", [("anchors",), ("dump", "leads")], ids=" ".join)
def test_a_kept_file_stays_where_no_server_answers(tmp_path: Path, words: tuple[str, ...]) -> None:
    """given: a file that is kept, and servers that are away; when: it is to be written anew, or a
    new one; then: it is as it was, and no other file is there."""
    kept = tmp_path / "kept"
    kept.write_text(anchor(1) + "\n")
    assert run(*words, str(kept)).exit_code != 0
    assert run(*words, str(tmp_path / "new")).exit_code != 0
    assert kept.read_text() == anchor(1) + "\n"
    assert names(tmp_path) == ["kept"]


def test_anchors_that_were_added_are_kept_and_nobody_else_reads_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = tmp_path / "anchors"
    kept.write_text(anchor(1) + "\n")
    on_the_topic(monkeypatch, anchor(1), anchor(2))
    assert run("anchors", str(kept)).exit_code == 0
    assert kept.read_text().splitlines() == [anchor(1), anchor(2)]
    assert kept.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("before", "on_topic", "why"),
    [
        ([anchor(1), anchor(2)], [anchor(1)], "row 2 of leads"),
        ([anchor(1), anchor(2)], [anchor(1), anchor(2, "cd")], "row 2 of leads"),
        ([anchor(1)], [], "row 1 of leads"),
        (["a note of mine"], [anchor(1)], "line 1"),
        (["[7]"], [anchor(1)], "line 1"),
        (['{"seven": 7}'], [anchor(1)], "something else"),
    ],
    ids=["fewer", "another", "none", "a text", "other JSON", "no anchor"],
)
def test_anchors_with_less_than_was_kept_take_the_place_of_nothing(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    before: Sequence[str],
    on_topic: Sequence[str],
    why: str,
) -> None:
    kept = tmp_path / "anchors"
    kept.write_text("\n".join(before) + "\n")
    on_the_topic(monkeypatch, *on_topic)
    done = run("anchors", str(kept))
    assert done.exit_code != 0 and why in str(done.exception)
    assert kept.read_text().splitlines() == before
    assert names(tmp_path) == ["anchors"]


def test_an_empty_file_is_nothing_that_was_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = tmp_path / "anchors"
    kept.touch()
    on_the_topic(monkeypatch, anchor(1))
    assert run("anchors", str(kept)).exit_code == 0
    assert kept.read_text().splitlines() == [anchor(1)]


def line(number: int | None, actor: str = "one") -> dict[str, Any]:
    row = {"actor": actor, "position": number, "at": AT}
    return {"number": number, "hash": "ab" if number else "", "row": row, "passed": False}


def dump_of(file: Path, *lines: dict[str, Any], service: str = "leads") -> None:
    length = max((one["number"] or 0 for one in lines), default=0)
    header = {"format": audit_files.FORMAT, "service": service, "length": length, "at": AT}
    file.write_text("".join(json.dumps(one) + "\n" for one in (header, *lines)))


SEALED_SINCE = {**line(3), "row": line(None, "new")["row"]}


@pytest.mark.parametrize(
    ("now", "why"),
    [
        ([line(1), line(2), SEALED_SINCE, line(None, "newer")], None),
        ([line(1), line(2), line(None, "new")], None),
        ([line(1), SEALED_SINCE], "row 2"),
        ([line(1), line(2, "another"), SEALED_SINCE], "row 2"),
        ([line(1), line(2)], "without a number"),
        ([], "row 1"),
    ],
    ids=["more", "the same", "fewer", "another", "one not sealed is gone", "none"],
)
def test_a_dump_takes_the_place_of_one_that_it_has_all_of(
    tmp_path: Path, now: Sequence[dict[str, Any]], why: str | None
) -> None:
    kept, fresh = tmp_path / "kept", tmp_path / "fresh"
    dump_of(kept, line(1), line(2), line(None, "new"))
    dump_of(fresh, *now)
    if why is None:
        return audit_files.check_dump(kept, fresh)
    with pytest.raises(audit_files.FileError, match=why):
        audit_files.check_dump(kept, fresh)
    return None


def test_a_dump_of_another_service_takes_no_place(tmp_path: Path) -> None:
    kept, fresh = tmp_path / "kept", tmp_path / "fresh"
    dump_of(kept)
    dump_of(fresh, line(1), service="alerts")
    with pytest.raises(audit_files.FileError, match="of leads, not of alerts"):
        audit_files.check_dump(kept, fresh)
    kept.write_text("a note of mine\n")
    with pytest.raises(audit_files.FileError, match="line 1"):
        audit_files.check_dump(kept, fresh)


@pytest.mark.parametrize("text", [None, "", "a note of mine\n", "[7]\n", "\xff", anchor(1)])
def test_a_file_that_is_no_dump_says_nothing_of_a_row(tmp_path: Path, text: str | None) -> None:
    """given: a file that is not there, or something else; when: it is to be verified; then: the
    end is neither that of a bad row nor that of one without a witness, and no server is blamed."""
    file = tmp_path / "leads.dump"
    if text is not None:
        file.write_text(text, encoding="latin-1")
    done = run("verify", str(file))
    assert done.exit_code == 3, (done.output, done.exception)
    assert str(file) in done.stderr.replace("\n", "")
    assert "server" not in done.output


@pytest.mark.parametrize("text", [None, "a note of mine\n", '{"service": "leads"}\n'])
def test_anchors_that_are_none_bear_no_witness(tmp_path: Path, text: str | None) -> None:
    dump, anchors = tmp_path / "leads.dump", tmp_path / "anchors.jsonl"
    dump_of(dump, line(1))
    if text is not None:
        anchors.write_text(text)
    assert run("verify", str(dump), "--anchors", str(anchors)).exit_code == 3


@pytest.mark.parametrize(
    "damaged",
    [
        {},
        {**line(2), "number": "two"},
        {**line(2), "hash": "no hash"},
        {**line(2), "row": "a row"},
        {**line(2), "row": {"actor": "one"}},
        {**line(2), "row": {"at": "2026-11-24"}},
        {**line(None), "row": None},
    ],
    ids=["empty", "number", "hash", "row", "no time", "no zone", "nothing"],
)
def test_a_damaged_line_is_told_by_its_number(tmp_path: Path, damaged: dict[str, Any]) -> None:
    file = tmp_path / "leads.dump"
    dump_of(file, line(1), line(3))
    first, second, third = file.read_text().splitlines()
    file.write_text("\n".join([first, second, json.dumps(damaged), third]) + "\n")
    done = run("verify", str(file))
    assert done.exit_code == 3 and "line 3 of" in done.stderr, (done.output, done.exception)


def test_a_damaged_anchor_is_told_by_its_number(tmp_path: Path) -> None:
    dump, anchors = tmp_path / "leads.dump", tmp_path / "anchors.jsonl"
    dump_of(dump, line(1))
    anchors.write_text(anchor(1) + '\n{"service": "leads"}\n')
    done = run("verify", str(dump), "--anchors", str(anchors))
    assert done.exit_code == 3 and "line 2 of" in done.stderr


def test_a_dump_whose_first_line_says_too_little_is_none(tmp_path: Path) -> None:
    file = tmp_path / "leads.dump"
    file.write_text(json.dumps({"format": audit_files.FORMAT}) + "\n")
    assert run("verify", str(file)).exit_code == 3


def test_a_service_without_a_row_has_nothing_to_verify(tmp_path: Path) -> None:
    """given: the dump of a service that has no row; when: it is verified; then: it ends with 0;
    but not where anchors name rows, or its first line does."""
    dump, anchors = tmp_path / "leads.dump", tmp_path / "anchors.jsonl"
    anchors.touch()
    dump_of(dump)
    for words in ((), ("--anchors", str(anchors))):
        done = run("verify", str(dump), *words)
        assert (done.exit_code, "nothing to verify" in done.stdout) == (0, True)
    anchors.write_text(anchor(1) + "\n")
    assert run("verify", str(dump), "--anchors", str(anchors)).exit_code == 1
    dump.write_text(dump.read_text().replace('"length": 0', '"length": 7'))
    assert run("verify", str(dump)).exit_code == 3
