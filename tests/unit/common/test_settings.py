"""What is unknown, unusable or missing is refused by the name of the setting."""

from __future__ import annotations

from pathlib import Path

import pytest

from libs.common import settings
from libs.common.settings import SettingsError

URL = "postgresql://{role}:a-long-secret@127.0.0.1:1/{service}"


@pytest.fixture(autouse=True)
def given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1")
    monkeypatch.setenv("DATABASE_URL", URL)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CIVICGRID_PORT", "many"),
        ("CIVICGRID_PORT", "0"),
        ("CIVICGRID_ADMIN_PORT", "65536"),
        ("CIVICGRID_UNHEARD_OF", "1"),
        ("CIVICGRID_DATABASE_URL", URL),
        ("DATABASE_URL", "postgresql://{role}:a-long-secret@127.0.0.1:1/leads"),
    ],
)
def test_a_setting_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=rf"(^| ){name}\b"):
        settings.load()


def test_a_secret_that_is_not_there_is_no_database_that_is_away(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CIVICGRID_SECRETS", str(tmp_path))
    with pytest.raises(SettingsError, match="CIVICGRID_SECRETS has no file for leads_writer"):
        settings.load().url("leads", "writer")
    (tmp_path / "leads_writer").write_text("\n")
    with pytest.raises(SettingsError, match="no password for leads_writer"):
        settings.load().url("leads", "writer")


@pytest.mark.parametrize(
    "password", ["postgres", "leads_writer", "writer", "leads", "changeme", "a"]
)
def test_a_secret_that_is_easily_found_is_refused(
    monkeypatch: pytest.MonkeyPatch, password: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", URL.replace("a-long-secret", password))
    with pytest.raises(SettingsError, match="the password of leads_writer is easily found") as told:
        settings.load().url("leads", "writer")
    assert f" {password} " not in str(told.value).replace("leads_writer is", "")


def test_no_secret_is_in_what_settings_say_of_themselves() -> None:
    assert "a-long-secret" not in repr(settings.load())
