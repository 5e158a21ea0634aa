"""A drill for the day on which an account was misused: whom to tell is known, and at once (row
P15)."""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from libs.common.ids import uuid7
from tests.e2e.small_city.test_audit import asked, command, rows, servers_of
from tests.e2e.small_city.test_audit_told import PARTS, for_a_purpose, planted
from tests.e2e.small_city.test_reading_limit import account_of, new_officers
from tests.support.town import Town, is_ok

WITHIN_SECONDS = 600
ID = re.compile("[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True)
class Look:
    """`ids`: of what was shown, and what was asked for; none where nothing was shown."""

    service: str
    action: str
    ids: frozenset[str]
    at: datetime


async def look(town: Town, person: UUID, path: str, action: str, **reason: str) -> Look:
    """With the time of its row."""
    service = "alerts" if path.startswith("/alerts") else "leads"
    answer, correlation = await asked(town.of(person), "GET", path, **reason)
    ids = ID.findall(path + answer.text) if is_ok(answer) else []
    (row,) = await rows(town, service, correlation)
    return Look(service, action, frozenset(ids), row["at"])


async def looks(town: Town, person: UUID, leads: Sequence[str], secret: str) -> list[Look]:
    """At leads one by one, at what is told of two, at lists; and some that are denied: at nothing,
    and at what is told of `secret` and another lead, for the wrong case."""
    first, second, *_ = leads
    found = [await look(town, person, f"/leads/{lead}", "show_lead") for lead in leads]
    for lead in (first, second, first):
        path = f"/leads/{lead}/content"
        found.append(await look(town, person, path, "show_content", **for_a_purpose(lead)))
    lists = {"/leads?limit=7": "list_leads", f"/alerts?about={first}": "list_alerts"}
    found += [await look(town, person, path, action) for path, action in lists.items()]
    denied = [
        *((f"/leads/{uuid7()}{part}", PARTS[part], first) for part in ("", "/content")),
        *((f"/leads/{lead}/content", "show_content", first) for lead in (second, secret)),
        (f"/alerts/{uuid7()}", "show_alert", first),
    ]
    refused = [await look(town, person, path, act, **for_a_purpose(at)) for path, act, at in denied]
    assert not any(one.ids for one in refused)
    return found + refused


async def test_of_a_breach_exactly_those_are_told_whose_records_were_seen(town: Town) -> None:
    """given: an account that looks at leads and lists before, within and after a time, some of them
    in two of these, and tries what it may not see; and others, who look at other leads meanwhile;
    when: it is asked what that account saw in that time, from its first look to its first look
    after it; then: just what was shown to it then, as often as it was, and at once."""
    *leads, secret = await planted(town, 81)
    taken, other = await new_officers(town, ["drill-officer-1", "drill-officer-2"])
    before = await looks(town, taken, leads[:30], secret)
    await looks(town, other, leads[60:70], secret)
    within = await looks(town, taken, leads[20:50], secret)
    await looks(town, other, leads[45:], secret)
    after = await looks(town, taken, leads[40:60], secret)
    since, until = within[0].at.isoformat(), after[0].at.isoformat()
    account, begun = str(account_of(taken)), time.monotonic()
    told = json.loads(await command(servers_of(town), "by", account, since, until, "--json"))
    assert time.monotonic() - begun < WITHIN_SECONDS
    found = {(one["service"], one["action"], one["id"]): one["times"] for one in told}
    wanted = Counter((one.service, one.action, id) for one in within for id in one.ids)
    assert found == wanted and len(told) == len(found)
    seen = {id for one in within for id in one.ids}
    assert {one["id"] for one in told} == seen
    assert set(leads[20:50]) <= seen and not seen & {*leads[60:], secret}
    assert {id for one in before for id in one.ids} - seen >= set(leads[8:20])
