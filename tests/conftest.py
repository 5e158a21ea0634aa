from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.servers import Ground, ground, kind_of_servers

TIERS = ("unit", "contract", "integration", "e2e", "attacks", "fuzz", "faults")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The folder of a test is its tier."""
    for item in items:
        tier = Path(str(item.fspath)).relative_to(Path(__file__).parent).parts[0]
        if tier in TIERS:
            item.add_marker(tier)


def pytest_report_header() -> str:
    return f"servers: {kind_of_servers()}"


@pytest.fixture(scope="session")
def servers() -> Iterator[Ground]:
    with ground() as there:
        yield there
