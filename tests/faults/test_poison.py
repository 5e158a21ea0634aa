"""More than sixty kinds of poison on every topic that is read, with good records all around."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer

from libs.common import kafka
from tests.faults.campaign.poison import READERS
from tests.faults.campaign.words import new_id
from tests.faults.checker.carried import READS
from tests.faults.poison_kinds import ENVELOPES, INSIDE, OUTSIDE, VALUES, Body, Kind, typed
from tests.support.awaiting import eventually
from tests.support.letters import Opened, opened
from tests.support.servers import Ground
from tests.support.town import Town, open_town

GOOD_BETWEEN = 30
INTAKE = "civicgrid.intake.sandbox"
AT = "2026-11-20T08:00:00+08:00"
WHERE = {"community": "c", "cell": "c-1", "at": AT}


@dataclass(frozen=True)
class Stream:
    """A type of event on its topic: what a good one says, and which poisons are of its kind."""

    topic: str
    type: str
    body: Body
    kinds: Mapping[str, Kind]

    @property
    def source(self) -> str:
        return "sandbox" if self.topic == INTAKE else "/" + self.topic.replace(".", "/")

    def readers(self, kind: Kind) -> list[str]:
        """The services that must find it unreadable."""
        among = READERS[self.topic]
        acts = (name for name in among if self.topic == INTAKE or self.type in READS[name])
        return list(acts) if kind.by_type else list(among)

    def good(self, n: int) -> Body:
        match self.type:
            case "incident.reported.v1":
                return {**self.body, "source_number": f"g-{new_id()}"}
            case "area.changed.v1":
                return {**self.body, "name": f"name {n}"}
        return self.body


def _inside(topic: str, type: str, body: Body, uuid: str, time: str, choice: str) -> Stream:
    return Stream(topic, type, body, {**ENVELOPES, **VALUES, **INSIDE, **typed(uuid, time, choice)})


LEAD = {"lead_id": new_id(), **WHERE, "lead_type": "theft", "kind": "clue", "urgency": "normal"}
ROUTED = {"unit": "u", "unit_kind": "police_room", "police_room": "u", "rule": "r", "rule_set": 1}
ALERT = {"alert_id": new_id(), **WHERE, "about": new_id(), "rule": "r", "severity": 2}
CASE = {"case_id": new_id(), **WHERE, "centre": "m", "lead_id": None, "track": "people"}
AREA = {"area_id": new_id(), "code": "nowhere", "name": "n", "level": "grid_l3", "parent": None}
ACCOUNT = {"account_id": new_id(), "at": AT, "disabled": True, "revoked_sessions": []}
STREAMS = (
    _inside(
        *("civicgrid.registry", "area.changed.v1"),
        {**AREA, "kind": "basic", "community": None, "valid_from": AT},
        *("area_id", "valid_from", "level"),
    ),
    _inside(
        *("civicgrid.portal", "account.disabled.v1"),
        {**ACCOUNT, "by": new_id()},
        *("account_id", "at", "revoked_sessions"),
    ),
    _inside(
        *("civicgrid.leads", "lead.routed.v1"),
        {**LEAD, **ROUTED, "routing": 1, "sign_by": None},
        *("lead_id", "at", "kind"),
    ),
    _inside(
        *("civicgrid.alerts", "alert.acknowledged.v1"),
        {**ALERT, "by": new_id()},
        *("alert_id", "at", "rule"),
    ),
    _inside(
        *("civicgrid.mediation", "mediation_case.closed.v1"),
        {**CASE, "level": "community", "outcome": "failed"},
        *("case_id", "at", "outcome"),
    ),
    _inside(
        *("civicgrid.mediation", "mediation_case.failed.v1"),
        {**CASE, "level": "community", "reason": "r"},
        *("case_id", "at", "track"),
    ),
    Stream(
        INTAKE,
        "incident.reported.v1",
        {"source_number": "n", "lead_type": "theft", "reported_at": AT},
        {**ENVELOPES, **VALUES, **OUTSIDE},
    ),
)


@pytest.fixture(scope="module")
async def town(servers: Ground) -> AsyncIterator[Town]:
    async with open_town(servers) as there:
        yield there


def headers_of(stream: Stream, n: int, kind: Kind | None = None) -> list[tuple[str, bytes]]:
    told: dict[str, bytes | None] = {
        "ce_specversion": b"1.0",
        "ce_id": new_id().encode(),
        "ce_type": stream.type.encode(),
        "ce_source": stream.source.encode(),
        "ce_subject": str(
            stream.body.get("area_id", stream.body.get("lead_id") or new_id())
        ).encode(),
        "ce_time": AT.encode(),
        "ce_aggregateversion": str(n + 1).encode(),
        **(kind.headers if kind else {}),
    }
    found = [(name, value) for name, value in told.items() if value is not None]
    return [*found, kind.twice] if kind and kind.twice else found


Sent = tuple[bytes | None, bytes | None, list[tuple[str, bytes]], int | None]


def records(stream: Stream) -> Iterator[tuple[str | None, Sent]]:
    """(name of the poison or None, (key, value, headers, timestamp)), in their order."""
    n = 0
    for name, kind in stream.kinds.items():
        for _ in range(GOOD_BETWEEN):
            n += 1
            yield None, (b"good", json.dumps(stream.good(n)).encode(), headers_of(stream, n), None)
        value = kind.value(stream.good(n))
        key = f"{stream.type}/{name}".encode()
        yield name, (key, value, headers_of(stream, n, kind), kind.timestamp)
    yield None, (b"good", json.dumps(stream.good(n)).encode(), headers_of(stream, n + 1), None)


async def send(bootstrap: str, stream: Stream) -> tuple[list[str], int]:
    """All of it, to partition 0; the ids of the good ones, and the offset after the last."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, max_request_size=1024 * 1024)
    await producer.start()
    try:
        good, sent = [], []
        for name, (key, value, headers, timestamp) in records(stream):
            if name is None:
                good.append(dict(headers)["ce_id"].decode())
            where: dict[str, Any] = {"key": key, "headers": headers, "partition": 0}
            where["timestamp_ms"] = timestamp
            sent.append(await producer.send(stream.topic, value, **where))
        await producer.flush()
        return good, max([(await one).offset for one in sent]) + 1
    finally:
        await producer.stop()


async def reached(town: Town, service: str, topic: str) -> int:
    rows = await town.rows(
        service, "SELECT next FROM position WHERE topic = $1 AND partition = 0", topic
    )
    return int(rows[0]["next"]) if rows else 0


async def letters_from(town: Town, service: str, topic: str) -> list[Opened]:
    return [one for one in await opened(town.settings, service) if one.letter.topic == topic]


def are_all(prefix: str, wanted: set[str], letters: Sequence[Opened]) -> bool:
    keys = [(one.letter.key or b"").decode() for one in letters]
    return {key.removeprefix(prefix) for key in keys if prefix in key} == wanted


def test_there_are_more_than_sixty_on_every_topic() -> None:
    for topic, services in READERS.items():
        for service in services:
            if service == "registry" and topic != "civicgrid.portal":
                continue  # it acts upon one type there, which no other service reads
            kinds = {
                name
                for stream in STREAMS
                if stream.topic == topic
                for name, kind in stream.kinds.items()
                if service in stream.readers(kind)
            }
            assert len(kinds) >= 60, (topic, service, len(kinds))


@pytest.mark.timeout(300)
@pytest.mark.parametrize("stream", STREAMS, ids=lambda stream: stream.type)
async def test_each_is_a_dead_letter_and_all_good_records_are_handled(
    town: Town, stream: Stream
) -> None:
    good, end = await send(town.settings.kafka_bootstrap_servers, stream)
    for service in READERS[stream.topic]:
        here = partial(reached, town, service, stream.topic)
        await eventually(here, end.__le__, within=120)
        prefix = f"{stream.type}/"
        wanted = {name for name, kind in stream.kinds.items() if service in stream.readers(kind)}

        letters = await eventually(  # some wait for half a minute for what they name
            partial(letters_from, town, service, stream.topic),
            partial(are_all, prefix, wanted),
            within=60,
        )
        keys = [(one.letter.key or b"").decode() for one in letters]
        assert "good" not in keys, service
        assert all(one.reason for one in letters)
        if stream.topic != INTAKE and stream.type in READS[service]:
            rows = await town.rows(
                service,
                "SELECT count(*) AS n FROM inbox WHERE message_id = ANY($1::text[]::uuid[])"
                " AND outcome = 'applied'",
                good,
            )
            assert rows[0]["n"] == len(good), service
    if stream.topic == INTAKE:
        leads = "SELECT count(*) AS n FROM event WHERE type = 'lead.captured.v1'"
        assert (await town.rows("leads", leads))[0]["n"] == len(good)


@pytest.mark.timeout(120)
async def test_in_a_storm_of_bad_records_their_topic_is_left_and_it_is_said(town: Town) -> None:
    """The last test of this town: somebody must look now. Every other topic is read as before."""
    producer = kafka.producer(town.settings.kafka_bootstrap_servers, "storm")
    await producer.start()
    for n in range(80):
        headers = [("ce_specversion", b"1.0")]
        await producer.send(INTAKE, b"%d" % n, key=b"storm", headers=headers, partition=0)
    await producer.stop()
    running = town.running["leads"]
    assert running is not None

    async def faults() -> Mapping[str, str]:
        return dict(running.faults)

    told = await eventually(faults, bool, within=60)
    assert "dead-letters" in told[INTAKE]
    assert running.is_ready
    stands = await reached(town, "leads", INTAKE)
    await send(town.settings.kafka_bootstrap_servers, STREAMS[-1])
    told_by_hand = {"lead_type": "theft", "source": "hand", "source_number": "1"}
    body = {"items": [told_by_hand | {"received_at": "2026-01-05T08:00:00Z"}]}
    answer = await town.post("/leads/import", body)
    assert [one["status"] for one in answer.json()["items"]] == [201], answer.text
    assert await reached(town, "leads", INTAKE) == stands
    told_of = await town.post("/areas", {"code": "new", "name": "new", "level": "city"})
    assert told_of.status_code == 201, told_of.text

    placed = {"source_number": "2", "cell": "new", "received_at": "2026-01-05T08:00:00Z"}

    async def captured() -> int:
        answer = await town.post("/leads/import", {"items": [told_by_hand | placed]})
        return int(answer.json()["items"][0]["status"])

    await eventually(captured, (201).__eq__)
