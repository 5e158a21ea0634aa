"""Whoever waits for Kafka is told of its jars where they must be fetched, and there alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from libs.embedded import kafka


def test_that_jars_are_fetched_is_told_where_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert "jars are fetched" in kafka.starting()
    there = tmp_path / ".m2/repository/org/apache/kafka/kafka_2.13" / kafka.VERSION
    there.mkdir(parents=True)
    (there / f"kafka_2.13-{kafka.VERSION}.jar").touch()
    assert kafka.starting() == "Kafka starts"
