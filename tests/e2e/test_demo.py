"""The demo as a stranger runs it, on the servers of the test."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shlex
import subprocess
import sys
from asyncio.subprocess import PIPE
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from cli.city import SERVICES
from cli.demo import _tell_story
from libs.common import provisioning
from libs.common.settings import Settings
from tests.integration.test_accounts_command import Command
from tests.support.command import command
from tests.support.journals import counted
from tests.support.processes import ServiceProcess
from tests.support.servers import ROOT, Ground
from tests.support.town import forget_topics


@pytest.mark.timeout(400)
async def test_one_lead_of_each_kind_goes_through_everything(
    servers: Ground, tmp_path: Path
) -> None:
    file = provisioning.topics_file(ROOT)
    await forget_topics(servers, list(file.topics))
    settings = await servers.provide(SERVICES, file)
    told = json.loads(command(settings, "demo", "--once", "--json"))
    leads, people = told["leads"], told["people"]
    names = ["informant", "officer", "town", "centre", "privacy"]
    assert [one["sign-in name"] for one in people] == names
    assert [len(one["area"]) for one in people] == [16, 12, 9, 6, 6]
    assert [lead["kind"] for lead in leads] == ["clue", "hazard", "dispute", "service"]
    for lead in leads:
        times = lead["milliseconds"]
        assert [name for name in times if times[name] is None] == (
            [] if lead["kind"] == "dispute" else ["mediated"]
        )
        assert (lead["mediation_case"] is not None) == (lead["kind"] == "dispute")
        assert len(lead["alert_recipients"]) == len(set(lead["alert_recipients"])) == 3
        assert lead["police_room"] == f"police_room-{lead['cell'][:12]}"
        assert lead["score_before"] != lead["score_after"]
    story = json.loads(command(settings, "trace", leads[2]["id"], "--json"))
    told = [step["type"] for step in story]
    assert told[0] == "lead.captured.v1"
    for step in ("alert.raised.v1", "mediation_case.closed.v1", "lead.fed_back.v1"):
        assert step in told
    assert "counted lead.closed.v1" in told
    counts = {one["service"]: one for one in json.loads(command(settings, "status", "--json"))}
    assert {one["dead_letters"] for one in counts.values()} == {0}
    ours, all = await counted(settings.url("registry", "writer"), "civicgrid.registry")
    assert ours == 31_015
    assert ours <= counts["registry"]["events"] <= all
    await _try_what_the_readme_says(settings, people[0], tmp_path)


async def _try_what_the_readme_says(
    settings: Settings, informant: dict[str, str], folder: Path
) -> None:
    """The informant that the demo leaves captures a lead, and sees it."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    login, submit = re.findall(r"^.venv/bin/civicgrid (.+)", readme, re.M)
    process = ServiceProcess(("cli", "up"), settings, folder / "up.log")
    process.start()
    try:
        await process.ready()
        assert settings.tokens
        she = Command(folder / "home", process.url, settings.tokens)
        she.run(*login.split(), told=f"{informant['password']}\n\n")
        lead = json.loads(she.run(*submit.split(), "--json"))["id"]
        assert informant["area"] in she.run("lead", "show", lead)
        told = (folder / "up.log").read_text()
        assert f"Kafka listens on {settings.kafka_bootstrap_servers}\n" in told
        await _try_what_integrating_says(settings, process.url, informant["password"], folder)
    finally:
        assert process.stop() == 0


async def _try_what_integrating_says(
    settings: Settings, url: str, password: str, folder: Path
) -> None:
    """Both programs as they stand there, and each line of a shell."""
    page = (ROOT / "docs" / "integrating.md").read_text(encoding="utf-8")
    for name, program in re.findall(r"`(\w+\.py)`(?:(?!```).)*```python\n(.*?)```", page, re.S):
        (folder / name).write_text(program)
    blocks = re.findall(r"```sh\n(.*?)```", page.replace(".venv/bin/python", sys.executable), re.S)
    named, send, listen, *asking = blocks
    assert re.findall(r"^export (\w+)=", named, re.M) == ["KAFKA", "CITY"]
    environment = {"KAFKA": settings.kafka_bootstrap_servers, "CITY": url, "PASSWORD": password}
    shell = Shell(folder, os.environ | environment)
    shell.run(send)
    receipts, events = listen.splitlines()
    assert '"source_number":"case-17"' in await shell.heard(receipts, "intake.accepted.v1")
    assert '"lead_type":' in await shell.heard(events, "lead.captured.v1")
    told = shell.run("".join(asking))
    lead, changed, page = map(json.loads, told.replace("}{", "}\n{").splitlines())
    assert lead["lead_type"] == "gas_bottle" and changed["version"] == 2
    assert page["items"][0]["status"] == "routed"


@dataclass(frozen=True)
class Shell:
    """Of somebody who reads a page and types what it says."""

    folder: Path
    environment: Mapping[str, str]

    def run(self, lines: str) -> str:
        done = subprocess.run(
            ["bash", "-euc", lines],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, (done.stdout, done.stderr)
        return done.stdout

    async def heard(self, line: str, kind: str) -> str:
        """What a program that does not end says of the first message of a type."""
        process = await asyncio.create_subprocess_exec(
            *shlex.split(line), cwd=self.folder, env=self.environment, stdout=PIPE
        )
        assert process.stdout
        try:
            async with asyncio.timeout(60):
                while True:
                    told = (await process.stdout.readline()).decode()
                    assert told, f"{line} has ended"
                    if told.startswith(kind):
                        return told
        finally:
            process.terminate()  # an interrupt is passed over where this began in the background
            await process.communicate()


def test_a_story_is_told_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    lead = {
        **{"id": "1", "kind": "service", "cell": "2", "police_room": "3", "alert_recipients": []},
        **{"mediation_case": None, "score_before": "n/a", "score_after": "100.00"},
        "milliseconds": {"routed": 0.0, "alerted": 12.3, "mediated": None, "scored": 20.1},
    }
    _tell_story(lead)
    told = capsys.readouterr().out
    assert "routed at once" in told and "alerted after 12.3 ms" in told
    assert "no figure yet, and 100.00 when it was closed" in told
    assert "n/a" not in told and " 0.0 ms" not in told
