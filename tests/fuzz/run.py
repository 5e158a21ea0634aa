"""A small city at work in one process, and schemathesis against it, as somebody or as nobody."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx

from cli.city import NAMES, SERVICES
from libs.common import provisioning
from libs.common.ids import uuid7
from libs.rights.tokens import Bearer, Signer
from services.registry import reference
from tests.faults.campaign.city import found_city
from tests.support.processes import ServiceProcess
from tests.support.servers import ROOT, TOKENS, Ground
from tests.support.town import PLAN, SEED, forget_topics

HERE = Path(__file__).parent
A_DAY = 86_400
ROLES = (
    *("command_operator", "privacy_officer", "town_operator", "community_officer"),
    *("grid_informant", "nobody"),
)
"""The first is a founder besides, and may do nearly all that can be done."""


@dataclass(frozen=True)
class City:
    """`document`: the file with its OpenAPI."""

    process: ServiceProcess
    document: Path

    def memory_mib(self, name: str) -> int:
        """`VmRSS`: now; `VmHWM`: at most until now."""
        assert self.process.process
        text = Path(f"/proc/{self.process.process.pid}/status").read_text()
        found = re.search(rf"^{name}:\s+(\d+) kB", text, re.M)
        return int(found[1]) // 1024 if found else 0

    @property
    def lives(self) -> bool:
        return self.process.process is not None and self.process.process.poll() is None


@dataclass(frozen=True)
class Found:
    """`findings`: what was wrong, by check, with the operations; `statuses` by how often."""

    statuses: Counter[str]
    findings: Mapping[str, Sequence[str]]


@asynccontextmanager
async def city(ground: Ground, folder: Path) -> AsyncIterator[City]:
    """Known to all of its services."""
    file = provisioning.topics_file(ROOT)
    await forget_topics(ground, list(file.topics))
    settings = await ground.provide(SERVICES, file)
    process = ServiceProcess(("bench.city_process",), settings, folder / "city.log")
    process.start()
    try:
        await process.ready()
        await found_city(settings, process.url, NAMES, lambda *_: None)
        async with httpx.AsyncClient(timeout=60) as client:
            answer = await client.get(f"http://127.0.0.1:{process.admin_port}/openapi.json")
        document = folder / "openapi.json"
        document.write_bytes(answer.content)
        yield City(process, document)
    finally:
        process.stop()


async def fuzz(there: City, role: str, seed: int, examples: int, more: Sequence[str] = ()) -> Found:
    """`examples`: of each operation, beside those at the limits of each field. `more`: arguments
    of schemathesis."""
    tally, report = there.document.parent / "tally.json", there.document.parent / "report.json"
    arguments = [
        *("--config-file", str(HERE / "schemathesis.toml"), "run", str(there.document)),
        *("--url", there.process.url, "--checks", "all", "--seed", str(seed)),
        *("--max-examples", str(examples), "--no-color", "--workers", "2"),
        *("--report", "json", "--report-json-path", str(report)),
        *(() if role == "nobody" else ("--header", f"Authorization: Bearer {_token(role)}")),
        *more,
    ]
    with (there.document.parent / f"{role}.log").open("wb") as out:
        process = await asyncio.create_subprocess_exec(
            str(Path(sys.executable).parent / "schemathesis"),
            *arguments,
            cwd=ROOT,
            env=_environment(tally),
            stdout=out,
            stderr=out,
        )
        try:
            await process.wait()
        finally:
            if process.returncode is None:
                process.kill()
    told = json.loads(report.read_text())
    return Found(Counter(json.loads(tally.read_text())), dict(_findings(told)))


def _environment(tally: Path) -> dict[str, str]:
    hooks = {"SCHEMATHESIS_HOOKS": "tests.fuzz.hooks", "TALLY": str(tally)}
    return {**os.environ, **hooks, "PYTHONPATH": str(ROOT)}


def _findings(report: Mapping[str, Any]) -> Iterator[tuple[str, Sequence[str]]]:
    for one in report["failures"]:
        yield one["title"], one["operations"]
    for one in report["errors"]:
        yield "error", [json.dumps(one)]


def _token(role: str) -> str:
    founder = role == ROLES[0]
    told = (uuid7(), uuid7(), _person(role), founder)
    bearer = Bearer(*told, strong=True, expires_at=int(time.time()) + A_DAY)
    return Signer(TOKENS).sign(bearer)


def _person(role: str) -> UUID:
    batches = list(reference.batches(PLAN, SEED))
    posts = [body for route, bodies in batches if route == "/posts/batch" for body in bodies]
    seats = {body["code"] for body in posts if body["role"] == role}
    held = [body for route, bodies in batches if route == "/appointments/batch" for body in bodies]
    return next(UUID(body["person_ref"]) for body in held if body["post"] in seats)
