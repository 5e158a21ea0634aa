"""Whoever opens a connection says what they want, soon and in few words; on a real socket."""

from __future__ import annotations

import asyncio
import json
import select
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

from libs.common.http import connections
from libs.common.http.connections import Connection
from libs.common.http.limits import HEAD_BYTES
from libs.embedded.process import free_port
from tests.support.awaiting import eventually

MOST = 5
GOES_ON = asyncio.Event()
HELLO = b"GET /hello HTTP/1.1\r\nHost: here\r\n\r\n"


class Body(BaseModel):
    text: str


def app() -> FastAPI:
    made = FastAPI()

    @made.get("/hello")
    async def hello() -> str:
        return "hello"

    @made.get("/long")
    async def long() -> str:
        await GOES_ON.wait()
        return "long"

    @made.post("/body")
    async def body(body: Body) -> str:
        return body.text

    @made.post("/unread")
    async def unread() -> str:
        return "no"

    return made


@pytest.fixture
async def port() -> AsyncIterator[int]:
    chosen = free_port(None)
    config = uvicorn.Config(
        app(),
        port=chosen,
        http=Connection,
        ws="none",
        lifespan="off",
        log_config=None,
        limit_concurrency=MOST,
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server._serve())

    async def is_up() -> bool:
        return server.started

    await eventually(is_up, bool)
    yield chosen
    GOES_ON.set()
    server.should_exit = True
    await serving


@asynccontextmanager
async def connected(
    port: int,
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.close()


async def until_closed(reader: asyncio.StreamReader) -> bytes:
    return await asyncio.wait_for(reader.read(), 10)


def problem(answer: bytes) -> tuple[int, Any]:
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"application/problem+json" in head
    return int(head.split()[1]), json.loads(body)["code"]


async def says_hello(port: int) -> bool:
    async with connected(port) as (reader, writer):
        writer.write(HELLO)
        return (await reader.readline()).endswith(b"200 OK\r\n")


@pytest.mark.parametrize(
    ("told", "code"),
    [
        (b"", (408, "too_slow")),
        (b"GET /hello HTTP/1.1\r\nHost: he", (408, "too_slow")),
        (b'POST /body HTTP/1.1\r\ncontent-length: 99\r\n\r\n{"text":', (408, "too_slow")),
    ],
    ids=["nothing", "a head", "a body"],
)
async def test_who_is_slow_is_told_so_and_let_go(
    port: int, monkeypatch: pytest.MonkeyPatch, told: bytes, code: tuple[int, str]
) -> None:
    monkeypatch.setattr(connections, "RECEIVE_SECONDS", 0.3)
    async with connected(port) as (reader, writer):
        writer.write(told)
        assert problem(await until_closed(reader)) == code


async def test_who_goes_on_after_the_answer_is_let_go_too(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "RECEIVE_SECONDS", 0.3)
    async with connected(port) as (reader, writer):
        writer.write(b"POST /unread HTTP/1.1\r\ncontent-length: 99999\r\n\r\n")
        assert (await reader.readline()).endswith(b"200 OK\r\n")
        with pytest.raises(ConnectionError):
            while True:
                writer.write(b"a")
                await writer.drain()
                await asyncio.sleep(0.01)


async def test_one_connection_asks_again_and_again(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "RECEIVE_SECONDS", 0.5)
    async with connected(port) as (reader, writer):
        for _ in range(12):
            writer.write(HELLO)
            await reader.readuntil(b'"hello"')
            await asyncio.sleep(0.1)


@pytest.mark.parametrize("line", [b"a: " + b"b" * 4096 + b"\r\n", b"b" * 4096], ids=["many", "one"])
async def test_a_head_that_does_not_end_is_refused(port: int, line: bytes) -> None:
    async with connected(port) as (reader, writer):
        writer.write(b"GET /hello HTTP/1.1\r\na: ")
        with pytest.raises(ConnectionError):
            for _ in range(100 * HEAD_BYTES // len(line)):
                writer.write(line)
                await writer.drain()
                await asyncio.sleep(0)
            pytest.fail("all of it was taken")
        del reader


@pytest.mark.parametrize(
    "told", [b"\x16\x03\x01\x02\x00\x01\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"HELLO\r\n\r\n"]
)
async def test_what_is_no_request_is_a_problem(port: int, told: bytes) -> None:
    async with connected(port) as (reader, writer):
        writer.write(told)
        assert problem(await until_closed(reader)) == (400, "malformed_request")


async def test_one_connection_too_many_is_told_to_come_back(port: int) -> None:
    there = [await asyncio.open_connection("127.0.0.1", port) for _ in range(MOST)]
    for reader, writer in there:
        writer.write(HELLO)
        await reader.readuntil(b'"hello"')
    async with connected(port) as (reader, _):
        answer = await until_closed(reader)
    assert problem(answer) == (503, "busy") and b"Retry-After: 1\r\n" in answer
    for _, writer in there:
        writer.close()
    await eventually(lambda: says_hello(port), bool)


async def test_one_request_too_many_is_told_to_come_back_on_its_connection(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "AT_WORK", 1)
    GOES_ON.clear()
    async with connected(port) as (reader, writer), connected(port) as (other, others):
        writer.write(HELLO.replace(b"hello", b"long"))
        body = b'{"text": "hi"}'
        head = b"POST /body HTTP/1.1\r\naccept-language: en\r\ncontent-length: %d\r\n\r\n"
        others.write(head % len(body) + body)
        told = await asyncio.wait_for(other.readuntil(b"}"), 10)
        assert problem(told) == (503, "busy") and b"Too much is waiting" in told
        assert b"Retry-After: 1\r\n" in told and b"connection: close" not in told
        GOES_ON.set()
        await reader.readuntil(b'"long"')
        others.write(HELLO)
        await other.readuntil(b'"hello"')


async def test_what_follows_a_body_in_chunks_is_passed_over(port: int) -> None:
    """Else it would be kept, however much it is."""
    head = (
        b"POST /body HTTP/1.1\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n"
    )
    body = b'{"text": "hi"}'
    trailers = b"".join(b"x-%d: %s\r\n" % (n, b"y" * 1000) for n in range(2 * HEAD_BYTES // 1000))
    kept: list[int] = []
    on_complete = Connection.on_message_complete

    def complete(self: Connection) -> None:
        kept.append(len(self.headers))
        on_complete(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Connection, "on_message_complete", complete)
        async with connected(port) as (reader, writer):
            writer.write(head + b"\r\n%x\r\n%s\r\n0\r\n" % (len(body), body))
            writer.write(trailers + b"\r\n")
            assert (await reader.readline()).endswith(b"200 OK\r\n")
            await reader.readuntil(b'"hi"')
        async with connected(port) as (reader, writer):
            writer.write(HELLO)
            assert (await reader.readline()).endswith(b"200 OK\r\n")
            await reader.readuntil(b'"hello"')
    assert kept[0] == 2


async def test_who_is_one_too_many_reads_so_though_they_ask_meanwhile(port: int) -> None:
    loop = asyncio.get_running_loop()
    async with AsyncExitStack() as open:
        for _ in range(MOST):
            _, writer = await open.enter_async_context(connected(port))
            writer.write(HELLO[:-2])
        one_more = open.enter_context(socket.socket())
        one_more.setblocking(False)
        await loop.sock_connect(one_more, ("127.0.0.1", port))
        while not select.select([one_more], [], [], 0)[0]:
            await asyncio.sleep(0)
        for _ in range(3):
            await loop.sock_sendall(one_more, HELLO)
        assert problem(await loop.sock_recv(one_more, 10_000)) == (503, "busy")
    assert await eventually(partial(says_hello, port), bool)
