"""What may be published again: what its readers still know whether they handled it."""

from __future__ import annotations

from datetime import datetime, timedelta

from typer.testing import CliRunner

from cli.main import app
from libs.common.retention import DAYS


def test_what_readers_have_forgotten_is_not_published_again() -> None:
    since = (datetime.now() - timedelta(days=DAYS + 1)).isoformat(timespec="seconds")
    done = CliRunner().invoke(app, ["republish", "--since", since], env={"COLUMNS": "200"})
    assert done.exit_code == 2
    assert "choose a later time" in done.output


def test_what_is_to_come_is_not_published_yet() -> None:
    """given: a time to come, such as a year that was mistyped; when: all since is to be published
    again; then: it is refused, and not called done with nothing."""
    since = (datetime.now() + timedelta(days=1)).isoformat(timespec="seconds")
    done = CliRunner().invoke(app, ["republish", "--since", since], env={"COLUMNS": "200"})
    assert done.exit_code == 2
    assert "it is in the future" in done.output
