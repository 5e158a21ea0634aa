"""What a document names is there: links, targets of make, commands and their options, metrics."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer.main
from prometheus_client import generate_latest

from cli.main import app
from tests.support.servers import ROOT

FOLDERS = (one for one in ROOT.iterdir() if one.is_dir() and not one.name.startswith("."))
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(path for one in FOLDERS for path in one.rglob("*.md"))])
LINK = re.compile(r"\]\((?!https?://)([^)#]+)")
METRIC = re.compile(r"civicgrid_\w+?(?=_bucket|\b)")
DASHBOARD = ROOT / "deploy/grafana/provisioning/dashboards/civicgrid.json"
MAKE = re.compile(r"`?make ([a-z0-9]+)")


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path) -> None:
    for target in LINK.findall(path.read_text(encoding="utf-8")):
        assert (path.parent / target).exists(), target


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_targets_of_make_exist(path: Path) -> None:
    targets = set(re.findall(r"^([a-z0-9]+):", (ROOT / "Makefile").read_text(), re.M))
    code = "\n".join(_code(path))
    assert set(MAKE.findall(code)) <= targets


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_commands_and_their_options_exist(path: Path) -> None:
    for line in _code(path):
        words = shlex.split(line.replace("[", " ").replace("]", " "))
        if words and words[0].removeprefix(".venv/bin/") == "civicgrid":
            _check(words[1:])


@pytest.mark.parametrize(
    "path", [*DOCUMENTS, DASHBOARD], ids=lambda path: str(path.relative_to(ROOT))
)
def test_metrics_are_exposed_under_the_names_that_are_told(path: Path) -> None:
    exposed = set(re.findall(r"^# TYPE (\S+)", generate_latest().decode(), re.M))
    assert set(METRIC.findall(path.read_text(encoding="utf-8"))) <= exposed


def _code(path: Path) -> list[str]:
    """Lines of shell blocks, and what stands between backquotes."""
    text = path.read_text(encoding="utf-8")
    blocks = re.findall(r"```sh\n(.*?)```", text, re.S)
    spans = re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.S))
    return [line for block in blocks for line in block.splitlines()] + spans


def _check(words: list[str]) -> None:
    command: Any = typer.main.get_command(app)
    while hasattr(command, "commands") and words and not words[0].startswith("-"):
        assert words[0] in command.commands, words[0]
        command, words = command.commands[words[0]], words[1:]
    known = {name for one in command.params for name in one.opts} | {"--help"}
    assert {word for word in words if word.startswith("--")} <= known
