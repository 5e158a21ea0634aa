"""Four services on a bus that delivers late, twice, after crashes: the end is always the same."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from cli.city import SERVICES
from libs.common.ids import uuid7
from libs.common.messages import Context
from services.leads import policies
from services.leads.domain import LEAD, commands
from services.leads.facts import Facts
from services.mediation.domain import CASE
from services.mediation.domain import commands as case
from tests.faults.checker.seen import Seen
from tests.faults.checker.stored import journals, states
from tests.faults.machines.node import PARTITIONS, Log, Node
from tests.unit.city.cities import NESTED, calendar, city_of, holding, organisation, post

CITY = city_of(
    *NESTED,
    calendar(),
    organisation("room", "police_room", "C-1-1"),
    organisation("centre", "mediation_centre", "C-1-1"),
    organisation("station", "community_station", "C-1-1"),
    holding(post("officer", "community_officer", "C-1-1"), 1),
    holding(post("informant", "grid_informant", "C-1-1-1-1"), 2),
)
CELLS = st.sampled_from(["C-1-1-1-1", "C-1-1", "C-1-2", None])
TYPES = st.sampled_from(["theft", "gas_bottle", "neighbour_quarrel", "street_light"])
BEGIN = datetime(2026, 11, 24, 2, tzinfo=UTC)
NAMES = ("leads", "alerts", "mediation", "scoring")
DIES = st.sampled_from([False, False, False, True])
NODES = st.sampled_from(NAMES)


class Bus(RuleBasedStateMachine):
    """What is delivered, when, how much at once and how often is chance; nothing is lost by it."""

    @initialize()
    def begin(self) -> None:
        self.now, self.log = BEGIN, Log()
        by_name = {service.name: service for service in SERVICES}
        self.nodes = {
            name: Node(
                by_name[name], Facts(CITY, (), frozenset()) if name == "leads" else CITY, self.log
            )
            for name in NAMES
        }
        self.leads: list[UUID] = []

    def _later(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now

    @rule(kind=TYPES, cell=CELLS, dies=DIES)
    def capture(self, kind: str, cell: str | None, dies: bool) -> None:
        """A client that heard nothing asks again, under the same id."""
        id, now = uuid7(), self._later()
        told = policies.Told(kind, "app", "app", cell=cell)
        context: Context[Any] = Context(self.nodes["leads"].facts, now, 1)
        effects = [policies.capture(context, id, told)]
        for attempt in (dies, False, False):
            self.nodes["leads"].command(effects, id, now, dies=attempt)
        self.leads.append(id)

    @precondition(lambda self: self.leads)
    @rule(n=st.integers(0, 50), step=st.sampled_from([commands.Sign, commands.Accept]), dies=DIES)
    def take_a_step(self, n: int, step: Any, dies: bool) -> None:
        lead, now = self.leads[n % len(self.leads)], self._later()
        self.nodes["leads"].command([LEAD.to(lead, step(now))], uuid7(), now, dies=dies)

    @precondition(lambda self: self.leads)
    @rule(n=st.integers(0, 50), decline=st.booleans())
    def settle_a_case(self, n: int, decline: bool) -> None:
        """One that is there; it comes back to its lead."""
        node, now = self.nodes["mediation"], self._later()
        cases = sorted(node.tables.get("mediation_case", {}), key=str)
        if cases:
            told: Any = case.Decline(now, "not_voluntary") if decline else case.Withdraw(now)
            id = cases[n % len(cases)]
            node.command([CASE.to(id, told)], uuid7(), now, dies=False)
            if not decline:
                node.command([CASE.to(id, case.Close(now))], uuid7(), now, dies=False)

    @rule(name=NODES, dies=DIES)
    def publish(self, name: str, dies: bool) -> None:
        self.nodes[name].publish(dies=dies)

    @rule(name=NODES, part=st.integers(0, 99), most=st.integers(1, 8), dies=DIES)
    def deliver(self, name: str, part: int, most: int, dies: bool) -> None:
        """Of any partition of any topic: they are not ordered among each other."""
        node = self.nodes[name]
        parts = [(topic, n) for topic in node.service.consumes for n in range(PARTITIONS)]
        node.take(parts[part % len(parts)], most, self._later(), dies=dies)

    @precondition(lambda self: self.log.parts)
    @rule(part=st.integers(0, 99), begin=st.integers(0, 99), count=st.integers(1, 10))
    def repeat(self, part: int, begin: int, count: int) -> None:
        topic, partition = sorted(self.log.parts)[part % len(self.log.parts)]
        begin %= len(self.log.parts[topic, partition])
        self.log.repeat(topic, partition, begin, begin + count)

    @rule(name=NODES)
    def restart(self, name: str) -> None:
        self.nodes[name].restart()

    @rule(name=NODES, back=st.integers(1, 5))
    def a_zombie_reads_again(self, name: str, back: int) -> None:
        """A process that was fenced believes that it stands further back, or ahead."""
        node = self.nodes[name]
        for part in list(node.standing):
            node.standing[part] = max(0, node.standing[part] - back)

    @invariant()
    def every_state_is_the_sum_of_its_events(self) -> None:
        if hasattr(self, "nodes"):
            broken = [*journals(self._seen()), *states(self._seen())]
            assert broken == []

    def _seen(self) -> Seen:
        """In the form in which the checker reads it."""
        seen = Seen()
        for name, node in self.nodes.items():
            seen.tables[name, "event"] = [_plain(row) for row in node.journal]
            for decider in node.service.deciders:
                rows = node.tables.get(decider.name, {}).values()
                seen.states[name, decider.name] = [_plain(row) for row in rows]
        return seen

    def teardown(self) -> None:
        """All of it is delivered in the end; then everything followed, once."""
        if not hasattr(self, "nodes"):
            return
        self._deliver_all()
        for node in self.nodes.values():
            node.marked = 0  # all of it once more, as after `civicgrid republish`
        self._deliver_all()
        self.every_state_is_the_sum_of_its_events()
        self._check_alerts()
        self._check_cases()
        self._check_figures()

    def _deliver_all(self) -> None:
        """Until nothing follows from it any more."""
        for _ in range(6):
            for node in self.nodes.values():
                node.restart()
                node.publish(dies=False)
                for topic in node.service.consumes:
                    for n in range(PARTITIONS):
                        node.take((topic, n), 10_000, self._later(), dies=False)

    def _events(self, name: str, *types: str) -> list[dict[str, Any]]:
        return [row for row in self.nodes[name].journal if row["type"] in types]

    def _check_alerts(self) -> None:
        raised = [row["data"] for row in self._events("alerts", "alert.raised.v1")]
        about = Counter(id for id in self.leads for text in raised if f'"about":"{id}"' in text)
        assert all(about[id] >= 1 for id in self.leads)
        told = [text for text in raised if '"rule":"lead-unrouted"' not in text]
        assert len(told) == len(self.leads)

    def _check_cases(self) -> None:
        routed = self._events("leads", "lead.routed.v1")
        wanted = sum('"unit_kind":"mediation_centre"' in row["data"] for row in routed)
        assert len(self._events("mediation", "mediation_case.applied.v1")) == wanted

    def _check_figures(self) -> None:
        counted = ("lead.captured.v1", "lead.routed.v1", "lead.signed.v1", "lead.returned.v1")
        told = self._events("leads", *counted) + self._events("alerts", "alert.raised.v1")
        applied = self.nodes["scoring"].tables.get("applied", {})
        ids = {
            key[0] for key, row in applied.items() if row["type"] in {*counted, "alert.raised.v1"}
        }
        assert ids == {row["event_id"] for row in told}
        tally = self.nodes["scoring"].tables.get("tally", {}).values()
        captured = sum(row["denominator"] for row in tally if row["indicator"] == "closed")
        assert captured == len(self.leads)


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """As the dump writes it."""
    return {name: str(v) if isinstance(v, UUID) else v for name, v in row.items()}


TestBus = Bus.TestCase
TestBus.settings = settings(max_examples=40, stateful_step_count=40)
