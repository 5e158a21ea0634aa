"""What an outside source writes to its topic becomes a lead, and is answered once."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from functools import partial
from secrets import token_hex
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from libs.common import kafka
from libs.common.ids import uuid7
from tests.e2e.small_city.test_leads import first_cell
from tests.support.awaiting import eventually
from tests.support.town import Town

INTAKE, RECEIPTS = "civicgrid.intake.sandbox", "civicgrid.receipts.sandbox"


@pytest.fixture
async def source(town: Town) -> AsyncIterator[AIOKafkaProducer]:
    producer = kafka.producer(town.settings.kafka_bootstrap_servers, "source")
    await producer.start()
    yield producer
    await producer.stop()


async def report(producer: AIOKafkaProducer, id: str, body: dict[str, Any], **more: bytes) -> None:
    key = str(body.get("source_number", id)).encode()
    headers = list(headers_of(id, **more).items())
    await producer.send_and_wait(INTAKE, json.dumps(body).encode(), key=key, headers=headers)


def headers_of(id: str, **more: bytes) -> dict[str, bytes]:
    return {
        "ce_specversion": b"1.0",
        "ce_id": id.encode(),
        "ce_type": b"incident.reported.v1",
        "ce_source": b"sandbox",
    } | more


async def receipts(town: Town) -> list[tuple[str, dict[str, Any]]]:
    """Everything on the topic of receipts, from its beginning."""
    consumer = AIOKafkaConsumer(
        RECEIPTS,
        bootstrap_servers=town.settings.kafka_bootstrap_servers,
        auto_offset_reset="earliest",
    )
    await consumer.start()
    try:
        parts = consumer.assignment()
        wanted = sum((await consumer.end_offsets(parts)).values())
        found: list[tuple[str, dict[str, Any]]] = []
        while len(found) < wanted:
            for records in (await consumer.getmany(timeout_ms=200)).values():
                found += [
                    (dict(r.headers)["ce_type"].decode(), json.loads(r.value)) for r in records
                ]
        return found
    finally:
        await consumer.stop()


def _type(record: Any) -> str:
    return str(dict(record.headers)["ce_type"].decode())


async def receipts_of(town: Town, number: str) -> list[tuple[str, dict[str, Any]]]:
    return [one for one in await receipts(town) if one[1]["source_number"] == number]


async def test_an_incident_sent_twice_is_one_lead_with_one_receipt(
    town: Town, source: AIOKafkaProducer
) -> None:
    number, id = f"n-{uuid7()}", str(uuid7())
    body = {
        "source_number": number,
        "lead_type": "gas_bottle",
        "cell": (await first_cell(town))["code"],
        "reported_at": "2026-11-20T08:00:00+08:00",
    }
    await report(source, id, body)
    await report(source, id, body)
    await report(source, str(uuid7()), body)  # the same item under another message id
    found = await eventually(partial(receipts_of, town, number), lambda some: len(some) > 1)
    leads = (await town.get("/leads", source_number=number))["items"]
    assert [(one["source"], one["channel"]) for one in leads] == [("sandbox", "intake")]
    assert {kind for kind, _ in found} == {"intake.accepted.v1"}
    assert {told["lead_id"] for _, told in found} == {leads[0]["id"]}
    assert len(found) == 2  # one for each message


async def test_what_cannot_be_taken_is_answered_with_what_is_wrong(
    town: Town, source: AIOKafkaProducer
) -> None:
    number = f"n-{uuid7()}"
    good = {
        "source_number": number,
        "lead_type": "theft",
        "reported_at": "2026-11-20T08:00:00+08:00",
    }
    await report(source, str(uuid7()), good | {"longitude": 200, "latitude": 1})
    found = await eventually(partial(receipts_of, town, number), bool)
    assert found[0][0] == "intake.rejected.v1"
    assert found[0][1]["paths"] == ["/longitude"]
    unknown = f"n-{uuid7()}"
    body = good | {"source_number": unknown, "lead_type": "unheard_of"}
    await report(source, str(uuid7()), body)
    found = await eventually(partial(receipts_of, town, unknown), bool)
    assert (found[0][0], found[0][1]["codes"]) == ("intake.rejected.v1", ["unknown_lead_type"])
    assert found[0][1]["paths"] == ["/lead_type"]
    dead = await town.rows("leads", "SELECT stage FROM dead_letter WHERE topic = $1", INTAKE)
    assert {"refused", "schema"} <= {row["stage"] for row in dead}


async def test_an_incident_that_is_there_before_its_cell_waits_for_it(
    town: Town, source: AIOKafkaProducer
) -> None:
    above = await first_cell(town)
    fresh = {"code": f"{above['code']}-{uuid7().hex[-12:]}", "name": "new", "level": "grid_l3"}
    number = f"n-{uuid7()}"
    body = {
        "source_number": number,
        "lead_type": "theft",
        "cell": fresh["code"],
        "reported_at": "2026-11-20T08:00:00+08:00",
    }
    await report(source, str(uuid7()), body)
    waits = "SELECT data::text FROM timer WHERE name = 'wait'"
    [row] = await eventually(partial(town.rows, "leads", waits), bool)
    assert base64.b64encode(number.encode()).decode() not in row["data"], "it is sealed"
    parent = above["parent"] if above["level"] == "grid_l3" else above["code"]
    answer = await town.post("/areas", fresh | {"parent": parent})
    assert answer.status_code == 201, answer.text
    found = await eventually(partial(receipts_of, town, number), bool)
    assert [kind for kind, _ in found] == ["intake.accepted.v1"]


async def test_a_key_that_no_receipt_can_hold_stops_nobody(
    town: Town, source: AIOKafkaProducer
) -> None:
    await source.send_and_wait(INTAKE, b"{", key=b"n\0" + uuid7().bytes, partition=0)
    number = f"n-{uuid7()}"
    body = {"source_number": number, "lead_type": "theft", "reported_at": "2026-11-20T08:00:00Z"}
    headers = list(headers_of(str(uuid7())).items())
    await source.send_and_wait(INTAKE, json.dumps(body).encode(), partition=0, headers=headers)
    assert await eventually(partial(receipts_of, town, number), bool)
    rejected = [one for kind, one in await receipts(town) if kind == "intake.rejected.v1"]
    told = [one for one in rejected if one["source_number"] is None]
    assert (["missing"], ["ce_type"]) in [(one["codes"], one["paths"]) for one in told]


@pytest.mark.parametrize("key", [b"another", None])
async def test_an_item_under_another_key_than_its_number_is_taken(
    town: Town, source: AIOKafkaProducer, key: bytes | None
) -> None:
    """As docs/integrating.md says: a source that sends no key loses the order of its items, and
    nothing else."""
    number = f"n-{uuid7()}"
    body = {"source_number": number, "lead_type": "theft", "reported_at": "2026-11-20T08:00:00Z"}
    headers = list(headers_of(str(uuid7())).items())
    await source.send_and_wait(INTAKE, json.dumps(body).encode(), key=key, headers=headers)
    found = await eventually(partial(receipts_of, town, number), bool)
    assert [kind for kind, _ in found] == ["intake.accepted.v1"]


async def test_headers_that_would_not_fit_into_our_own_events_are_refused(
    town: Town, source: AIOKafkaProducer
) -> None:
    number = f"n-{uuid7()}"
    body = {"source_number": number, "lead_type": "theft", "reported_at": "2026-11-20T08:00:00Z"}
    for name in ("ce_actorref", "traceparent", "ce_correlationid"):
        await report(source, str(uuid7()), body, **{name: token_hex(523_800).encode()})
    found = await eventually(partial(receipts_of, town, number), lambda some: len(some) == 3)
    assert {kind for kind, _ in found} == {"intake.rejected.v1"}
