"""What the writer of one process sees of what another one does at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from datetime import datetime
from typing import Any

import pytest

from libs.common.database import session
from libs.common.ids import named, uuid7
from libs.common.messages import Cause, Context, Effect
from libs.common.running import Running
from libs.common.serving import started
from libs.common.work import Done, Work
from tests.support import shop
from tests.support.awaiting import eventually
from tests.support.servers import Ground, unique

TILL = named("till of two")
MEETS = """
CREATE SEQUENCE met;
GRANT USAGE ON SEQUENCE met TO public;
CREATE FUNCTION meet() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF nextval('met') <= 12 THEN RAISE 'someone else was first' USING ERRCODE = '40001'; END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER met BEFORE INSERT ON till FOR EACH ROW EXECUTE FUNCTION meet();
"""
"""Twelve others are first, one after the other."""
LOCKED = """
SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'till'::regclass
"""


@pytest.fixture
async def till(servers: Ground) -> AsyncIterator[Running]:
    till, _ = shop.services(unique("w"))
    settings = await servers.provide([till], shop.topics(till.topic))
    async with started([till], settings) as (running,):
        yield running


async def test_what_is_done_comes_after_what_another_process_did_meanwhile(
    servers: Ground, till: Running
) -> None:
    """Planned before that, it would be of an earlier moment than what it follows."""
    planned = list[datetime]()

    def plan(context: Context[Any]) -> Iterable[Effect]:
        planned.append(context.now)
        return [shop.TILL.to(TILL, shop.Sell("tea", 1))]

    async def sell() -> Work:
        work = Work(plan, Cause("test", "c", uuid7(), "test"))
        await till.writer.submit([work])
        return work

    await sell()
    url = servers.settings().url(till.service.name, "owner")
    async with session(url) as other, session(url) as looking:
        async with other.transaction():
            await other.execute("LOCK TABLE till")
            selling = asyncio.create_task(sell())
            await eventually(lambda: looking.fetchval(LOCKED), bool)
            changed = "UPDATE till SET changed_at = clock_timestamp() RETURNING changed_at"
            changed_at = await other.fetchval(changed)
        assert isinstance((await selling).result, Done)
    assert planned[1] < changed_at < planned[-1]


async def test_who_meets_others_again_and_again_is_not_to_blame(
    servers: Ground, till: Running
) -> None:
    """Refused, or a dead letter, it would be lost, and nothing is wrong with it."""
    async with session(servers.settings().url(till.service.name, "owner")) as connection:
        await connection.execute(MEETS)
    plan = [shop.TILL.to(TILL, shop.Sell("tea", 1))]
    work = Work(lambda _: plan, Cause("test", "c", uuid7(), "test"))
    await till.writer.submit([work])
    assert isinstance(work.result, Done)
