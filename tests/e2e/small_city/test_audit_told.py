"""Who looked at a record: each look has its line when that is asked, nothing else has (row P7)."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from uuid import UUID

from libs.common.ids import uuid7
from services.registry import reference
from tests.e2e.small_city.plan import CELL
from tests.e2e.small_city.test_audit import asked, command, servers_of
from tests.e2e.small_city.test_content import ELSEWHERE, OFFICER, holder
from tests.e2e.small_city.test_reading_limit import account_of
from tests.support.town import PLAN, PRIVACY_OFFICER, SEED, Town

READS, AT_ONCE = 500, 5
COMMANDER = reference.commander(PLAN, SEED)
INFORMANT = holder(lambda one: one.role == "grid_informant" and one.area == CELL)
READERS = (COMMANDER, OFFICER.id, INFORMANT.id, PRIVACY_OFFICER, ELSEWHERE.id)
"""Of these some may not see all that they ask for."""
PARTS = {
    "": "show_lead",
    "/timeline": "show_timeline",
    "/routing": "show_routing",
    "/content": "show_content",
}
"""What is shown of a lead, and how the audit calls it."""
Told = tuple[str, str, str]
"""Account, action and outcome."""


async def planted(town: Town, count: int) -> list[str]:
    """Leads of one cell, in the order of lists."""
    about = {"lead_type": "theft", "cell": CELL, "text": "what was seen"}
    items = [{"id": str(uuid7()), **about} for _ in range(count)]
    await town.load([("/leads/batch", items)])
    return sorted(str(item["id"]) for item in items)


def for_a_purpose(case: str) -> dict[str, str]:
    return {"Civicgrid_Purpose": "handle_leads", "Civicgrid_Case": case}


async def read(town: Town, person: UUID, lead: str, part: str) -> Told:
    """What a row of audit has to say of it."""
    reason = for_a_purpose(lead) if part == "/content" else {}
    answer, _ = await asked(town.of(person), "GET", f"/leads/{lead}{part}", **reason)
    outcome = {200: "done", 403: "denied", 404: "denied"}[answer.status_code]
    return str(account_of(person)), PARTS[part], outcome


async def test_of_one_lead_each_of_five_hundred_reads_is_told(town: Town) -> None:
    """given: two leads; when: five people look at one of them 500 times, at its parts in turn, five
    at once, and at the other besides; then: of the one there are 500 lines, those, after the line
    of its capture."""
    (lead,), (other,) = await planted(town, 1), await planted(town, 1)
    kinds = [(person, part) for person in READERS for part in PARTS]
    wanted = Counter[Told]()
    for begin in range(0, READS, AT_ONCE):
        some = [kinds[n % len(kinds)] for n in range(begin, begin + AT_ONCE)]
        reads = [read(town, person, lead, part) for person, part in some]
        wanted.update(await asyncio.gather(*reads))
        await read(town, COMMANDER, other, "")
    first, *lines = json.loads(await command(servers_of(town), "about", lead, "--json"))
    assert (first["action"], first["outcome"]) == ("capture_leads", "done")
    assert len(lines) == READS == wanted.total()
    assert Counter((one["actor"], one["action"], one["outcome"]) for one in lines) == wanted
    assert {one["service"] for one in lines} == {"leads"}
    assert {outcome for _, _, outcome in wanted} == {"done", "denied"}
