"""Who there is, what there is, and what the rights file says of the two: each role at each place
around CELL, and what each may touch. Worked out from the file, the plan of the city and what was
made here alone; nothing of `libs.rights` is asked but where the file is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID, uuid4

import yaml

from cli.city import SERVICES
from libs.common.ids import named
from libs.rights.policy import FILE
from tests.e2e.small_city.plan import CELL, CITY, COMMUNITY, GRID, PARENT, TOWN, above
from tests.support.routes import routes_of


def _first(level: str, *, inside: str = CITY, but: str) -> str:
    """Of the size of `level`, in one area and not in another."""
    return min(
        code
        for code in PARENT
        if len(code) == len(level) and inside in above(code) and but not in above(code)
    )


OTHER_TOWN = _first(TOWN, but=TOWN)
PLACES: Mapping[str, str] = {
    "own cell": CELL,
    "sibling": _first(CELL, inside=GRID, but=CELL),
    "same community": _first(CELL, inside=COMMUNITY, but=GRID),
    "grid above": GRID,
    "community above": COMMUNITY,
    "same town": _first(COMMUNITY, inside=TOWN, but=COMMUNITY),
    "other town": _first(COMMUNITY, inside=OTHER_TOWN, but=TOWN),
    "town above": TOWN,
    "the other town": OTHER_TOWN,
    "city above": CITY,
}
"""Where posts are, by what that is to CELL; to what is of the community, those below it are."""
ELSEWHERE = PLACES["other town"]
LEVELS: Mapping[str, str] = {
    "community_officer": COMMUNITY,
    "auxiliary_officer": COMMUNITY,
    "town_operator": TOWN,
    **dict.fromkeys(
        ("command_operator", "privacy_officer", "assessor", "system_admin", "integrator"), CITY
    ),
}
"""Roles whose posts are of areas of one size alone, and one of that size over CELL."""
ROLES = (
    *("grid_informant", "grid_head", "police_assistant", "mediation_staff", "mediator"),
    *("station_staff", "department_operator", *LEVELS),
)
OFFICES: Mapping[str, str] = {
    "community_officer": "police_room",
    "auxiliary_officer": "police_room",
    "department_operator": "police_room",
    "mediation_staff": "mediation_centre",
    "mediator": "mediation_centre",
    "station_staff": "community_station",
    "town_operator": "town_centre",
    "command_operator": "command_centre",
}
SERVED = {"town_centre": TOWN, "command_centre": CITY}
"""Offices that are of no community, and one area of the size that they are of."""
ASK_FOR_ACCESS = (
    *("community_officer", "auxiliary_officer", "station_staff", "mediation_staff"),
    *("town_operator", "department_operator", "command_operator"),
)
ROUTES = [(service.name, route) for service in SERVICES for route in routes_of(service)]


@dataclass(frozen=True)
class Seat:
    role: str
    area: str
    office: str | None = None


@dataclass(eq=False)
class Somebody:
    """`seats`: that they hold now; `past`, `future`: that they held, or will. `asks`: of which
    thing they have a break-glass grant, or of which area; `grant`: its id, once there is one.
    `is_known`: has an account."""

    relation: str
    seats: tuple[Seat, ...] = ()
    past: tuple[Seat, ...] = ()
    future: tuple[Seat, ...] = ()
    asks: str | None = None
    founder: bool = False
    is_known: bool = True
    id: UUID = field(default_factory=uuid4)
    record: str | None = None
    area: str | None = None
    grant: str | None = None

    def __str__(self) -> str:
        every = ", ".join(one.role for one in (*self.seats, *self.past, *self.future))
        return f"{every or 'no post'} ({self.relation})"


@dataclass(frozen=True)
class Thing:
    """What belongs to what: the smallest area it is of, the office that has it, persons and
    accounts whose it is; `beside`: other communities that it may be of. `is_record`: a grant may
    name it."""

    id: str
    place: str | None = None
    unit: str | None = None
    persons: frozenset[str] = frozenset()
    accounts: frozenset[str] = frozenset()
    beside: frozenset[str] = frozenset()
    is_record: bool = False


def cast() -> Iterator[Somebody]:
    """Each role in each relation that its posts can be in."""
    for role in ROLES:
        for relation, area in PLACES.items():
            if len(area) == len(LEVELS.get(role, area)):
                yield Somebody(relation, (Seat(role, area, office_of(role, area)),))
        best = Seat(role, home := LEVELS.get(role, CELL), office_of(role, home))
        if (office := office_of(role, COMMUNITY)) and len(LEVELS.get(role, CELL)) > len(TOWN):
            yield Somebody("office of elsewhere", (Seat(role, ELSEWHERE, office),))
        yield Somebody("past post", past=(best,))
        yield Somebody("future post", future=(best,))
        yield Somebody("delegated", (Seat("grid_informant", f"{ELSEWHERE}0101"), best))
    for role in ASK_FOR_ACCESS:
        away = ELSEWHERE if role not in LEVELS else _away(LEVELS[role])
        seat = Seat(role, away, office_of(role, away))
        for asks in ("leads", CELL):
            yield Somebody(f"break-glass: {asks}", (seat,), asks=asks)
        for asks in ("alerts", "mediation-cases", COMMUNITY):
            if role in ("station_staff", "command_operator"):
                yield Somebody(f"break-glass: {asks}", (seat,), asks=asks)
    yield Somebody("founder", founder=True)
    yield Somebody("no post")
    yield Somebody("nobody", is_known=False)


def _away(level: str) -> str:
    return CITY if level == CITY else OTHER_TOWN if level == TOWN else ELSEWHERE


def office_of(role: str, area: str) -> str | None:
    kind = OFFICES.get(role)
    serves = kind is not None and len(area) == len(SERVED.get(kind, COMMUNITY))
    return f"{kind}-{area}" if serves else None


@cache
def _document() -> dict[str, Any]:
    told: dict[str, Any] = yaml.safe_load(FILE.read_text())
    return told


def actions() -> Mapping[str, set[str]]:
    """Service -> names."""
    return {
        service: {name for rule in rules for name in rule["do"]}
        for service, rules in _document().items()
        if service not in ("things", "groups")
    }


@cache
def rule_of(service: str, action: str) -> Mapping[str, Any]:
    (rule,) = (rule for rule in _document()[service] if action in rule["do"])
    told: Mapping[str, Any] = rule
    return told


@cache
def may(service: str, action: str) -> Mapping[str, set[str]]:
    """Role -> relations, read from the file in another way than the product does."""
    found: dict[str, set[str]] = {}
    for relation, names in rule_of(service, action)["who"].items():
        for name in names:
            for role in _document()["groups"].get(name, [name]):
                found.setdefault(role, set()).add(relation)
    return found


def relations() -> set[str]:
    return {one for rules in actions() for rule in _document()[rules] for one in rule["who"]}


KINDS = frozenset({"place", "unit", "person", "account", "record"})
"""By what a thing can be somebody's."""


def holds(
    rights: Mapping[str, set[str]], who: Somebody, thing: Thing, kinds: frozenset[str] = KINDS
) -> bool:
    """Whether it is there for them; masked views aside. `kinds`: by which it can be."""
    if sees_all(rights, who):
        return True
    account = "account" in kinds and account_of(who) in thing.accounts
    if who.is_known and account and "self" in rights.get("signed_in", ()):
        return True
    return any(_holds(rights.get(seat.role, set()), seat, who, thing, kinds) for seat in who.seats)


def _holds(
    wanted: set[str], seat: Seat, who: Somebody, thing: Thing, kinds: frozenset[str]
) -> bool:
    over = tuple(above(thing.place)) if "place" in kinds else ()
    granted = "granted" in wanted and (
        who.area in over or ("record" in kinds and thing.is_record and who.record == thing.id)
    )
    return (
        granted
        or ("within" in wanted and seat.area in over)
        or ("own" in wanted and seat.area in over[:1])
        or (
            "unit" in wanted and "unit" in kinds and bool(seat.office) and seat.office == thing.unit
        )
        or ("self" in wanted and "person" in kinds and str(who.id) in thing.persons)
    )


def sees_all(rights: Mapping[str, set[str]], who: Somebody) -> bool:
    return (who.founder and "founder" in rights) or any(
        "anywhere" in rights.get(seat.role, ())
        or (seat.area == CITY and "within" in rights.get(seat.role, ()))
        for seat in who.seats
    )


def is_near(rights: Mapping[str, set[str]], who: Somebody, thing: Thing) -> bool:
    """It may be of their community, and so they see it masked, if they may."""
    return any(
        "neighbour" in rights.get(seat.role, ()) and seat.area in thing.beside for seat in who.seats
    )


def may_ask(rights: Mapping[str, set[str]], who: Somebody) -> bool:
    names = {seat.role for seat in who.seats} | {"signed_in"}
    return not rights.keys().isdisjoint(names | ({"founder"} if who.founder else set()))


def is_hidden(service: str, action: str, who: Somebody) -> bool:
    """Whether they who may not ask it are told that there is nothing."""
    hidden = rule_of(service, action).get("hidden", ())
    if hidden is True:
        return True
    roles = {role for name in hidden for role in _document()["groups"].get(name, [name])}
    return any(seat.role in roles for seat in who.seats)


def account_of(who: Somebody) -> str:
    """As the passes of these tests name it."""
    return str(named(f"account/{None if who.founder else who.id}"))


LATER = (datetime.now(UTC) + timedelta(days=1)).isoformat()
BODIES: Mapping[str, Any] = {
    "capture_lead": {},
    "submit_batch": {"area": COMMUNITY},
    "apply": {"cell": CELL},
    "return_lead": {"reason": "not_ours"},
    "route_lead": {"unit": f"police_room-{COMMUNITY}", "reason": "theirs"},
    "arbitrate_lead": {"unit": f"police_room-{COMMUNITY}", "reason": "theirs"},
    "feed_back": {"outcome": "settled"},
    "order_rework": {"reason": "unfinished"},
    "dismiss_lead": {"reason": "twice"},
    "keep_content": {"reason": "still_needed", "until": LATER},
    "accept": {"grade": "simple"},
    "decline": {"reason": "unfit"},
    "fail": {"reason": "no_agreement"},
    "form_panel": {"mediators": [str(uuid4())], "consents": [str(uuid4()), str(uuid4())]},
    "hold_session": {"minutes": 30},
    "reject_batch": {"reason": "unclear"},
    "retain_entry": {"reason": "still_needed", "until": LATER},
    "withdraw_entry": {"reason": "issued_in_error"},
    "decide_request": {"granted": True, "reason": "asked_for"},
    "hold_subject": {"ground": "2026-1"},
    "review_access": {"finding": "in_order", "note": "seen by two of us"},
    "bind_subject": {"subject": "x"},
    "release_subject": {"subject": "x"},
}
"""Of commands to something, such as are looked into; all others get one that is empty."""
