"""The servers from packages: one owner at a time, and they follow an owner that dies."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import jgo
import pytest

from libs.common.ports import is_free
from libs.embedded import EmbeddedError, kafka, servers
from libs.embedded.process import free_port
from tests.support.awaiting import eventually
from tests.support.servers import ROOT

OWNER = """
import sys, time
from pathlib import Path
from libs.embedded import servers
there = servers.start(Path(sys.argv[1]))
print(there.kafka_bootstrap_servers, there.postgres_url, flush=True)
time.sleep(600)
"""


def test_a_second_owner_of_a_folder_is_told_who_has_it(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with (
        servers.start(folder),
        pytest.raises(EmbeddedError, match="which still runs: stop it first"),
    ):
        servers.start(folder)


def test_an_id_of_the_cluster_that_begins_with_a_dash_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of 64 does."""
    monkeypatch.setattr(kafka, "_cluster", lambda: f"-{'A' * 21}")
    kafka.prepare(tmp_path, free_port(None), free_port(None))
    assert (tmp_path / "kafka" / "data" / "meta.properties").exists()


def test_the_jars_are_fetched_by_one_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two processes of the tests start on a machine that has none yet."""
    both, build = threading.Barrier(2), jgo.build
    met = []

    def watched(*which: Any, **how: Any) -> Any:
        with suppress(threading.BrokenBarrierError):
            met.append(both.wait(timeout=0.5))
        return build(*which, **how)

    monkeypatch.setattr(jgo, "build", watched)
    with ThreadPoolExecutor() as threads:
        found = list(threads.map(kafka._class_path, (tmp_path / "one", tmp_path / "two")))
    assert met == []
    assert all("kafka_2.13" in path for path in found)


async def test_they_go_down_when_their_owner_is_killed_and_come_up_again(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(folder)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert owner.stdout
    kafka, postgres = owner.stdout.readline().split()
    ports = [int(kafka.rpartition(":")[2]), int(postgres.rpartition(":")[2].partition("/")[0])]
    assert not any(is_free("127.0.0.1", port) for port in ports)
    owner.send_signal(signal.SIGKILL)
    owner.wait()

    async def down() -> bool:
        return all(is_free("127.0.0.1", port) for port in ports)

    await eventually(down, bool)
    with servers.start(folder) as again:
        assert not is_free("127.0.0.1", int(again.kafka_bootstrap_servers.rpartition(":")[2]))
