"""Records that nobody can read are dead letters with a reason; their neighbours are handled."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from cli import letters
from libs.common import dead_letters, kafka
from libs.common.database import session
from libs.common.ids import named, uuid7
from libs.common.keys import seal
from libs.common.messages import Cause
from libs.common.serving import started
from libs.common.work import Dead, Letter, Message, Work
from tests.integration.test_two_services import Shop, open_shop
from tests.support import shop
from tests.support.awaiting import eventually
from tests.support.servers import Ground, unique

Headers = dict[str, bytes | None]


@pytest.fixture(scope="module")
async def open_one(servers: Ground) -> AsyncIterator[Shop]:
    async with open_shop(servers) as there:
        await there.list_good("tea")
        yield there


def good(source: str) -> Headers:
    return {
        "ce_specversion": b"1.0",
        "ce_id": str(uuid7()).encode(),
        "ce_type": b"till.sold.v1",
        "ce_source": source.encode(),
        "ce_subject": str(named("till one")).encode(),
        "ce_time": b"2026-01-05T08:00:00+00:00",
        "ce_aggregateversion": b"1",
        "content-type": b"application/json",
    }


BODY = b'{"till":"%s","good":"tea","amount":1}' % str(named("till one")).encode()

POISON: dict[str, tuple[Headers, bytes | None, str]] = {
    "no type": ({"ce_type": None}, BODY, "headers"),
    "no id": ({"ce_id": None}, BODY, "headers"),
    "no source": ({"ce_source": None}, BODY, "headers"),
    "no subject": ({"ce_subject": None}, BODY, "headers"),
    "no time": ({"ce_time": None}, BODY, "headers"),
    "no version of the aggregate": ({"ce_aggregateversion": None}, BODY, "headers"),
    "another CloudEvents": ({"ce_specversion": b"0.3"}, BODY, "headers"),
    "no CloudEvents": ({"ce_specversion": None}, BODY, "headers"),
    "a source that does not own the topic": ({"ce_source": b"/civicgrid/other"}, BODY, "owner"),
    "an id that is no UUID": ({"ce_id": b"17"}, BODY, "headers"),
    "a subject that is no UUID": ({"ce_subject": b"till"}, BODY, "headers"),
    "a time that is none": ({"ce_time": b"yesterday"}, BODY, "headers"),
    "a time without a zone": ({"ce_time": b"2026-01-05T08:00:00"}, BODY, "headers"),
    "a version below one": ({"ce_aggregateversion": b"0"}, BODY, "headers"),
    "a version that is too large": ({"ce_aggregateversion": b"99999999999"}, BODY, "headers"),
    "a version in words": ({"ce_aggregateversion": b"one"}, BODY, "headers"),
    "a header that is not UTF-8": ({"ce_actorref": b"\xff\xfe"}, BODY, "headers"),
    "a header with a NUL": ({"ce_actorref": b"a\0b"}, BODY, "headers"),
    "no value": ({}, None, "value"),
    "an empty value": ({}, b"", "json"),
    "no JSON": ({}, b"<sale/>", "json"),
    "half of a JSON": ({}, BODY[:-5], "json"),
    "a list": ({}, b"[]", "schema"),
    "a field that is missing": ({}, b'{"good":"tea"}', "schema"),
    "a field of another type": ({}, BODY.replace(b":1}", b':"much"}'), "schema"),
    "a NUL in a text": ({}, BODY.replace(b"tea", b"t\\u0000a"), "value"),
    "a header that is too long": ({"ce_actorref": b"a" * 2000}, BODY, "headers"),
    "a value over the limit": ({}, BODY.replace(b"tea", b"t" * 70_000), "value"),
    "bytes that are not UTF-8": ({}, b'{"good":"\xff"}', "json"),
    "a number that no column holds": ({}, BODY.replace(b":1}", b":%d}" % 10**25), "storage"),
}


async def test_each_kind_of_poison_is_a_dead_letter_and_the_good_records_around_it_are_handled(
    open_one: Shop,
) -> None:
    service = open_one.till.service
    producer = kafka.producer(open_one.settings.kafka_bootstrap_servers, "test")
    await producer.start()

    async def put(headers: Headers, value: bytes | None) -> None:
        there: list[Any] = [(name, text) for name, text in headers.items() if text is not None]
        await producer.send(service.topic, value, key=b"one", headers=there)

    try:
        for change, value, _ in POISON.values():
            await put(good(service.source), BODY)
            await put(good(service.source) | change, value)
        await put(good(service.source), BODY)
        await producer.flush()
    finally:
        await producer.stop()
    handled = "SELECT sales FROM takings"
    wanted = len(POISON) + 1
    rows = await eventually(
        lambda: open_one.book_rows(handled), lambda rows: bool(rows) and rows[0][0] >= wanted
    )
    assert rows[0][0] == wanted
    dead = await open_one.book_rows('SELECT stage, reason FROM dead_letter ORDER BY "offset_"')
    found = {name: row["stage"] for name, row in zip(POISON, dead, strict=True)}
    assert found == {name: stage for name, (_, _, stage) in POISON.items()}
    assert all(row["reason"] for row in dead)


async def test_what_is_older_than_ids_are_remembered_for_is_not_applied_again(
    servers: Ground,
) -> None:
    """given: a topic that a service reads for longer than it remembers what it handled; when: what
    happened before that is sent again; then: it is set aside; a service that is new applies it."""
    till, book = shop.services(unique("h"))
    settings = await servers.provide([till, book], shop.topics(till.topic, book.topic))
    producer = kafka.producer(settings.kafka_bootstrap_servers, "test")
    await producer.start()

    async def send_old() -> None:
        at = (datetime.now(UTC) - timedelta(days=70)).isoformat().encode()
        headers = [*(good(till.source) | {"ce_time": at}).items()]
        await producer.send_and_wait(till.topic, BODY, partition=0, headers=headers)

    async def rows(query: str) -> list[Any]:
        async with session(settings.url(book.name, "writer")) as connection:
            return [tuple(row) for row in await connection.fetch(query)]

    listed = [*(good(till.source) | {"ce_type": b"good.listed.v1"}).items()]
    await producer.send_and_wait(till.topic, b'{"good":"tea"}', partition=0, headers=listed)
    await send_old()
    async with started([book], settings):
        await eventually(partial(rows, "SELECT sales FROM takings"), [(1,)].__eq__)
    async with session(settings.url(book.name, "writer")) as connection:
        await connection.execute("UPDATE position SET since = now() - interval '61 days'")
    await send_old()
    async with started([book], settings):
        dead = await eventually(partial(rows, "SELECT stage FROM dead_letter"), bool)
        assert dead == [("horizon",)]
        assert await rows("SELECT sales FROM takings") == [(1,)]
    await producer.stop()


async def test_a_letter_that_fails_three_times_more_stays_one_letter(open_one: Shop) -> None:
    """Whatever its headers hold: it is known again by all of it."""
    name = open_one.book.service.name
    producer = kafka.producer(open_one.settings.kafka_bootstrap_servers, "test")
    await producer.start()
    headers = [("x", b"\xff\0"), ("y", b"\\xff"), ("z", b"")]
    sent = await producer.send_and_wait(open_one.till.service.topic, b"again", headers=headers)
    await producer.stop()
    where = f"partition = {sent.partition} AND offset_ = {sent.offset}"
    letters_of = f"SELECT id, retries FROM dead_letter WHERE {where}"

    async def failed() -> list[int]:
        return [row["retries"] for row in await open_one.book_rows(letters_of)]

    await eventually(failed, [0].__eq__)
    [letter] = await open_one.book_rows(letters_of)
    for times in (1, 2, 3):
        await letters.retried(open_one.settings, [name], letter["id"])
        await eventually(failed, [times].__eq__)
    with pytest.raises(letters.LetterError):
        await letters.retried(open_one.settings, [name], letter["id"])


async def test_a_letter_whose_key_was_made_anew_stops_no_timer(open_one: Shop) -> None:
    """given: keys restored from an older backup, and that of the day made again; when: a letter of
    before is tried once more; then: nothing is done with it, and timers go on."""
    name = open_one.book.service.name
    producer = kafka.producer(open_one.settings.kafka_bootstrap_servers, "test")
    await producer.start()
    sent = await producer.send_and_wait(open_one.till.service.topic, b"lost", headers=[("l", b"")])
    await producer.stop()
    where = f"partition = {sent.partition} AND offset_ = {sent.offset}"
    [letter] = await eventually(
        lambda: open_one.book_rows(f"SELECT id FROM dead_letter WHERE {where}"), bool
    )
    subject = dead_letters.subject_of(datetime.now(UTC).date())
    other = seal(AESGCM(AESGCM.generate_key(256)), subject, b"{}")
    async with session(open_one.settings.url(name, "writer")) as connection:
        sealed = json.dumps({str(subject): other})
        change = "UPDATE dead_letter SET sealed = $2 WHERE id = $1"
        await connection.execute(change, letter["id"], sealed)
    await letters.retried(open_one.settings, [name], letter["id"])
    left = "SELECT count(*) FROM timer"
    await eventually(lambda: open_one.book_rows(left), lambda rows: rows[0][0] == 0)


async def test_a_death_that_cannot_be_told_is_still_a_dead_letter(open_one: Shop) -> None:
    letter = Letter("civicgrid.intake.none", 0, 0, 0, b"key", [], b"value")
    message = Message(uuid7(), "test")
    told = shop.GOOD.to(uuid7(), shop.ListGood("t\0a"))
    work = Work(lambda _: (), Cause("test", "c", message.id, "test"), message=message)
    work.letter, work.dead, work.buried = letter, Dead("test", "no reason"), lambda _: [told]
    await open_one.till.writer.submit([work])
    assert isinstance(work.result, Dead)
