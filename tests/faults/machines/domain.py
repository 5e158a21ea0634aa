"""One aggregate as a machine: any command at any time, held against the checker's own fold."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID

from hypothesis.stateful import RuleBasedStateMachine, invariant

from libs.common.messages import Decider, Event, Refused, Wait
from tests.faults.checker.aggregate import fold
from tests.faults.checker.fold import AGGREGATES

BEGIN = datetime(2026, 11, 24, tzinfo=UTC)
ID = UUID(int=7 << 76 | 0b10 << 62)


class DomainMachine(RuleBasedStateMachine):
    """A subclass names its decider and has a rule for each command. Time goes on with each one."""

    service: ClassVar[str]
    decider: ClassVar[Decider[Any, Any, Any]]

    def __init__(self) -> None:
        super().__init__()
        self.now = BEGIN
        self.state: Any = self.decider.blank(ID)
        self.events: list[Event] = []

    def tell(self, command: Any) -> list[Event]:
        """What happened; nothing where it was refused, and then nothing changed."""
        self.now += timedelta(minutes=1)
        before = self.state
        try:
            happened = list(self.decider.decide(self.state, command))
        except (Refused, Wait) as refusal:
            again = self._refused(command)
            assert type(again) is type(refusal) and str(again) == str(refusal)
            assert self.state == before
            return []
        assert happened == list(self.decider.decide(before, command)), "decide is not pure"
        for event in happened:
            read = type(event).model_validate_json(event.model_dump_json())
            assert read == event, "what is read is not what was said"
            self.state = self.decider.evolve(self.state, event)
        self.events += happened
        return happened

    def _refused(self, command: Any) -> Exception | None:
        try:
            self.decider.decide(self.state, command)
        except (Refused, Wait) as refusal:
            return refusal
        return None

    def tell_twice(self, command: Any) -> None:
        """The second time changes nothing: what came is here already."""
        self.tell(command)
        known = self.state
        assert self.tell(command) == []
        assert self.state == known

    @invariant()
    def the_state_is_what_another_fold_makes_of_the_events(self) -> None:
        aggregate = AGGREGATES[self.service, self.decider.name]
        told = [(event.type, json.loads(event.model_dump_json())) for event in self.events]
        stored = json.loads(self.decider.state.dump_json(self.state))
        assert stored == fold(aggregate, str(ID), told)

    @invariant()
    def the_state_is_the_same_when_it_is_read_again(self) -> None:
        stored = self.decider.state.dump_json(self.state)
        assert self.decider.state.validate_json(stored) == self.state
