"""What a route does before it looks into a request, without anything behind it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, FastAPI, Request
from pydantic import BaseModel

from libs.common.http import limits, problems
from libs.common.http.limits import MIB, takes
from libs.common.http.problems import Texts
from libs.common.http.routes import Admit, guarded
from libs.common.messages import Refused

JSON = {"Content-Type": "application/json"}


class Body(BaseModel):
    text: str


def app_of(admit: Admit) -> FastAPI:
    router = APIRouter(route_class=guarded(admit))

    @router.post("/small")
    async def small(body: Body) -> int:
        return len(body.text)

    @router.post("/large", openapi_extra=takes(2))
    async def large(body: Body) -> int:
        return len(body.text)

    @router.post("/none")
    async def none(request: Request) -> None:
        pass

    @router.get("/asked")
    async def asked(limit: int = 1) -> int:
        return limit

    app = FastAPI()
    app.include_router(router)
    problems.install(app, Texts([]))
    return app


@asynccontextmanager
async def anybody(request: Request) -> AsyncIterator[None]:
    yield


@asynccontextmanager
async def nobody(request: Request) -> AsyncIterator[None]:
    raise Refused("unauthorised", status=401)
    yield


def client_of(admit: Admit) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app_of(admit))
    return httpx.AsyncClient(transport=transport, base_url="http://here")


async def post(path: str, size: int, **headers: str) -> httpx.Response:
    start = b'{"text":"'
    raw = start + b"a" * (size - len(start) - 2) + b'"}'
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    return await client_of(anybody).post(path, content=raw, headers=JSON | told)


@pytest.mark.parametrize(("path", "most"), [("/small", MIB), ("/large", 2 * MIB)])
async def test_a_route_takes_a_megabyte_unless_it_says_more(path: str, most: int) -> None:
    assert (await post(path, most)).status_code == 200
    answer = await post(path, most + 1)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert str(most) in answer.json()["detail"]
    assert answer.headers["content-type"] == problems.MEDIA_TYPE


async def test_a_body_that_hides_its_size_is_cut_off() -> None:
    sent = 0

    async def endless() -> Any:
        nonlocal sent
        while True:
            sent += 65_536
            yield b"a" * 65_536

    answer = await client_of(anybody).post("/small", content=endless(), headers=JSON)
    assert answer.status_code == 413
    assert sent < limits.BODY_BYTES * 2


async def test_nobody_has_a_body_read() -> None:
    async def unread() -> Any:
        pytest.fail("it was read")
        yield b""

    answer = await client_of(nobody).post("/small", content=unread(), headers=JSON)
    assert answer.status_code == 401


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/jsonx"},
        {"Content-Type": ""},
        {"Content-Type": "application/json", "Content-Encoding": "gzip"},
    ],
)
async def test_what_is_not_plain_json_is_415(headers: dict[str, str]) -> None:
    answer = await client_of(anybody).post("/small", content=b'{"text":""}', headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize("kind", ["application/json; charset=utf-8", "application/x.y+json"])
async def test_what_calls_itself_json_is_read(kind: str) -> None:
    there = client_of(anybody)
    answer = await there.post("/small", content=b'{"text":""}', headers={"Content-Type": kind})
    assert answer.status_code == 200


async def test_no_body_is_a_missing_one() -> None:
    answer = await client_of(anybody).post("/small", headers=JSON)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "missing")


@pytest.mark.parametrize(
    ("address", "paths"),
    [
        ("/asked?limt=1", ["/limt"]),
        ("/asked?limit=1&limit=2", ["/limit"]),
        ("/asked?a&limit=1&b=", ["/a", "/b"]),
        ("/none?id=1", ["/id"]),
    ],
)
async def test_a_parameter_that_no_route_knows_is_named(address: str, paths: list[str]) -> None:
    there = client_of(anybody)
    answer = await there.request("GET" if "asked" in address else "POST", address)
    found = [one["path"] for one in answer.json().get("errors", ())]
    assert (answer.status_code, found) == (422 if paths else 200, paths)
    assert (await there.get("/asked?limit=1")).status_code == 200


async def test_who_is_waited_for_no_longer_is_told_to_come_back() -> None:
    """As by a process that stops while its database does not answer."""
    entered = asyncio.Event()

    @asynccontextmanager
    async def waiting(request: Request) -> AsyncIterator[None]:
        entered.set()
        await asyncio.Event().wait()
        yield

    transport = httpx.ASGITransport(app_of(waiting))
    async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
        asking = asyncio.create_task(client.get("/asked"))
        await entered.wait()
        asking.cancel()
        answer = await asking
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert answer.headers["Retry-After"] == "1"
