"""Values that mean somebody, planted wherever the city takes any: none is found in clear again.

They go in by HTTP and by Kafka, in good requests and bad ones, through crashes too, while all that
can be logged is. Then every topic from its beginning, every table, all logs, metrics, traces and
refusals are searched for them, as they are, in hexadecimal, in base64 and as JSON escapes.
"""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from joserfc.jwk import ECKey
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import generate_latest

from cli.city import SERVICES
from libs.common import kafka, provisioning, tracing
from libs.common.ids import uuid7
from services.leads import policies
from tests.e2e.small_city.test_content import ELSEWHERE, OFFICER
from tests.e2e.small_city.test_intake import INTAKE, headers_of, receipts
from tests.e2e.small_city.test_leads import first_cell
from tests.e2e.small_city.test_mediation import cases_of
from tests.e2e.small_city.test_register import DATABASES
from tests.e2e.small_city.test_retention import OLD, ended, happened, keep, swept
from tests.e2e.small_city.test_sharing import batch, entries_of, key, read, signed
from tests.support.awaiting import eventually
from tests.support.logged import logged
from tests.support.servers import FOLDER, ROOT
from tests.support.town import Town, is_ok

__all__ = ["key"]

MARK = "Zq7plantedNowhere"
"""So long that no form of it stands in what is sealed by chance."""
NAME = "种下的名字"
LONGITUDE, LATITUDE = 119.4012345671, 36.0012345673


def planted(n: object) -> str:
    return f"{MARK}{n}"


PLACE = {"area": ELSEWHERE.area, "issued_by": str(OFFICER.id)}
SOMEBODY = {
    "cell": f"{ELSEWHERE.area}0101",
    "name": f"{NAME} {planted('name')}",
    "born": "1980-05-06",
    "address": f"{planted('address')} {NAME}",
    "identity": planted("identity"),
    "guardian": f"{planted('guardian')} {NAME}",
    "statement": {"kind": "report", "text": f"{planted('statement')} {NAME}"},
}
"""Of whom the police tell."""


def forms_of(value: str) -> Iterator[bytes]:
    """As it may stand somewhere."""
    raw = value.encode()
    yield raw.lower()
    yield raw.hex().encode()
    yield json.dumps(value)[1:-1].encode().lower()
    for shift in range(3):
        inside = base64.b64encode(b"\0" * shift + raw)
        yield inside[shift and 4 : len(inside) // 4 * 4 - 4].lower()


FORMS = [form for value in (MARK, NAME, f"{LONGITUDE}", f"{LATITUDE}") for form in forms_of(value)]


def found_in(text: bytes) -> list[bytes]:
    """What is planted in it, with what stands around."""
    small = text.lower()
    hits = ((form, small.find(form)) for form in FORMS)
    return [small[max(0, at - 60) : at + 60] for _, at in hits if at >= 0]


@pytest.mark.parametrize("form", ["{}", "x {} y", "{hex}", "{json}", "{base64}"])
def test_what_is_planted_would_be_found(form: str) -> None:
    inside = f"ab {NAME}!"
    told = {
        "hex": inside.encode().hex(),
        "json": json.dumps(inside),
        "base64": base64.b64encode(inside.encode()).decode(),
    }
    assert found_in(form.format(NAME, **told).encode())


@pytest.fixture
def traced() -> Iterator[InMemorySpanExporter]:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracing.use(provider.get_tracer("test"))
    yield exporter
    tracing.use(None)


@contextmanager
def talkative() -> Iterator[None]:
    """All that there is to say is logged, at the lowest level."""
    with logged(logging.DEBUG):
        logging.getLogger().setLevel(logging.DEBUG)
        logging.getLogger("httpx").setLevel(logging.WARNING)  # the client's own, of what it asks
        yield


async def test_what_is_planted_is_found_nowhere(
    town: Town,
    key: ECKey,
    traced: InMemorySpanExporter,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with talkative():
        told = [answer async for answer in by_http(town)]
        told += [answer async for answer in by_sharing(town, key)]
        told += [answer async for answer in by_privacy(town)]
        await by_kafka(town)
        monkeypatch.setattr(policies, "find", crash)
        told.append(await town.post("/leads", {"lead_type": "theft", "text": planted("crash")}))
        assert told[-1].status_code == 500
        await by_kafka(town, "crashed")
        monkeypatch.undo()
    capture = capfd.readouterr()
    places = {
        "answers": "\n".join(f"{one.headers} {one.text}" for one in told).encode(),
        "logs": f"{capture.out}{capture.err}".encode(),
        "metrics": generate_latest(),
        "traces": "\n".join(one.to_json() for one in traced.get_finished_spans()).encode(),
        "servers": b"\n".join(file.read_bytes() for file in FOLDER.glob("*.log")),
        **{name: text async for name, text in tables(town)},
        **{name: text async for name, text in topics(town)},
    }
    assert b"a handler crashed" in places["logs"] and b"ValueError" in places["logs"]
    assert b"lead.captured.v1" in places["topic civicgrid.leads"]
    for event in (b"shared_batch.refused.v1", b"shared_entry.received.v1"):
        assert event in places["topic civicgrid.registry"]
    assert b"break_glass.reviewed.v1" in places["topic civicgrid.portal"]
    assert len(places["table leads.dead_letter"]) > 1000
    hits = {place: found for place, text in places.items() if (found := found_in(text))}
    assert hits == {}


def crash(*_: Any) -> None:
    raise ValueError(f"cannot handle {planted('in an exception')} {NAME}")


async def by_http(town: Town) -> AsyncIterator[httpx.Response]:
    """Answers to all that is refused, and to reads of what was taken."""
    cell = (await first_cell(town))["code"]
    lead = str(uuid7())
    about = {
        "text": f"{planted('text')} {NAME}",
        "reporter": {"name": NAME, "phone": planted("phone")},
        "longitude": LONGITUDE,
        "latitude": LATITUDE,
        "area_hint": planted("hint"),
    }
    taken = {"id": lead, "lead_type": "neighbour_quarrel", "cell": cell, **about}
    assert (await town.post("/leads", taken, **headers())).status_code == 201
    for path in (f"/leads/{lead}", f"/leads/{lead}/timeline", "/leads", "/alerts"):
        yield await town.client.get(path, headers=headers())
    child = {"under_14": True, "guardian": {"name": NAME, "phone": planted("guardian")}}
    items = [{"lead_type": "theft", "cell": cell, **about}, {**about, "lead_type": planted("x")}]
    items += [{**items[0], "reporter": child}, {**items[0], "reporter": {**child, "name": NAME}}]
    yield await town.post("/leads/batch", {"items": items})
    async for answer in refused(town, taken, cell, lead):
        assert answer.status_code >= 400, answer.text
        yield answer
    async for answer in by_hand(town, cell):
        yield answer
    async for answer in accounts(town):
        yield answer


def headers() -> dict[str, str]:
    """Of a client that says too much."""
    return {
        "Idempotency-Key": planted("key"),
        "User-Agent": planted("agent"),
        "Cookie": f"a={planted('cookie')}",
        "traceparent": planted("trace"),
        "X-Request-Id": planted("request"),
        "Accept-Language": planted("language"),
    }


async def refused(
    town: Town, taken: dict[str, Any], cell: str, lead: str
) -> AsyncIterator[httpx.Response]:
    bodies: list[Any] = [
        taken | {"id": planted("id")},
        taken | {"id": str(uuid7()), "lead_type": planted("type")},
        taken | {"id": str(uuid7()), "cell": planted("cell")},
        taken | {"id": str(uuid7()), "more": planted("more")},
        taken | {"id": str(uuid7()), "text": f"\0{planted('nul')}"},
        taken | {"id": str(uuid7()), "text": planted("long") * 1000},
        taken | {"reporter": planted("instead")},
        taken | {"captured_at": planted("time")},
        taken | {"id": lead, "text": planted("other")},
        [planted("list")],
        planted("string"),
    ]
    for body in bodies:
        yield await town.post("/leads", body)
    for content in (f'{{"text":"{MARK}', MARK, f"text={MARK}"):
        yield await town.client.post("/leads", content=content, headers={"content-type": MARK})
        kind = {"content-type": "application/json"}
        yield await town.client.post("/leads", content=content, headers=kind)
    yield await town.client.get(f"/leads/{MARK}")
    yield await town.client.get(f"/{MARK}/{NAME}")
    yield await town.client.get("/leads", params={"after": MARK, "unit": NAME})
    yield await town.client.get("/leads", params={MARK: NAME, NAME: MARK})
    yield await town.post(f"/leads/{lead}/sign", If_Match=MARK)
    for step, body in {
        "return": {"reason": NAME, "proposed_unit": planted("unit")},
        "feed-back": {"outcome": planted("outcome")},
        "dismiss": {"reason": f"{NAME} {MARK}"},
        "route": {"unit": planted("unit"), "reason": planted("reason")},
    }.items():
        yield await town.post(f"/leads/{lead}/{step}", body)
    yield await town.post(f"/leads/{lead}/return", {"reason": "x", "proposed_unit": planted("u")})
    case = (await eventually(partial(cases_of, town, lead), bool))[0]["id"]
    yield await town.post(f"/mediation-cases/{case}/decline", {"reason": NAME})
    yield await town.post("/mediation-cases", {"cell": cell, "statement": planted("said")})
    polygon = {"type": "Polygon", "coordinates": [], planted("member"): NAME}
    area = {"code": planted("code"), "name": "x", "level": "grid_l3", "parent": cell}
    yield await town.post("/areas", area | {"polygon": polygon})
    counts = {planted("indicator"): {"numerator": 1, "denominator": 1}}
    yield await town.post("/schemes/jinniu_digital_city/evaluate", {"counts": counts})


async def by_hand(town: Town, cell: str) -> AsyncIterator[httpx.Response]:
    """A person says in words why a unit shall have it, twice."""
    id = str(uuid7())
    captured = await town.post("/leads", {"id": id, "lead_type": "street_light", "cell": cell})
    unit = {"unit": captured.json()["police_room"], "reason": f"{planted('why')} {NAME}"}
    for step, body in (
        *(("return", {"reason": "not_ours"}), ("route", unit)),
        *(("return", {"reason": "not_ours"}), ("arbitrate", unit)),
    ):
        answer = await town.post(f"/leads/{id}/{step}", body)
        assert answer.status_code == 200, answer.text
        yield answer
    yield await town.client.get(f"/leads/{id}")
    yield await town.client.get(f"/leads/{id}/timeline")
    asked = {"id": str(uuid7()), "record": id, "case_id": str(uuid7()), "reason": "missing_person"}
    yield await town.post("/break-glass", {**asked, "text": f"{planted('grant')} {NAME}"})
    yield await town.client.get("/break-glass")


async def by_sharing(town: Town, key: ECKey) -> AsyncIterator[httpx.Response]:
    """A batch that is let in and read, and answers to all that is not."""
    officer, taken = town.of(ELSEWHERE.id), batch(**PLACE, entries=[SOMEBODY])
    answer = await officer.post("/shared-batches", signed(key, taken), **headers())
    assert answer.status_code == 201, answer.text
    path = f"/shared-batches/{answer.json()['id']}"
    (entry,) = await entries_of(town, answer.json()["id"])
    for body in not_shared(key, taken):
        answer = await officer.post("/shared-batches", body)
        assert answer.status_code >= 400, answer.text
        yield answer
    yield await town.post(f"{path}/reject", {"reason": planted("rejected").lower()})
    assert (await town.post(f"{path}/approve")).status_code == 200
    assert NAME in (await read(town, entry, ELSEWHERE)).text
    for there in (path, "/shared-batches", "/shared-entries", f"/shared-entries?category={MARK}"):
        yield await officer.client.get(there, headers=headers())
    yield await read(town, entry, ELSEWHERE, purpose=MARK, case=MARK)
    for step, body in (("retain", {"until": taken["expires_at"]}), ("withdraw", {})):
        for reason in (NAME, planted(step).lower()):
            there = f"/shared-entries/{entry}/{step}"
            yield await officer.post(there, {**body, "reason": reason})


def not_shared(key: ECKey, taken: dict[str, Any]) -> Iterator[Any]:
    """Batches that are refused: for what they hold, for their form, for who signed them."""
    terms = {name: planted(name).lower() for name in ("basis", "purpose", "category")}
    child = {name: SOMEBODY[name] for name in SOMEBODY.keys() - {"born", "guardian"}}
    for told in (
        {**terms, "source": planted("source"), "entries": [SOMEBODY, SOMEBODY]},
        {"entries": [{**SOMEBODY, "cell": planted("cell")}]},
        {"entries": [child]},
        {"area": planted("area"), "entries": [SOMEBODY]},
        {"document": planted("document"), "entries": [SOMEBODY]},
        {"document": taken["document"], "entries": [{**SOMEBODY, "name": planted("other")}]},
        {"entries": [{**SOMEBODY, planted("member"): NAME}]},
        {planted("member"): NAME, "entries": [SOMEBODY]},
    ):
        yield signed(key, batch(**{**PLACE, **told}))
    for signature in (None, "", planted("signature"), f"{MARK}.{MARK}.{MARK}"):
        yield {**batch(**PLACE, entries=[SOMEBODY]), "signature": signature}
    yield signed(ECKey.generate_key("P-256", private=True), batch(**PLACE, entries=[SOMEBODY]))


async def by_privacy(town: Town) -> AsyncIterator[httpx.Response]:
    """What a privacy officer says in words, and what would be words where a code is asked for."""
    lead = await ended(town)
    await happened(town, OLD.format(days=1826), UUID(lead))
    await swept(town)
    path = f"/subject-requests/{lead}"
    for word in (NAME, planted("word"), planted("word").lower()):
        yield await keep(town, lead, reason=word)
        yield await town.privacy.post(f"{path}/hold", {"ground": word})
        yield await town.privacy.post("/subject-requests", {"record": word, "party": word})
        yield await town.privacy.post(f"{path}/decide", {"granted": word, "reason": word})
    async for answer in reviewed(town, lead):
        yield answer


async def reviewed(town: Town, lead: str) -> AsyncIterator[httpx.Response]:
    """An emergency, and what was found when it was over."""
    officer, id = town.of(OFFICER.id), str(uuid7())
    asked: dict[str, Any] = {"id": id, "record": lead, "reason": "missing_person"}
    asked |= {"text": f"{planted('emergency')} {NAME}", "emergency": True}
    asked |= {"case_id": str(uuid7())}
    await eventually(partial(officer.client.get, "/break-glass"), is_ok)
    assert (await officer.post("/break-glass", asked)).status_code == 201
    for who, step in ((officer, "end"), (town, "approve")):
        answer = await who.post(f"/break-glass/{id}/{step}")
        assert answer.status_code == 200, answer.text
        yield answer
    note = {"finding": "in_order", "note": f"{planted('note')} {NAME}"}
    for wrong in ({"finding": planted("finding")}, {"note": NAME}, {planted("more"): NAME}):
        yield await town.privacy.post(f"/break-glass/{id}/review", {**note, **wrong})
    answer = await town.privacy.post(f"/break-glass/{id}/review", note)
    assert answer.status_code == 200, answer.text
    yield answer
    yield await town.privacy.post(f"/break-glass/{id}/review", note)
    yield await town.privacy.client.get("/break-glass")


async def accounts(town: Town) -> AsyncIterator[httpx.Response]:
    founder = town.of(uuid4(), founder=True)
    body = {"name": planted("account").lower(), "person_ref": str(uuid4()), "second_factor": False}
    opened = await founder.post("/accounts", body, **headers())
    assert opened.status_code == 201, opened.text
    secret = {"name": body["name"], "password": planted("password")}
    invited = {**secret, "invitation": opened.json()["invitation"]}
    async with elsewhere(town) as client:
        yield await client.post("/sign-in", json=secret)
        yield await client.post("/sign-in", json={**secret, "code": MARK})
        yield await client.post("/accounts/activate", json={**invited, "totp_secret": MARK})
        activated = await client.post("/accounts/activate", json=invited)
    assert activated.status_code == 200, activated.text
    yield await founder.client.get("/accounts")


def elsewhere(town: Town) -> httpx.AsyncClient:
    """At an address of its own, which has tries of its own."""
    transport = town.client._transport
    if isinstance(transport, httpx.ASGITransport):
        transport = httpx.ASGITransport(transport.app, False, client=("10.9.8.7", 1))
    return httpx.AsyncClient(transport=transport, base_url=town.client.base_url)


async def by_kafka(town: Town, more: str = "") -> None:
    """Until each record has its receipt."""
    cell = (await first_cell(town))["code"]
    good = {"source_number": f"n-{uuid7()}", "lead_type": "theft", "cell": cell}
    good |= {"reported_at": "2026-11-20T08:00:00Z", "sealed_content": planted("sealed")}
    told = {name: planted(f"{name} {more}").encode() for name in ("ce_actorref", "traceparent")}
    told |= {"ce_correlationid": NAME.encode(), "x-more": NAME.encode()}
    bad: list[tuple[Any, dict[str, bytes]]] = [
        (good | {"reporter": NAME, planted("field"): planted("value")}, told),
        (good | {"source_number": NAME}, told),
        (good | {"lead_type": planted("type")}, told),
        (good | {"cell": planted("cell")}, told),
        (good | {"urgency": planted("urgency")}, told),
        (planted("no object"), told),
        (good, told | {"ce_type": planted("kind").encode()}),
        (good, told | {"ce_specversion": MARK.encode()}),
        (good, {f"ce_{MARK}": NAME.encode() * 500}),
    ]
    before = len(await receipts(town))
    producer = kafka.producer(town.settings.kafka_bootstrap_servers, "source")
    await producer.start()
    for body, some in [(good, told), *bad]:
        sent = list(headers_of(f"{planted('id')} {uuid7()}", **some).items())
        value = json.dumps(body, ensure_ascii=False).encode()
        await producer.send(INTAKE, value, key=f"{NAME} {MARK}".encode(), headers=sent)
    await producer.flush()
    await producer.stop()
    await eventually(
        partial(receipts, town), lambda some: len(some) >= before + 1 + len(bad), within=60
    )


async def tables(town: Town) -> AsyncIterator[tuple[str, bytes]]:
    """Every row of every table, as text."""
    for database in DATABASES:
        connection = await asyncpg.connect(town.settings.url(database, "writer"))
        names = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        for (table,) in await connection.fetch(names):
            rows = await connection.fetch(f"SELECT t::text FROM {table} AS t")
            yield f"table {database}.{table}", _lines(row[0] for row in rows)
        await connection.close()


async def topics(town: Town) -> AsyncIterator[tuple[str, bytes]]:
    """Everything on every topic, once all that is stored is there; but those of outside sources,
    which hold what these wrote."""
    for service in SERVICES:
        mark = f"SELECT count(*) AS n FROM event, relay WHERE {_LATER}"
        await eventually(partial(town.rows, service.name, mark), lambda rows: not rows[0]["n"])
    consumer = AIOKafkaConsumer(
        bootstrap_servers=town.settings.kafka_bootstrap_servers, auto_offset_reset="earliest"
    )
    await consumer.start()
    file = provisioning.topics_file(ROOT)
    try:
        for name in file.topics:
            if not name.startswith("civicgrid.intake."):
                parts = [TopicPartition(name, n) for n in range(file.partitions)]
                yield f"topic {name}", _lines([str(one) async for one in _all(consumer, parts)])
    finally:
        await consumer.stop()


_LATER = "(event.transaction_id, event.position) > (relay.transaction_id, relay.position)"


async def _all(consumer: AIOKafkaConsumer, parts: list[TopicPartition]) -> AsyncIterator[str]:
    consumer.assign(parts)
    ends = await consumer.end_offsets(parts)
    for tp in parts:
        consumer.seek(tp, 0)
    while any([await consumer.position(tp) < ends[tp] for tp in parts]):
        for records in (await consumer.getmany(timeout_ms=100)).values():
            for one in records:
                held = [one.key, one.value, *(part for pair in one.headers for part in pair)]
                yield " ".join(_text(part) for part in held)


def _text(part: Any) -> str:
    return part.decode("utf-8", "replace") if isinstance(part, bytes) else str(part)


def _lines(texts: Iterable[str]) -> bytes:
    return "\n".join(texts).encode()
