"""`civicgrid audit`: who asked for what, and whether anybody changed what is told of it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer
from rich.text import Text

from cli import audit_files, ground
from cli.audit_files import FileError, Told
from cli.city import NAMES
from cli.screen import Json, console, errors, progress, show_json, show_table
from cli.times import FORM, moment
from libs.common import chain
from libs.common.chain import Verdict
from libs.common.database import session
from libs.common.settings import Settings

app = typer.Typer(no_args_is_help=True, help="Who asked for what; and whether that was changed.")

ABOUT = """
SELECT at, actor, array_to_string(acting_for, ' ') AS acting_for, action, resource, outcome, code,
       purpose, case_id
FROM audit WHERE ids @> ARRAY[$1::uuid] ORDER BY at, position
"""
BY = """
SELECT unnest(ids) AS id, action, count(*) AS times, min(at) AS first, max(at) AS last FROM audit
WHERE actor = $1 AND at >= $2 AND at < $3 AND outcome IN ('done', 'again')
GROUP BY 1, 2 ORDER BY first, id, action
"""
Kept = Annotated[Path, typer.Argument(dir_okay=False, help="where it is kept")]
Dump = Annotated[Path, typer.Argument(help="as `civicgrid audit dump` wrote it")]
Anchors = Annotated[Path, typer.Option(help="as `civicgrid audit anchors` wrote it")]
ENDS = {"valid": 0, "nothing to verify": 0, "invalid": 1, "cannot be verified": 2}
NO_FILE = 3
"""How it ends where there is nothing to read: neither file said anything of a row."""
SHOWN = 20
"""Faults: what follows from the first says little more."""
STEP = 500


@app.command()
def dump(
    service: Annotated[str, typer.Argument(help="one of them: see `civicgrid status`")],
    file: Kept,
) -> None:
    """Every row of one service with its number and hash, for `verify`. A dump that is there
    already stays, unless the new one has all of it."""
    if service not in NAMES:
        raise typer.BadParameter(f"known are {', '.join(NAMES)}", param_hint="SERVICE")
    asyncio.run(_dump(ground.attached(), service, file))
    console.print(f"{service}: written to {file}")


async def _dump(chosen: Settings, service: str, file: Path) -> None:
    async with (
        session(chosen.url(service, "writer")) as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        total = await audit_files.length(connection)
        with (
            audit_files.keeping(file, audit_files.check_dump) as out,
            _shown("rows", total) as told,
        ):
            await audit_files.write_dump(connection, service, out, told)


@app.command()
def anchors(file: Kept) -> None:
    """The hashes that every service has published, for `verify`. Those in FILE stay, unless the
    topic has all of them still."""
    bootstrap = ground.attached().kafka_bootstrap_servers
    with audit_files.keeping(file, audit_files.check_anchors) as out:
        count = asyncio.run(audit_files.write_anchors(bootstrap, out))
    console.print(f"{count:,} anchors written to {file}")


@app.command()
def verify(dump: Dump, anchors: Anchors | None = None, as_json: Json = False) -> None:
    """Whether a dump is what it was; needs no server. Ends with 1 if it is not, with 2 if nobody
    can tell, with 3 if a file is not there or is not what it should be."""
    try:
        service, verdict = _verified(dump, anchors)
    except (FileError, OSError) as error:
        errors.print(Text(str(error), "red"))
        raise typer.Exit(NO_FILE) from None
    show_json(asdict(verdict)) if as_json else _tell(service, verdict)
    raise typer.Exit(ENDS[verdict.name])


def _verified(dump: Path, anchors: Path | None) -> tuple[str, Verdict]:
    """Of which service, and what it is. Raises FileError, OSError."""
    with dump.open(encoding="utf-8") as file:
        header, lines = audit_files.read_dump(file)
        known = audit_files.read_anchors(anchors, header.service) if anchors else []
        with _shown("rows", header.length) as told:
            verdict = chain.verify(header.service, header.at, _told(lines, told), known)
    if header.length and verdict.name == "nothing to verify":
        raise FileError(f"{dump} is cut off: it has none of its {header.length:,} rows")
    return header.service, verdict


def _tell(service: str, verdict: Verdict) -> None:
    console.print(f"{service}: {verdict.name}")
    if verdict.faults:
        console.print(f"the first bad row: {verdict.faults[0].text}")
        show_table([asdict(fault) for fault in verdict.faults[:SHOWN]])
    elif verdict.name == "nothing to verify":
        console.print("it has no row; whether it ever had one, anchors alone can tell")
    elif verdict.name == "cannot be verified":
        since = f"no anchor bears witness to those from number {verdict.anchored + 1:,} on"
        console.print(f"{verdict.rows:,} rows fit together, but {since}")
    else:
        console.print(f"{verdict.rows:,} rows; up to number {verdict.anchored:,} as they were then")


@app.command()
def about(
    id: Annotated[UUID, typer.Argument(metavar="SUBJECT_OR_RECORD_ID")], as_json: Json = False
) -> None:
    """Who looked at it or changed it, over all services, the first one first. Times are shown in
    UTC."""
    rows = asyncio.run(_everywhere(ground.attached(), ABOUT, id))
    rows.sort(key=lambda row: row["at"])
    show_json(rows) if as_json else show_table(rows)


@app.command()
def by(
    account: Annotated[UUID, typer.Argument(metavar="ACCOUNT", help="id of who acted")],
    since: Annotated[datetime, typer.Argument(parser=moment, help=FORM)],
    until: Annotated[datetime, typer.Argument(parser=moment, help="up to, without it")],
    as_json: Json = False,
) -> None:
    """All that an account saw or changed in a time, by id: whom to tell of a breach. Times are
    shown in UTC."""
    if since > until:
        raise typer.BadParameter("it is after UNTIL", param_hint="SINCE")
    rows = asyncio.run(_everywhere(ground.attached(), BY, str(account), since, until))
    rows.sort(key=lambda row: row["first"])
    show_json(rows) if as_json else show_table(rows)


async def _everywhere(chosen: Settings, query: str, *values: object) -> list[dict[str, Any]]:
    """It looks through all there is: rarely asked, it is not worth an index that every row pays."""
    found = []
    with _shown("services", len(NAMES)) as told:
        for number, name in enumerate(NAMES, 1):
            async with session(chosen.url(name, "writer")) as connection:
                rows = await connection.fetch(query, *values)
            found += [{"service": name, **row} for row in rows]
            told(number)
    return found


@contextmanager
def _shown(what: str, total: int) -> Iterator[Told]:
    with progress() as bar:
        task = bar.add_task(what, total=total)

        def told(done: int) -> None:
            if done % STEP == 0 or done == total:
                bar.update(task, completed=done)

        yield told


def _told(lines: Iterator[chain.Sealed], told: Told) -> Iterator[chain.Sealed]:
    for line in lines:
        yield line
        told(line.number or 0)
