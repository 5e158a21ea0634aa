"""A batch that is decided before all that it addresses was loaded."""

from __future__ import annotations

from datetime import UTC, datetime

from libs.common.draft import Draft, Rules
from libs.common.ids import named, uuid7
from libs.common.journal import Loaded
from libs.common.messages import Cause, Context
from libs.common.work import Work
from tests.support import shop

NOW = datetime(2026, 1, 5, tzinfo=UTC)


def test_all_that_one_work_addresses_is_missed_at_once() -> None:
    plan = [shop.GOOD.to(named(f"good {n}"), shop.ListGood(f"good {n}")) for n in range(50)]
    work = Work(lambda _: plan, Cause("test", "c", uuid7(), "test"))
    draft = Draft(Rules("/test", "test", {}, {}), Loaded(NOW, 0), Context(None, NOW, 0))
    draft.take(work, plan)
    assert len(draft.missing) == 50
    assert work.result is None
