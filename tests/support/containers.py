"""Kafka and PostgreSQL in containers of their own, which tests may kill and put up again."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import docker
from docker.errors import DockerException
from testcontainers.core.config import testcontainers_config as config
from testcontainers.core.container import DockerContainer
from testcontainers.core.exceptions import ContainerStartException

from libs.embedded.kafka import answers
from libs.embedded.process import free_port

POSTGRES = os.environ.get("POSTGRES_IMAGE", "postgres:18")
KAFKA = os.environ.get("KAFKA_IMAGE", "apache/kafka:4.1.1")
START_SECONDS = 60


def are_here() -> bool:
    """Whether a Docker engine answers that has both images, or gets them. Without that of Ryuk,
    which removes what a killed test run leaves, it goes too."""
    try:
        client = docker.from_env()
    except DockerException:
        return False
    config.ryuk_disabled = config.ryuk_disabled or not _has(client, config.ryuk_image)
    return _has(client, POSTGRES) and _has(client, KAFKA)


def _has(client: docker.DockerClient, image: str) -> bool:
    try:
        return bool(client.images.list(image) or client.images.pull(image))
    except DockerException:
        return False


@dataclass
class Container:
    """On a port of this machine that stays the same when it is put up again."""

    made: DockerContainer
    port: int
    is_ready: Callable[[int], bool]

    def start(self) -> None:
        try:
            self.made.get_wrapped_container().start()
        except ContainerStartException:
            self.made.start()
        deadline = time.monotonic() + START_SECONDS
        while not self.is_ready(self.port):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.made.image} did not answer in {START_SECONDS} s")
            time.sleep(0.1)

    def kill(self) -> None:
        self.made.get_wrapped_container().kill()

    def remove(self) -> None:
        self.made.stop(force=True, delete_volume=True)


@dataclass
class Containers:
    kafka: Container
    postgres: Container
    kafka_bootstrap_servers: str
    postgres_url: str

    def wipe_kafka(self) -> None:
        """All topics and records are gone; the broker runs again, empty."""
        self.kafka.remove()
        self.kafka = _kafka(self.kafka.port)
        self.kafka.start()


@contextmanager
def start() -> Iterator[Containers]:
    password = secrets.token_urlsafe(12)
    postgres, kafka = _postgres(free_port(None), password), _kafka(free_port(None))
    url = f"postgresql://postgres:{password}@127.0.0.1:{postgres.port}/postgres"
    there = Containers(kafka, postgres, f"127.0.0.1:{kafka.port}", url)
    try:
        postgres.start()
        kafka.start()
        yield there
    finally:
        there.kafka.remove()
        postgres.remove()


def _made(image: str, inside: int, port: int) -> DockerContainer:
    made = DockerContainer(image)
    made.ports = {str(inside): ("127.0.0.1", port)}  # type: ignore[dict-item]
    return made


def _postgres(port: int, password: str) -> Container:
    made = _made(POSTGRES, 5432, port).with_env("POSTGRES_PASSWORD", password)
    return Container(made, port, lambda _: _is_up(made))


def _is_up(made: DockerContainer) -> bool:
    asked = ["pg_isready", "--username", "postgres", "--host", "127.0.0.1"]
    return bool(made.get_wrapped_container().exec_run(asked).exit_code == 0)


def _kafka(port: int) -> Container:
    settings: dict[str, Any] = {
        "NODE_ID": 1,
        "PROCESS_ROLES": "broker,controller",
        "CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
        "LISTENERS": "PLAINTEXT://:9092,CONTROLLER://:9093",
        "ADVERTISED_LISTENERS": f"PLAINTEXT://127.0.0.1:{port}",
        "LISTENER_SECURITY_PROTOCOL_MAP": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "CONTROLLER_LISTENER_NAMES": "CONTROLLER",
        "OFFSETS_TOPIC_REPLICATION_FACTOR": 1,
        "OFFSETS_TOPIC_NUM_PARTITIONS": 8,
        "AUTO_CREATE_TOPICS_ENABLE": "false",
        "GROUP_INITIAL_REBALANCE_DELAY_MS": 0,
        "BROKER_SESSION_TIMEOUT_MS": 2000,
        "BROKER_HEARTBEAT_INTERVAL_MS": 500,
        "HEAP_OPTS": "-Xmx512m",
    }
    made = _made(KAFKA, 9092, port)
    for name, value in settings.items():
        made.with_env(f"KAFKA_{name}", str(value))
    return Container(made, port, answers)
