"""S7: what somebody types stays data, wherever it goes."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any

import pytest
import structlog

from libs.common.ids import uuid7
from tests.e2e.small_city.plan import CELL
from tests.support.logged import logged
from tests.support.town import Town

TYPED = (
    "'; DROP TABLE lead; --",
    "' OR '1'='1",
    "1; SELECT pg_sleep(9)",
    "$1 %s {0} {x!r} ${jndi:ldap://x} {{7*7}} <script>alert(1)</script>",
    "=cmd|' /C calc'!A0",
    "@SUM(1+1)",
    "../../../../etc/passwd",
    "%00 \\u0000 \\x00 %n%n%n",
    "line\nforged=1\tlevel=error",
    "a" * 4000,
    "门口有煤气罐 👨\u200d👩\u200d👧 é",
)
UNSHOWN = {
    "NUL": "a\x00b",
    "escape": "\x1b[2Jcleared",
    "backspace": "safe\x08\x08\x08\x08evil",
    "override": "a\u202egnp.exe",
    "isolate": "a\u2066b\u2069",
    "mark": "a\u200fb",
    "one byte control": "a\x9bb",
}
LISTS = ("/leads", "/alerts", "/mediation-cases", "/areas", "/organisations", "/posts", "/scores")


@pytest.mark.parametrize("text", TYPED, ids=lambda text: text[:20])
async def test_a_text_is_kept_as_it_was_typed(town: Town, text: str) -> None:
    code = f"t{uuid7().hex}"
    body = {"code": code, "name": text[:200].strip(), "level": "city", "parent": None}
    if "\n" in text:
        answer = await town.post("/areas", body)
        assert answer.json()["errors"][0]["path"] == "/name", "a name is a line"
    lead = await town.post("/leads", {"lead_type": "theft", "cell": CELL, "text": text})
    assert lead.status_code == 201
    for path in LISTS:
        shown = await town.client.get(path, params={"after": text} if path in LISTS[3:] else {})
        assert shown.status_code == 200
    assert await town.rows("leads", "SELECT 1 FROM lead LIMIT 1"), "the table is there"


@pytest.mark.parametrize("kind", UNSHOWN)
async def test_what_no_screen_shows_is_pointed_at(town: Town, kind: str) -> None:
    text = UNSHOWN[kind]
    lead: dict[str, Any] = {"lead_type": "theft", "cell": CELL}
    for body, path in (
        (lead | {"text": text}, "/text"),
        (lead | {"reporter": {"name": text}}, "/reporter/name"),
        (lead | {"lead_type": text}, "/lead_type"),
        (lead | {"cell": text}, "/cell"),
    ):
        answer = await town.post("/leads", body)
        assert (answer.status_code, answer.json()["errors"][0]["path"]) == (422, path)
        batch = await town.post("/leads/batch", {"items": [lead, body]})
        assert [item["status"] for item in batch.json()["items"]] == [201, 422]
    for route, name in (("/areas", "name"), ("/organisations", "name"), ("/posts", "code")):
        answer = await town.post(route, {name: text})
        assert f"/{name}" in {one["path"] for one in answer.json()["errors"]}


@pytest.mark.parametrize("escaped", ["\\ud800", "\\udfff\\ud800", "\\ud800\\u0041", "a\\u0000"])
async def test_half_a_character_is_pointed_at(town: Town, escaped: str) -> None:
    raw = f'{{"lead_type":"theft","cell":"{CELL}","text":"{escaped}"}}'
    headers = {"Content-Type": "application/json"}
    answer = await town.client.post("/leads", content=raw, headers=headers)
    assert (answer.status_code, answer.json()["errors"][0]["path"]) == (422, "/text")


@pytest.mark.parametrize(
    "value", ["%00", "a%00b", "%FF", "%ED%A0%80", "%E2%80%AE", "%1B%5B2J", "%0A"]
)
async def test_a_strange_address_finds_nothing(town: Town, value: str) -> None:
    for address in (
        *(f"/areas/{value}", f"/leads/{value}", f"/scores/{value}/{value}", f"/schemes/{value}"),
        *(f"/leads?unit={value}", f"/areas?after={value}", f"/alerts?community={value}"),
        *(f"/leads?{value}=1", f"/scores?scheme={value}", f"/posts?area={value}"),
    ):
        answer = await town.client.get(address)
        assert answer.status_code in (200, 404, 422), address
        if answer.status_code == 200:
            assert not answer.json()["items"] or "after" in address


@pytest.mark.parametrize("year", ["0000", "0001", "9999", "-001", "10000"])
async def test_a_year_that_no_calendar_knows_is_refused(town: Town, year: str) -> None:
    for moment in (f"{year}-01-01T00:00:00Z", f"{year}-12-31T23:59:59+14:00"):
        lead = await town.post("/leads", {"lead_type": "theft", "captured_at": moment})
        assert (lead.status_code, lead.json()["errors"][0]["path"]) == (422, "/captured_at")
        areas = await town.client.get("/areas", params={"as_of": moment})
        assert areas.status_code == 422
    assert (await town.client.get(f"/work-calendars/{year}")).status_code in (404, 422)


def test_no_line_of_a_log_is_forged(capfd: pytest.CaptureFixture[str]) -> None:
    """Lines of a service and of its libraries are objects of JSON: what was typed stands inside
    them, and whatever a screen or a reader of lines would heed is written as an escape."""
    typed = (*TYPED, *UNSHOWN.values(), "one\x85two\u2028three\rfour")
    with logged():
        for text in typed:
            structlog.get_logger().warning("fell", error=text, **{"a\nkey": text})
            logging.getLogger("library").warning("fell: %s", text)
            logging.getLogger("library").error("fell", exc_info=ValueError(text))
    lines = capfd.readouterr().err.splitlines()
    assert len(lines) == 3 * len(typed)
    for line in lines:
        assert isinstance(json.loads(line), dict)
        assert line.isascii() and line.isprintable()


async def test_no_header_of_an_answer_holds_what_was_sent(
    town: Town, things: Mapping[str, str]
) -> None:
    planted = "planted-" + uuid7().hex
    headers = {
        "Idempotency-Key": planted,
        "traceparent": planted,
        "Accept-Language": planted,
        "Origin": f"https://{planted}",
        "X-Request-Id": planted,
        "Referer": planted,
    }
    for path in (f"/leads/{things['leads']}", f"/areas/{planted}", "/leads?unit=" + planted):
        answer = await town.client.get(path, headers=headers)
        assert planted not in str(answer.headers)
        assert "access-control-allow-origin" not in answer.headers


async def test_nothing_is_exported_yet_that_a_spreadsheet_would_run(town: Town) -> None:
    """When there is an export, its cells are to be escaped: this test then says so."""
    for path in LISTS:
        answer = await town.client.get(path, headers={"Accept": "text/csv"})
        assert answer.headers["content-type"] == "application/json"
