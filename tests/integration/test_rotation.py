"""Passwords of the database and keys of tokens are changed while requests come (row P29). Kafka has
no secret of ours; how the key of a source is changed: `tests/e2e/small_city/test_sharing_keys.py`.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from time import sleep, time
from urllib.parse import urlsplit
from uuid import UUID

import asyncpg
import httpx
import pytest

from cli import setup
from cli.passes import Pass
from libs.common import database, provisioning
from libs.common.database import session
from libs.common.ids import named, uuid7
from libs.common.service import Service
from libs.common.serving import interface, started
from libs.common.settings import SUPERUSER, Settings
from libs.rights.tokens import Bearer, Keyring, Signer, make_keys, rotate
from services.registry.main import SERVICE as REGISTRY
from tests.support import shop
from tests.support.awaiting import eventually
from tests.support.servers import PASSWORD, ROOT, Ground, unique
from tests.support.town import forget_topics, town_of

CLIENTS, SALES = 8, 50
BEARER = Bearer(UUID(int=1), UUID(int=2), None, False, True, int(time()) + 86_400)
FORGET = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = ANY($1)"


@pytest.fixture
async def secret(servers: Ground, tmp_path: Path) -> AsyncIterator[tuple[Service, Settings]]:
    """A service whose passwords are files, and its settings; other tests find theirs again."""
    if servers.own is None:
        pytest.skip("the servers of the environment have passwords of their own")
    till, _ = shop.services(unique("r"))
    settings = await servers.provide([till], shop.topics(till.topic))
    setup.make_secrets(tmp_path, [till])
    names = provisioning.databases([till])
    kept = settings.model_copy(update={"secrets": tmp_path})
    await database.create(servers.admin_url, names, kept.password)
    yield till, kept
    await database.create(servers.admin_url, names, lambda _: PASSWORD)


async def test_no_request_fails_and_old_passwords_open_nothing(
    servers: Ground, secret: tuple[Service, Settings]
) -> None:
    till, settings = secret
    assert settings.secrets
    before = settings.url(till.name, "reader")
    answers: Counter[int] = Counter()

    async def ask() -> int:
        body = {"id": str(uuid7()), "till": str(named("till")), "amount": 1, "buyer": "Li Na"}
        sold = await client.post("/sales", json=body)
        read = await client.get(f"/tills/{named('till')}")
        answers.update((sold.status_code, read.status_code))
        return max(sold.status_code, read.status_code)

    async def keep_asking() -> None:
        for _ in range(SALES):
            await ask()

    async with started([till], settings) as running:
        transport = httpx.ASGITransport(interface(running), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
            asking = [asyncio.create_task(keep_asking()) for _ in range(CLIENTS)]
            await eventually(lambda: _told(answers), lambda told: told > SALES)
            changed = await setup.change_passwords(settings.secrets, servers.admin_url, [till])
            assert not any(one.done() for one in asking)
            await asyncio.gather(*asking)
            assert answers == {201: CLIENTS * SALES, 200: CLIENTS * SALES}
            async with session(servers.admin_url) as admin:
                await admin.execute(FORGET, provisioning.databases([till]))
            await eventually(ask, lambda status: status == 201)
    assert changed == len(setup.ROLES) * len(provisioning.databases([till]))
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(before)


async def _told(answers: Counter[int]) -> int:
    return answers.total()


async def test_one_command_changes_passwords_and_the_key_of_tokens(
    servers: Ground,
    secret: tuple[Service, Settings],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    till, settings = secret
    assert settings.secrets
    tokens = settings.secrets / "tokens"
    make_keys(tokens)
    before = Signer(tokens).sign(BEARER)
    for name, value in {
        "KAFKA_BOOTSTRAP_SERVERS": servers.kafka,
        "DATABASE_URL": settings.database_url,
        "CIVICGRID_SECRETS": str(settings.secrets),
        "CIVICGRID_TOKENS": str(tokens),
        "CIVICGRID_ADMIN_URL": servers.admin_url,
    }.items():
        monkeypatch.setenv(name, value)
    (settings.secrets / SUPERUSER).write_text(urlsplit(servers.admin_url).password or "")
    monkeypatch.setattr(setup, "SERVICES", [till])
    monkeypatch.setattr(setup, "LEARNT_SECONDS", 0)
    monkeypatch.setattr("sys.argv", ["setup", "rotate"])
    old = settings.url(till.name, "writer")
    await asyncio.to_thread(setup.main)
    assert "6 passwords changed" in capsys.readouterr().out
    async with session(settings.url(till.name, "writer")):
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(old)
    after = Signer(tokens).sign(BEARER)
    assert Keyring(tokens).read(before) == Keyring(tokens).read(after) == BEARER
    assert before.partition(".")[0] != after.partition(".")[0], "another key"


async def test_keys_of_tokens_change_twice_and_no_request_fails(
    servers: Ground, tmp_path: Path
) -> None:
    """given: callers who ask all the time, each with a token made just now; when: the key is
    changed, and again; then: all are answered, and only tokens of the first key are good no more.
    """
    file = provisioning.topics_file(ROOT)
    await forget_topics(servers, list(file.topics))
    settings = await servers.provide([REGISTRY], file)
    tokens, answers, asking = tmp_path / "tokens", Counter[int](), True
    make_keys(tokens)

    async with town_of(settings.model_copy(update={"tokens": tokens}), [REGISTRY]) as town:

        async def ask(token: str) -> int:
            told = {"Authorization": f"Bearer {token}"}
            answer = await town.client.get("/areas/counts", headers=told, auth=None)
            return answer.status_code

        async def keep_asking() -> None:
            while asking:
                answers[await ask(Pass(tokens).token)] += 1

        first = Pass(tokens).token
        assert await ask(first) == 200
        callers = [asyncio.create_task(keep_asking()) for _ in range(4)]
        for _ in range(2):
            before = answers.total()
            await asyncio.to_thread(rotate, tokens, wait=lambda: sleep(setup.LEARNT_SECONDS))
            await eventually(lambda: _told(answers), (before + SALES).__lt__)
        asking = False
        await asyncio.gather(*callers)
        assert answers.keys() == {200}
        await eventually(lambda: ask(first), lambda status: status == 401)
