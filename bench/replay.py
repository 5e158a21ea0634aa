"""Scoring counted again from its journal: how many entries a second, and to the same figures."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from bench.frame import Compared, Figures, Side, Sizing, compared
from bench.leads import ids
from bench.stand import Stand
from cli.screen import progress, tell
from libs.common import database
from libs.common.contracts import alerts, leads
from libs.common.database import Connection, session
from libs.common.messages import Event
from services.leads.rules import LEAD_TYPES
from services.scoring.main import SERVICE
from services.scoring.projections import tallies
from services.scoring.replay import replay

SEED = 6
NAME = "bench_replay"
DISTINCT = 1_000
CHUNK = 100_000
COPIES = """
INSERT INTO applied (event_id, type, data, occurred_at, correlation_id)
SELECT gen_random_uuid(), type, data, now(), event_id::text
FROM template, generate_series(1, $1)
"""


@dataclass(frozen=True)
class Size:
    """`entries`: a multiple of those that are distinct."""

    rounds: int
    entries: int


SIZES: Mapping[Sizing, Size] = {
    "smallest": Size(1, 2_000),
    "quick": Size(3, 200_000),
    "full": Size(3, 1_000_000),
}


async def run(stand: Stand, sizing: Sizing) -> Compared:
    size = SIZES[sizing]
    url = await stand.fresh_database(NAME)
    await database.create(stand.admin_url, [SERVICE.name, NAME], stand.settings.password)
    await database.migrate(url, SERVICE.name, SERVICE.migration_folders(database.CORE))
    async with session(url) as connection:
        await _fill(connection, size.entries)
    side = Side("civicgrid scoring replay", lambda _: again(url, size.entries))
    data = {"entries": size.entries, "distinct_entries": DISTINCT}
    found = await compared([side], size.rounds, (), seed=SEED, data=data)
    await stand.drop_database(NAME)
    return found


async def again(url: str, entries: int) -> Figures:
    """SystemExit where a figure differs from what was shown."""
    async with session(url) as connection:
        begun = time.monotonic()
        result = await replay(connection, lambda _: None)
        took = time.monotonic() - begun
    if result.differing or result.events != entries:
        raise SystemExit(f"{len(result.differing)} figures differ after {result.events} entries")
    return {"entries_per_second": entries / took, "figures": result.figures}


async def _fill(connection: Connection, entries: int) -> None:
    """Each distinct entry as often as the others, and the figures that they give."""
    tell(f"{entries:,} journal entries")
    made, copies = list(_entries()), entries // DISTINCT
    await connection.execute("CREATE TEMP TABLE template (event_id uuid, type text, data json)")
    rows = [(id, event.type, event.model_dump_json()) for id, event in made]
    await connection.copy_records_to_table("template", records=rows)
    with progress() as bar:
        task = bar.add_task("filling", total=entries)
        for begin in range(0, copies, CHUNK // DISTINCT):
            chunk = min(CHUNK // DISTINCT, copies - begin)
            await connection.execute(COPIES, chunk)
            bar.advance(task, chunk * DISTINCT)
    await connection.copy_records_to_table("tally", records=_figures(made, copies))
    await connection.execute("ANALYZE applied")


def _figures(made: list[tuple[object, Event]], copies: int) -> Iterator[tuple[object, ...]]:
    numerators: Counter[tuple[object, ...]] = Counter()
    denominators: Counter[tuple[object, ...]] = Counter()
    for _, event in made:
        for *key, numerator, denominator in tallies(event):
            numerators[tuple(key)] += numerator * copies
            denominators[tuple(key)] += denominator * copies
    for at, total in denominators.items():
        yield (*at, numerators[at], total)


def _entries() -> Iterator[tuple[object, Event]]:
    """Leads captured, routed and closed, and alerts raised: a quarter each."""
    chance, now, kinds = random.Random(SEED), datetime.now(UTC), sorted(LEAD_TYPES)
    for id in ids(DISTINCT // 4, chance):
        kind = LEAD_TYPES[chance.choice(kinds)]
        community = f"3707820{chance.randrange(235):05}"
        place = {"community": community, "cell": f"{community}{chance.randrange(20):03}"}
        lead = {
            "lead_id": id, "at": now, "unit": f"unit-{community}", "lead_type": kind.code,
            "kind": kind.kind, "urgency": kind.urgency, **place,
        }  # fmt: skip
        yield (
            id,
            leads.LeadCaptured.model_validate(
                {**lead, "channel": "app", "source": "app", "received_at": now}
            ),
        )
        yield id, leads.LeadRouted.model_validate(
            {**lead, "unit_kind": "police_room", "police_room": None, "rule": "urgent-to-police",
             "rule_set": 1, "routing": 1, "sign_by": now}
        )  # fmt: skip
        yield (
            id,
            leads.LeadClosed.model_validate(
                {**lead, "due_at": now, "on_time": chance.random() < 0.8}
            ),
        )
        yield id, alerts.AlertRaised.model_validate(
            {"alert_id": id, "about": id, "rule": "lead-in-cell", "severity": 2, "at": now,
             "rule_set": 1, "recipients": [str(id)], "level": 0, **place}
        )  # fmt: skip
