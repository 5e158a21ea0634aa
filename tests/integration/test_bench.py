"""Every benchmark runs, at its smallest size; figures of that size mean nothing."""

from __future__ import annotations

import pytest
import pytest_asyncio

from bench import city
from bench.catalogue import BENCHMARKS
from bench.frame import spread
from bench.goals import read, verdicts
from bench.memory import most_growth
from bench.report import line
from bench.results import made
from bench.stand import Stand
from libs.embedded.servers import Servers
from tests.support.servers import Ground
from tests.support.town import PLAN


@pytest_asyncio.fixture(scope="module")
async def stand(servers: Ground) -> Stand:
    """Without a city: those that need one make it, and leave it to the next."""
    if not isinstance(servers.own, Servers):
        pytest.skip("benchmarks count the CPU of servers that are processes of this machine")
    there = Stand(servers.settings(), servers.admin_url, servers.own, PLAN)
    await city.forget(there)
    return there


@pytest.mark.parametrize("name", BENCHMARKS)
async def test_each_benchmark_runs(stand: Stand, name: str) -> None:
    found = await BENCHMARKS[name](stand, "smallest")
    assert all(figures for figures in found.sides.values())
    for one in found.ratios:
        rounds = [each[one.of][one.figure] / each[one.to][one.figure] for each in found.each]
        assert one.spread == spread(rounds)
    result = made(name, "smallest", found, "18", 0, 1)
    assert all(line(verdict)["verdict"] for verdict in verdicts(result))


def test_one_process_that_leaks_is_not_level_among_five_that_do_not() -> None:
    start = dict.fromkeys(("registry", "leads", "alerts", "mediation", "scoring", "portal"), 85.0)
    assert most_growth(start, {**start, "alerts": 105.0}) > 1.2


def test_goals_are_of_benchmarks_that_there_are() -> None:
    assert read().keys() <= BENCHMARKS.keys()
