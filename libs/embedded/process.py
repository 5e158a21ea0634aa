"""One guarded server process: its start, its log, its end."""

from __future__ import annotations

import json
import os
import pwd
import random
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from libs.common.ports import is_free

GUARD = Path(__file__).with_name("guard.py")
HOST = "127.0.0.1"
LISTENING = range(20_000, 32_000)
"""Below those that outgoing connections get: what is free now is so when it is bound, too."""
_RESERVED: deque[socket.socket] = deque(maxlen=200)


class EmbeddedError(Exception):
    """A server cannot run here; the text says why, and what to do."""


@dataclass
class Process:
    """A server under its guard. `kill` is SIGKILL to the server itself, as in a fault test."""

    name: str
    argv: Sequence[str]
    folder: Path
    stop_signal: int
    is_ready: Callable[[int], bool]
    account: Mapping[str, Any]
    guard: subprocess.Popen[bytes] | None = None
    pid: int = 0

    @property
    def log(self) -> Path:
        return self.folder.parent / f"{self.name}.log"

    def start(self, seconds: float = 60) -> None:
        deadline = time.monotonic() + 10
        while not self._launch():
            if time.monotonic() > deadline:
                raise EmbeddedError(
                    f"{self.name} in {self.folder} is in use by another run: stop that one first"
                )
            time.sleep(0.2)
        deadline = time.monotonic() + seconds
        while not self.is_ready(self.pid):
            if self.guard is None or self.guard.poll() is not None:
                raise EmbeddedError(
                    f"{self.name} did not start; the end of {self.log}:\n{self._tail()}"
                )
            if time.monotonic() > deadline:
                raise EmbeddedError(f"{self.name} was not ready in {seconds:.0f} s: see {self.log}")
            time.sleep(0.05)

    def _launch(self) -> bool:
        spec = {
            "argv": list(self.argv),
            "folder": str(self.folder),
            "log": str(self.log),
            "lock": str(self.folder.parent / f"{self.name}.lock"),
            "stop_signal": self.stop_signal,
            "account": dict(self.account),
        }
        self.guard = subprocess.Popen(
            [sys.executable, "-I", str(GUARD), json.dumps(spec)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        assert self.guard.stdout
        answer = json.loads(self.guard.stdout.readline() or b'{"locked": true}')
        if "pid" not in answer:
            self.guard.wait()
            return False
        self.pid = answer["pid"]
        return True

    def _tail(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-8:])

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        self._end()

    def stop(self) -> None:
        if self.guard and self.guard.poll() is None:
            self.guard.terminate()
        self._end()

    def _end(self) -> None:
        if self.guard:
            self.guard.wait(30)
            for pipe in (self.guard.stdin, self.guard.stdout):
                if pipe:
                    pipe.close()
            self.guard = None


def account_of(folder: Path) -> Mapping[str, Any]:
    """As root, servers run as the account `nobody`; `folder` becomes its own."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def is_reachable(folder: Path) -> bool:
    """Whether any account may pass through all folders above this one."""
    return all(parent.stat().st_mode & 0o001 for parent in [folder, *folder.parents])


def free_port(wanted: int | None) -> int:
    """The wanted port if nobody has it, else any free one to listen at, given to nobody else."""
    if wanted and is_free(HOST, wanted):
        return wanted
    for port in random.SystemRandom().sample(LISTENING, 100):
        if is_free(HOST, port) and _reserve(port):
            return port
    raise EmbeddedError(f"there is no free port on {HOST}")


def _reserve(port: int) -> bool:
    """Until somebody listens there; False where another has. A UDP socket of the same number tells
    every process of this machine, while this one lives."""
    sign = socket.socket(type=socket.SOCK_DGRAM)
    try:
        sign.bind((HOST, port))
    except OSError:
        sign.close()
        return False
    _RESERVED.append(sign)
    return True
