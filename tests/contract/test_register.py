"""Every field has its entry in the register, and what is personal is in no topic."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any, ClassVar

import pytest
import yaml

from cli import contracts
from cli.city import SERVICES
from libs.common.messages import Event
from libs.common.service import Service
from libs.common.settings import SettingsError
from libs.privacy import register
from services.leads.rules import ROUTING
from services.scoring.schemes import SCHEMES
from tests.support import fields

REGISTER = register.registered()
PLACES = fields.of_code(SERVICES)
EVENTS = sorted({e for one in SERVICES for e in one.publishes}, key=lambda event: event.type)


@pytest.mark.parametrize("place", sorted(PLACES))
def test_every_field_is_registered_once(place: str) -> None:
    found = {field: REGISTER.classes_of(place, field) for field in PLACES[place]}
    assert {field: kinds for field, kinds in found.items() if len(kinds) != 1} == {}


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.type)
def test_only_classes_that_may_leave_their_service_reach_a_topic(event: type[Event]) -> None:
    place = f"event {event.type}"
    for name in event.model_fields.keys() - event.sealed:
        [kind] = REGISTER.classes_of(place, name)
        assert REGISTER.classes[kind].published, f"{place}: {name} is {kind}"
    for name in event.sealed:
        [kind] = REGISTER.classes_of(place, name)
        assert not REGISTER.classes[kind].published, f"{place}: {name} is sealed, and {kind}"


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.type)
def test_no_text_that_is_published_is_free(event: type[Event]) -> None:
    assert list(free(contracts.schema(event), event.type)) == []


def free(schema: Mapping[str, Any], at: str) -> Iterator[str]:
    """Where a schema takes any text, or any object."""
    for name, one in schema.get("$defs", {}).items():
        yield from free(one, name)
    for name, one in schema.get("properties", {}).items():
        yield from free(one, f"{at}/{name}")
    for one in (*schema.get("anyOf", ()), *schema.get("prefixItems", ())):
        yield from free(one, at)
    if isinstance(schema.get("items"), dict):
        yield from free(schema["items"], at)
    told = {"format", "enum", "const", "pattern", "$ref", "properties"} & schema.keys()
    if schema.get("type") in ("string", "object") and not told:
        yield at


class Planted(Event):
    type: ClassVar[str] = "planted.v1"
    remark: str
    person: dict[str, Any]
    lines: tuple[str, ...] = ()
    note: str | None = None


def test_a_free_text_in_a_schema_is_found() -> None:
    found = list(free(contracts.schema(Planted), ""))
    assert found == ["/remark", "/person", "/lines", "/note"]


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_every_service_asks_for_the_register_before_it_starts(service: Service) -> None:
    assert register.check in service.demands


def changed(tmp_path: Path, *path: str | int, to: Any) -> Path:
    """The register with another value, or without it."""
    document = yaml.safe_load(register.FILE.read_text(encoding="utf-8"))
    inside = document
    for step in path[:-1]:
        inside = inside[step]
    if to is None:
        del inside[path[-1]]
    else:
        inside[path[-1]] = to
    file = tmp_path / "register.yaml"
    file.write_text(yaml.safe_dump(document))
    return file


@pytest.mark.parametrize(
    ("path", "to", "told"),
    [
        (("purposes", "warn"), None, "unknown purpose warn"),
        (("bases", "mediation_law"), None, "unknown basis mediation_law"),
        (("assessments", "leads_2026"), None, "unknown assessment leads_2026"),
        (("assessments", "leads_2026", "until"), date(2030, 1, 1), "three years"),
        (("purposes", "handle_leads", "assessment"), None, "handle_leads needs an assessment"),
        (("recipients", "unit", "assessment"), "old", "recipient unit: unknown assessment old"),
        (("recipients", "unit", "assessment"), None, "recipients.unit.assessment"),
        (("periods", "lead"), None, "no period lead"),
        (("classes", "statement"), None, "no period for the class statement"),
        (("classes", "contact", "longest"), 30, "contact is kept too long"),
        (("recipients", "unit"), None, "unknown recipient unit"),
        (("purposes", "warn", "approved_by"), ["one", "one"], "two persons"),
        (("holdings", 0, "fields", "secret"), ["sealed"], "secret"),
    ],
)
def test_what_the_register_does_not_know_is_named(
    tmp_path: Path, path: tuple[str | int, ...], to: Any, told: str
) -> None:
    with pytest.raises(SettingsError, match=told):
        register.read(changed(tmp_path, *path, to=to))


def test_a_basis_that_is_over_is_named(tmp_path: Path) -> None:
    over = register.read(changed(tmp_path, "bases", "mediation_law", "until", to=date(2026, 1, 1)))
    with pytest.raises(SettingsError, match="mediation_law"):
        register.check(None, over)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("field", "to"),
    [("until", date(2026, 4, 1)), ("since", date(2028, 12, 1)), ("approved_by", None)],
    ids=["over", "not begun", "a draft"],
)
def test_an_assessment_that_does_not_hold_is_named(tmp_path: Path, field: str, to: Any) -> None:
    changing = changed(tmp_path, "assessments", "leads_2026", field, to=to)
    known = register.read(changing)
    with pytest.raises(SettingsError, match=r"leads_2026.*handle_leads.*neighbours"):
        register.check(None, known)  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match=r"^routing rules: assessment_required.*leads_2026"):
        register.assessed("routing rules", "leads_2026", known)(None)  # type: ignore[arg-type]


def test_a_draft_that_nothing_needs_yet_is_named_with_what_to_do(tmp_path: Path) -> None:
    draft = {"document": "2027/1", "since": date(2026, 11, 1), "until": date(2029, 2, 28)}
    known = register.read(changed(tmp_path, "assessments", "leads_2027", to=draft))
    with pytest.raises(SettingsError, match=r"leads_2027 .*which nothing there needs.*take it out"):
        register.check(None, known)  # type: ignore[arg-type]


@pytest.mark.parametrize("told", [None, "leads_1999"])
def test_rules_that_come_without_an_assessment_start_nothing(told: str | None) -> None:
    register.assessed("routing rules", ROUTING.assessment)(None)  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match=f"^alert rules: assessment_required.*{told}"):
        register.assessed("alert rules", told)(None)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("service", "rules"), [("leads", 1), ("alerts", 1), ("scoring", len(SCHEMES))]
)
def test_each_set_of_rules_is_asked_for_before_its_service_starts(service: str, rules: int) -> None:
    (found,) = (one for one in SERVICES if one.name == service)
    asked = [one for one in found.demands if "assessed" in one.__qualname__]
    assert len(asked) == rules
