"""S5: what is there cannot be found out by asking often, by patterns, or by what is refused.

Names of accounts: `tests/integration/portal/test_sign_in.py`. What a list holds: `test_rights.py`.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from datetime import date
from uuid import UUID

import pytest

from libs.common.database import session
from libs.common.dead_letters import subject_of
from libs.common.http.limits import BURST_SECONDS
from libs.common.ids import uuid7
from services.leads.policies import lead_id
from services.leads.rules import LEAD_TYPES
from services.portal.door import NAMES
from services.portal.policies import account_of
from tests.attacks.people import INFORMANT, OFFICER, STRANGER
from tests.attacks.rates import at_rates
from tests.e2e.small_city.plan import CELL
from tests.support.town import Town


async def test_who_tries_many_ids_is_told_to_wait(town: Town) -> None:
    with at_rates(town, account=2) as limited:
        there = limited.of(STRANGER).client
        answers = await asyncio.gather(*(there.get(f"/leads/{uuid7()}") for _ in range(60)))
    found = Counter(answer.status_code for answer in answers)
    assert found.keys() == {404, 429} and found[404] >= 2 * BURST_SECONDS and found[429] > 20
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert refused.json()["code"] == "too_many"
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    assert (await town.of(OFFICER).client.get("/leads")).status_code == 200, "others may go on"


async def test_an_address_is_counted_before_anybody_is_known(town: Town) -> None:
    with at_rates(town, address=2) as limited:
        there = limited.of(STRANGER).client
        there.auth = None  # type: ignore[assignment]
        answers = await asyncio.gather(*(there.get("/leads") for _ in range(60)))
    found = Counter(answer.status_code for answer in answers)
    assert found.keys() == {401, 429} and found[401] >= 2 * BURST_SECONDS and found[429] > 20


PATTERNS = ("%", "_", "*", ".*", "%25", "[0-9]", "' OR 1=1 --", "")


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("name", ["source_number", "unit", "community"])
async def test_no_pattern_finds_what_a_word_does_not(
    town: Town, things: Mapping[str, str], name: str, pattern: str
) -> None:
    found = await town.get("/leads", **{name: pattern})
    assert found == {"items": [], "next": None}


@pytest.mark.parametrize("pattern", PATTERNS)
async def test_a_status_is_no_pattern(town: Town, pattern: str) -> None:
    answer = await town.client.get("/leads", params={"status": pattern})
    assert (answer.status_code, answer.json()["errors"][0]["path"]) == (422, "/status")


@pytest.mark.parametrize("name", ["sort", "order", "fields", "filter", "offset", "page", "q", "as"])
async def test_nothing_is_sorted_or_filtered_by_what_is_not_shown(town: Town, name: str) -> None:
    answer = await town.client.get("/leads", params={name: "reporter"})
    assert (answer.status_code, answer.json()["errors"][0]["path"]) == (422, f"/{name}")


async def test_lists_tell_no_totals(town: Town) -> None:
    for path in ("/leads", "/alerts", "/mediation-cases", "/posts", "/accounts"):
        assert (await town.get(path, limit=1)).keys() == {"items", "next"}


async def test_an_id_in_use_tells_nothing_of_what_has_it(
    town: Town, things: Mapping[str, str]
) -> None:
    """That nothing can be made there cannot be hidden from who would make it; ids hold 74 random
    bits. It is no conflict, by which they would know that there is something."""
    bodies = [{"id": things["leads"], "lead_type": kind, "cell": CELL} for kind in LEAD_TYPES]
    there = town.of(INFORMANT)
    absent = (await there.client.get(f"/leads/{uuid7()}")).json()
    for body in bodies:
        answer = await there.post("/leads", body)
        assert (answer.status_code, answer.json()) == (404, absent)
    batch = (await there.post("/leads/batch", {"items": bodies})).json()["items"]
    assert {item["status"] for item in batch} == {404}


@pytest.mark.parametrize(
    "id", [NAMES, subject_of(date(2030, 1, 1)), account_of(INFORMANT), lead_id("sandbox", "7")]
)
async def test_no_client_takes_an_id_that_something_has_by_its_name(town: Town, id: UUID) -> None:
    """Its content would be sealed with the key of that, and its erasure destroy it."""
    body = {"id": str(id), "lead_type": "gas_bottle", "cell": CELL}
    alone = await town.of(INFORMANT).post("/leads", body)
    assert (alone.status_code, alone.json()["code"]) == (422, "invalid_id")
    batch = (await town.of(INFORMANT).post("/leads/batch", {"items": [body]})).json()["items"]
    assert batch[0]["problem"]["code"] == "invalid_id"


async def test_what_was_sent_alone_is_the_same_in_a_batch(town: Town) -> None:
    """A phone that got no answer sends all that it has kept."""
    body = {"id": str(uuid7()), "lead_type": "gas_bottle", "cell": CELL}
    first = await town.of(INFORMANT).post("/leads", body)
    (again,) = (await town.of(INFORMANT).post("/leads/batch", {"items": [body]})).json()["items"]
    assert first.status_code == 201 and again == {"status": 200, **first.json()}


async def test_whoever_sent_a_lead_may_send_it_again_when_its_answer_is_forgotten(
    town: Town,
) -> None:
    """After 60 days, or a restore: nobody is let to think that it did not arrive."""
    body = {"id": str(uuid7()), "lead_type": "gas_bottle", "cell": CELL}
    first = await town.of(INFORMANT).post("/leads", body)
    async with session(town.settings.url("leads", "writer")) as connection:
        forgotten = await connection.execute("DELETE FROM request WHERE key = $1", body["id"])
    again = await town.of(INFORMANT).post("/leads", body)
    other = await town.of(OFFICER).post("/leads", body)
    assert (first.status_code, forgotten) == (201, "DELETE 1")
    assert (again.status_code, again.json()["id"]) == (201, body["id"])
    assert (other.status_code, other.json()["code"]) == (404, "not_found")
    lead = await town.get(f"/leads/{body['id']}")
    assert lead["version"] == first.json()["version"] and "captured_by" not in lead
