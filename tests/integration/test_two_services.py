"""What one service sells, another counts: over a real Kafka and real PostgreSQL databases."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg
import httpx
import pytest

from libs.common.database import look
from libs.common.ids import named, uuid7
from libs.common.messages import Cause
from libs.common.running import Running
from libs.common.serving import interface, started
from libs.common.settings import Settings
from libs.common.work import Work
from tests.support import shop
from tests.support.awaiting import eventually
from tests.support.checks import check_states
from tests.support.letters import opened
from tests.support.servers import Ground, unique

TILL = named("till one")


@dataclass
class Shop:
    till: Running
    book: Running
    client: httpx.AsyncClient
    settings: Settings

    async def list_good(self, name: str) -> None:
        cause = Cause("test", "c", uuid7(), "test")
        plan = [shop.GOOD.to(named(name), shop.ListGood(name))]
        await self.till.writer.submit([Work(lambda _: plan, cause)])

    async def sell(self, amount: int, **more: Any) -> httpx.Response:
        body = {"till": str(TILL), "amount": amount, **more}
        return await self.client.post("/sales", json=body)

    async def book_rows(self, query: str) -> list[asyncpg.Record]:
        connection = await look(self.settings.url(self.book.service.name, "reader"))
        try:
            return list(await connection.fetch(query))
        finally:
            await connection.close()

    async def page(self) -> str | None:
        rows = await self.book_rows("SELECT state::text FROM page")
        return str(rows[0][0]) if rows else None


@asynccontextmanager
async def open_shop(servers: Ground) -> AsyncIterator[Shop]:
    till, book = shop.services(unique("s"))
    settings = await servers.provide([till, book], shop.topics(till.topic, book.topic))
    async with AsyncExitStack() as stack:
        running = await stack.enter_async_context(started([till, book], settings))
        transport = httpx.ASGITransport(interface(running), raise_app_exceptions=False)
        client = httpx.AsyncClient(transport=transport, base_url="http://shop")
        await stack.enter_async_context(client)
        yield Shop(running[0], running[1], client, settings)


@pytest.fixture(scope="module")
async def open_one(servers: Ground) -> AsyncIterator[Shop]:
    async with open_shop(servers) as there:
        await there.list_good("tea")
        yield there


async def test_a_sale_is_counted_once_by_the_other_service_however_often_it_is_sent(
    open_one: Shop,
) -> None:
    id = str(uuid7())
    first = await open_one.sell(5, id=id, buyer="Li Na")
    again = await open_one.sell(5, id=id, buyer="Li Na")
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json() == {"id": str(TILL), "version": 1}
    assert first.headers["etag"] == '"1"'
    await eventually(open_one.page, lambda page: page is not None and '"checks": 1' in page)
    rows = await open_one.book_rows("SELECT good, sales, amount FROM takings")
    assert [tuple(row) for row in rows] == [("tea", 1, 5)]
    events = await open_one.book_rows("SELECT type, version FROM event ORDER BY version")
    assert [tuple(row) for row in events] == [("page.entered.v1", 1), ("page.checked.v1", 2)]


async def test_the_same_id_with_another_body_is_a_conflict(open_one: Shop) -> None:
    id = str(uuid7())
    await open_one.sell(5, id=id)
    other = await open_one.sell(6, id=id)
    assert other.status_code == 409
    assert other.headers["content-type"] == "application/problem+json"
    assert other.json()["code"] == "idempotency_conflict"


async def test_a_refusal_names_what_is_allowed_in_the_language_that_was_asked_for(
    open_one: Shop,
) -> None:
    body = {"till": str(TILL), "amount": 0}
    for language, word in (("en-GB", "present"), ("zh-CN", "状态"), ("fr", "状态")):
        headers = {"Accept-Language": language}
        answer = await open_one.client.post("/sales", json=body, headers=headers)
        assert answer.status_code == 409
        assert answer.json()["allowed"] == ["sell"]
        assert word in answer.json()["detail"]


async def test_an_old_version_is_refused_and_bad_input_is_pointed_at(open_one: Shop) -> None:
    body: dict[str, Any] = {"till": str(TILL), "amount": 1}
    stale = await open_one.client.post("/sales", json=body, headers={"If-Match": '"0"'})
    assert (stale.status_code, stale.json()["code"]) == (412, "version_changed")
    wrong = await open_one.client.post("/sales", json=body | {"amount": "x", "extra": 1})
    assert wrong.status_code == 422
    assert {one["path"] for one in wrong.json()["errors"]} == {"/amount", "/extra"}
    nul = await open_one.client.post("/sales", json=body | {"good": "a\0"})
    assert (nul.status_code, nul.json()["code"]) == (422, "invalid")


@pytest.mark.parametrize(
    ("content", "media_type", "told"),
    [
        (b'{"amount":', "application/json", (400, "malformed")),
        (b"[" * 100_000, "application/json", (422, "too_deep")),
        (b'{"good":"\xff"}', "application/json", (400, "malformed")),
        (b'{"amount":' + b"1" * 5000 + b"}", "application/json", (400, "malformed")),
        (b"", "application/json", (422, "invalid")),
        (b'{"amount":1}', "text/plain", (415, "unsupported_media_type")),
        (b"amount=1", "application/x-www-form-urlencoded", (415, "unsupported_media_type")),
    ],
)
async def test_a_body_that_is_no_json_is_told_from_one_that_is_wrong(
    open_one: Shop, content: bytes, media_type: str, told: tuple[int, str]
) -> None:
    headers = {"Content-Type": media_type}
    answer = await open_one.client.post("/sales", content=content, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == told


async def test_what_was_sealed_leaves_the_service_neither_in_events_nor_in_states(
    open_one: Shop,
) -> None:
    await open_one.sell(3, buyer="Wang Fang")
    connection = await look(open_one.settings.url(open_one.till.service.name, "reader"))
    rows = await connection.fetch("SELECT data::text, sealed FROM event WHERE sealed IS NOT NULL")
    states = await connection.fetch("SELECT state::text FROM till")
    await connection.close()
    assert rows and all("Wang" not in row["data"] + row["sealed"] for row in rows)
    assert all("Wang" not in row["state"] for row in states)


async def test_a_sale_of_a_good_that_is_not_known_yet_waits_for_it(open_one: Shop) -> None:
    before = await open_one.book_rows("SELECT sum(sales) FROM takings")
    await open_one.sell(9, good="salt")
    waiting = "SELECT outcome FROM inbox WHERE outcome = 'waiting'"
    await eventually(lambda: open_one.book_rows(waiting), lambda rows: len(rows) == 1)
    await open_one.list_good("salt")
    salt = "SELECT amount FROM takings WHERE good = 'salt'"
    rows = await eventually(lambda: open_one.book_rows(salt), lambda rows: len(rows) == 1)
    assert rows[0][0] == 9
    assert await open_one.book_rows(waiting) == []
    assert before is not None


async def test_later_sales_of_its_till_wait_behind_one_that_waits(open_one: Shop) -> None:
    for amount, good in ((21, "rice"), (22, "tea"), (23, "tea")):
        await open_one.sell(amount, good=good)
    waiting = "SELECT outcome FROM inbox WHERE outcome = 'waiting'"
    await eventually(lambda: open_one.book_rows(waiting), lambda rows: len(rows) == 3)
    await open_one.list_good("rice")
    entered = (
        "SELECT data ->> 'amount' FROM event"
        " WHERE data ->> 'amount' IN ('21', '22', '23') ORDER BY version"
    )
    rows = await eventually(lambda: open_one.book_rows(entered), lambda rows: len(rows) == 3)
    assert [row[0] for row in rows] == ["21", "22", "23"]
    assert await open_one.book_rows("SELECT subject FROM timer WHERE name = 'wait'") == []


async def test_a_message_whose_handler_crashes_is_a_dead_letter_and_its_neighbours_are_handled(
    open_one: Shop,
) -> None:
    for amount in (70, 77, 71):
        await open_one.sell(amount)
    entered = "SELECT data::text FROM event WHERE data->>'amount' IN ('70', '71', '77')"
    await eventually(lambda: open_one.book_rows(entered), lambda rows: len(rows) == 2)
    [dead] = await opened(open_one.settings, open_one.book.service.name)
    assert (dead.stage, dead.reason[:20]) == ("handler", "ZeroDivisionError at")
    assert b'"amount":77' in (dead.letter.value or b"")


async def test_every_state_is_the_fold_of_its_events(open_one: Shop) -> None:
    for running in (open_one.till, open_one.book):
        await check_states(open_one.settings, running.service)
