"""A mediation case. States and transitions: mediation.md, section 1."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal, assert_never
from uuid import UUID

from pydantic import TypeAdapter

from libs.common.callers import Belongings
from libs.common.contracts.mediation import (
    CaseAccepted,
    CaseAgreed,
    CaseApplied,
    CaseClosed,
    CaseDeclined,
    CaseEvent,
    CaseFailed,
    CaseFellOverdue,
    CaseLevel,
    CasePanelFormed,
    CasePerformed,
    CaseSessionHeld,
    CaseWithdrawn,
    Grade,
    Track,
)
from libs.common.messages import Decider, Refused
from services.mediation.domain.commands import (
    Accept,
    Agree,
    Apply,
    Close,
    Command,
    Decline,
    Fail,
    FallOverdue,
    FormPanel,
    HoldSession,
    RecordPerformance,
    Withdraw,
)

CaseStatus = Literal[
    "applied",
    "declined",
    "accepted",
    "panel_formed",
    "in_session",
    "agreed",
    "failed",
    "withdrawn",
    "performed",
    "closed",
]
Status = Literal["", CaseStatus]
Outcome = Literal["performed", "failed", "withdrawn"]


@dataclass(frozen=True, slots=True)
class Case:
    """`status` is empty while there is no such case."""

    id: UUID
    status: Status = ""
    number: str = ""
    centre: str = ""
    community: str | None = None
    cell: str | None = None
    lead_id: UUID | None = None
    track: Track = "people"
    level: CaseLevel = "community"
    director: UUID | None = None
    grade: Grade | None = None
    accepted_at: datetime | None = None
    due_at: datetime | None = None
    overdue: bool = False
    mediators: tuple[UUID, ...] = ()
    sessions: int = 0
    outcome: Outcome | None = None


LEGAL: Mapping[Status, Mapping[type[Any], str]] = {
    "applied": {Decline: "decline", Accept: "accept", Withdraw: "withdraw"},
    "declined": {},
    "accepted": {FormPanel: "form_panel", Fail: "fail", Withdraw: "withdraw"},
    "panel_formed": {HoldSession: "hold_session", Fail: "fail", Withdraw: "withdraw"},
    "in_session": {
        HoldSession: "hold_session",
        Agree: "agree",
        Fail: "fail",
        Withdraw: "withdraw",
    },
    "agreed": {RecordPerformance: "record_performance"},
    "failed": {Close: "close"},
    "withdrawn": {Close: "close"},
    "performed": {Close: "close"},
    "closed": {},
}
"""Which commands each state takes, and their names for people."""

RUNNING: tuple[Status, ...] = ("accepted", "panel_formed", "in_session")
OUTCOMES: Mapping[Status, Outcome] = {
    "performed": "performed",
    "failed": "failed",
    "withdrawn": "withdrawn",
}


def decide(case: Case, command: Command) -> list[CaseEvent]:
    match command:
        case Apply(lead_id=lead):
            if case.status and (lead is None or lead != case.lead_id):
                raise Refused("other_case")
            return [] if case.status else [_applied(case, command)]
        case FallOverdue(at):
            if case.status not in RUNNING or case.due_at is None or case.overdue:
                return []
            return [CaseFellOverdue(**_now(case, at), due_at=case.due_at)]
    if not case.status:
        raise Refused("not_found", status=404)
    legal = LEGAL[case.status]
    if type(command) not in legal:
        raise Refused("illegal_transition", allowed=tuple(sorted(legal.values())))
    return [_step(case, command)]


def _step(case: Case, command: Command) -> CaseEvent:
    """One legal step; the state takes this command."""
    now = _now(case, command.at)
    match command:
        case Decline(_, reason):
            return CaseDeclined(**now, reason=reason)
        case Accept(_, grade, due_at):
            return CaseAccepted(**now, grade=grade, due_at=due_at)
        case FormPanel():
            return _panel(command, now)
        case HoldSession(_, minutes):
            return CaseSessionHeld(**now, session=case.sessions + 1, minutes=minutes)
        case Agree(at):
            return CaseAgreed(**now, on_time=case.due_at is None or at <= case.due_at)
        case Fail(_, reason):
            return CaseFailed(**now, reason=reason)
        case Withdraw():
            return CaseWithdrawn(**now)
        case RecordPerformance():
            return CasePerformed(**now)
        case Close():
            return CaseClosed(**now, outcome=OUTCOMES[case.status])
        case Apply() | FallOverdue():
            raise AssertionError("decided before")
        case _:
            assert_never(command)


def _panel(command: FormPanel, now: dict[str, Any]) -> CasePanelFormed:
    """Both sides agreed to it, no party mediates its own quarrel (row M2), and for a child somebody
    acts who has no part in it (rows M17, P19). Who was a child is not told on."""
    parties, mediators = set(command.consents), tuple(dict.fromkeys(command.mediators))
    if len(parties) < 2:
        raise Refused("consent_missing", count=len(parties))
    if parties & set(mediators):
        raise Refused("conflict_of_interest")
    for n, (child, guardian) in enumerate(command.children):
        if child not in parties:
            raise Refused("no_party", status=422, path=f"/children/{n}/party")
        if guardian is None:
            raise Refused("guardian_required", path=f"/children/{n}/guardian")
        if guardian in parties or guardian in mediators:
            raise Refused("guardian_concerned", path=f"/children/{n}/guardian")
    return CasePanelFormed(**now, mediators=mediators)


def _now(case: Case, at: datetime) -> dict[str, Any]:
    names = ("community", "cell", "centre", "lead_id", "track", "level")
    return {name: getattr(case, name) for name in names} | {"case_id": case.id, "at": at}


def _applied(case: Case, command: Apply) -> CaseApplied:
    names = ("at", "community", "cell", "centre", "lead_id", "track", "number")
    fields = {name: getattr(command, name) for name in names}
    return CaseApplied(case_id=case.id, level=case.level, director_ref=command.director, **fields)


def evolve(case: Case, event: CaseEvent) -> Case:
    match event:
        case CaseApplied():
            names = ("number", "centre", "community", "cell", "lead_id", "track", "level")
            kept = {name: getattr(event, name) for name in names}
            return replace(case, status="applied", director=event.director_ref, **kept)
        case CaseDeclined():
            return replace(case, status="declined")
        case CaseAccepted(grade=grade, due_at=due_at, at=at):
            return replace(case, status="accepted", grade=grade, due_at=due_at, accepted_at=at)
        case CasePanelFormed(mediators=mediators):
            return replace(case, status="panel_formed", mediators=mediators)
        case CaseSessionHeld(session=session):
            return replace(case, status="in_session", sessions=session)
        case CaseAgreed():
            return replace(case, status="agreed")
        case CaseFailed():
            return replace(case, status="failed")
        case CaseWithdrawn():
            return replace(case, status="withdrawn")
        case CasePerformed():
            return replace(case, status="performed")
        case CaseClosed(outcome=outcome):
            return replace(case, status="closed", outcome=outcome)
        case CaseFellOverdue():
            return replace(case, overdue=True)
    return case


def _belongs(case: Case) -> Belongings:
    place = {"community": (case.community,), "cell": (case.cell,), "unit": (case.centre,)}
    return {**place, "person": tuple(map(str, case.mediators))}


CASE: Decider[Case, Command, CaseEvent] = Decider(
    name="mediation_case",
    blank=Case,
    decide=decide,
    evolve=evolve,
    state=TypeAdapter(Case),
    events=(
        CaseApplied,
        CaseDeclined,
        CaseAccepted,
        CasePanelFormed,
        CaseSessionHeld,
        CaseAgreed,
        CaseFailed,
        CaseWithdrawn,
        CasePerformed,
        CaseClosed,
        CaseFellOverdue,
    ),
    belongs=_belongs,
)
