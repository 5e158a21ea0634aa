"""The domain of every service, told anything in any order."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule

from libs.common import erasures, reading_limit
from libs.common.contracts.portal import SessionRevoked
from libs.common.erasures import ERASURE
from libs.common.reading_limit import READING_LIMIT
from services.alerts.domain import ALERT, alert
from services.leads.domain import LEAD, commands
from services.leads.domain.routing import Routing, Unrouted
from services.mediation.domain import CASE
from services.mediation.domain import commands as case
from services.portal.domain import (
    ACCOUNT,
    BREAK_GLASS,
    DEVICE,
    GRANTEE,
    SIGN_IN_NAME,
    account,
    break_glass,
    device,
    grantee,
)
from services.portal.domain import commands as door
from services.portal.domain.sign_in_name import Claim, Release
from services.registry.domain import (
    APPOINTMENT,
    AREA,
    ORGANISATION,
    POST,
    appointment,
    area,
    organisation,
    post,
    shared_batch,
    shared_entry,
    subject_request,
)
from services.registry.domain.shared_batch import SHARED_BATCH
from services.registry.domain.shared_entry import SHARED_ENTRY
from services.registry.domain.subject_request import SUBJECT_REQUEST
from services.scoring.domain import SCORE
from services.scoring.domain.score import Publish
from tests.faults.machines.domain import BEGIN, DomainMachine

SETTINGS = settings(max_examples=60, stateful_step_count=30)
PERSONS = st.sampled_from([UUID(int=n) for n in range(1, 5)])
UNITS = st.sampled_from(["room-1", "room-2", "centre-1"])


class Leads(DomainMachine):
    """A lead by the commands of its people, and by what its case becomes."""

    service, decider = "leads", LEAD

    @rule(imported=st.booleans(), cancelled=st.booleans(), ended=st.booleans())
    def capture(self, imported: bool, cancelled: bool, ended: bool) -> None:
        known = bool(self.state.status)
        told = commands.Capture(
            self.now, "theft", "clue", "urgent", "app", "app", self.now, "c", "c-1"
        )
        closed = self.now if ended else None
        if not known:
            told = replace(told, imported=imported, cancelled=cancelled, closed_at=closed)
        self.tell_twice(told)

    @rule(unit=UNITS, found=st.booleans(), overridden=st.booleans())
    def route(self, unit: str, found: bool, overridden: bool) -> None:
        to: Any = Routing(unit, "police_room", unit, "rule", 1, self.now + timedelta(hours=1))
        if not found:
            to = Unrouted(None, "no_unit", {})
        self.tell(commands.Route(self.now, to, overridden))

    @rule(step=st.sampled_from([commands.File, commands.Sign, commands.Accept, commands.Verify]))
    def step(self, step: Any) -> None:
        self.tell(step(self.now))

    @rule()
    def close(self) -> None:
        self.tell(commands.Close(self.now))

    @rule(reason=st.sampled_from(["not_ours", "elsewhere"]))
    def give_back(self, reason: str) -> None:
        self.tell(commands.Return(self.now, reason, None))
        assert len(self.state.bounced) <= 2 or self.state.status != "routed"

    @rule(unit=UNITS)
    def arbitrate(self, unit: str) -> None:
        self.tell(commands.Arbitrate(self.now, unit, "nearer", None))

    @rule(outcome=st.sampled_from(["settled", "failed"]), from_case=st.booleans())
    def feed_back(self, outcome: str, from_case: bool) -> None:
        kind = commands.FeedBackFromCase if from_case else commands.FeedBack
        self.tell(kind(self.now, outcome))

    @rule(centre=UNITS)
    def return_from_case(self, centre: str) -> None:
        self.tell(commands.ReturnFromCase(self.now, "not_voluntary", centre))

    @rule(command=st.sampled_from([commands.OrderRework, commands.Dismiss]))
    def give_a_reason(self, command: Any) -> None:
        self.tell(command(self.now, "reason"))

    @rule()
    def record_ending(self) -> None:
        self.tell_twice(commands.RecordEnding())


class Alerts(DomainMachine):
    service, decider = "alerts", ALERT

    @rule(told=st.lists(PERSONS, unique=True, max_size=3), late=st.booleans())
    def be_raised(self, told: list[UUID], late: bool) -> None:
        place = (UUID(int=9), "c", "c-1", "rule", 1, 3)
        self.tell_twice(alert.Raise(self.now, *place, tuple(told), 5, late))

    @rule(by=PERSONS)
    def acknowledge(self, by: UUID) -> None:
        happened = self.tell(alert.Acknowledge(self.now, by))
        assert not happened or by in self.state.told

    @rule(level=st.integers(1, 4), told=st.lists(PERSONS, unique=True, max_size=3))
    def escalate(self, level: int, told: list[UUID]) -> None:
        self.tell_twice(alert.Escalate(self.now, level, tuple(told)))
        assert len(set(self.state.told)) == len(self.state.told)

    @rule(version=st.integers(1, 9))
    def clear(self, version: int) -> None:
        is_earlier, before = version < self.state.about_version, self.state
        self.tell_twice(alert.Clear(self.now, version))
        assert not is_earlier or self.state == before


class Cases(DomainMachine):
    service, decider = "mediation", CASE

    @rule()
    def apply(self) -> None:
        place = ("centre-1", "c", "c-1", UUID(int=9), "n-1", UUID(int=1))
        self.tell_twice(case.Apply(self.now, *place))

    @rule(grade=st.sampled_from(["simple", "complex", "hard"]))
    def accept(self, grade: Any) -> None:
        self.tell(case.Accept(self.now, grade, self.now + timedelta(days=30)))

    @rule(mediators=st.lists(PERSONS, min_size=1), consents=st.lists(PERSONS))
    def form_panel(self, mediators: list[UUID], consents: list[UUID]) -> None:
        before = self.state
        self.tell(case.FormPanel(self.now, tuple(mediators), tuple(consents)))
        assert self.state == before or not set(self.state.mediators) & set(consents)

    @rule(minutes=st.integers(1, 1440))
    def hold_session(self, minutes: int) -> None:
        self.tell(case.HoldSession(self.now, minutes))

    @rule(step=st.sampled_from([case.Agree, case.Withdraw, case.RecordPerformance, case.Close]))
    def step(self, step: Any) -> None:
        self.tell(step(self.now))

    @rule(command=st.sampled_from([case.Fail, case.Decline]))
    def give_a_reason(self, command: Any) -> None:
        self.tell(command(self.now, "reason"))

    @rule()
    def fall_overdue(self) -> None:
        self.tell_twice(case.FallOverdue(self.now))


class Scores(DomainMachine):
    service, decider = "scoring", SCORE

    @rule(numerator=st.integers(0, 5), denominator=st.integers(0, 5))
    def publish(self, numerator: int, denominator: int) -> None:
        told = Publish(self.now, "grid_areas", 1, "area", "c-1", "routed", numerator, denominator)
        before = self.state.numerator, self.state.denominator
        self.tell_twice(told)
        grew = numerator >= before[0] and denominator >= before[1]
        wanted = (numerator, denominator) if grew else before
        assert (self.state.numerator, self.state.denominator) == wanted


class Areas(DomainMachine):
    service, decider = "registry", AREA

    @rule(name=st.sampled_from(["east", "west"]), change=st.booleans(), early=st.booleans())
    def describe(self, name: str, change: bool, early: bool) -> None:
        told = area.Description("c-1", name, "grid_l3", "c", community="c", households=3)
        kind = area.ChangeArea if change else area.OpenArea
        self.tell(kind(told, self.now, BEGIN if early else None))

    @rule(children=st.integers(0, 1), holders=st.integers(0, 1))
    def close(self, children: int, holders: int) -> None:
        self.tell(area.CloseArea(self.now, self.now, children, holders))


class Organisations(DomainMachine):
    service, decider = "registry", ORGANISATION

    @rule(name=st.sampled_from(["east", "west"]), change=st.booleans())
    def describe(self, name: str, change: bool) -> None:
        told = organisation.Description("o-1", name, "police_room", "c", "c")
        kind = organisation.ChangeOrganisation if change else organisation.RegisterOrganisation
        self.tell_twice(kind(told))

    @rule()
    def close(self) -> None:
        self.tell_twice(organisation.CloseOrganisation())


class Posts(DomainMachine):
    service, decider = "registry", POST

    @rule(where=st.sampled_from(["c", "c-1"]))
    def establish(self, where: str) -> None:
        self.tell_twice(post.EstablishPost(post.Description("p-1", "grid_head", where)))

    @rule(held=st.booleans())
    def abolish(self, held: bool) -> None:
        self.tell_twice(post.AbolishPost(held))


class Appointments(DomainMachine):
    service, decider = "registry", APPOINTMENT

    @rule(person=PERSONS, taken=st.booleans())
    def appoint(self, person: UUID, taken: bool) -> None:
        told = appointment.Description("p-1", person, "grid_head", "c-1")
        self.tell_twice(appointment.Appoint(told, self.now, None, taken))

    @rule()
    def end(self) -> None:
        self.tell_twice(appointment.EndAppointment(self.now))


class SharedBatches(DomainMachine):
    service, decider = "registry", SHARED_BATCH

    @rule(by=PERSONS, issuer=PERSONS, days=st.integers(1, 3))
    def submit(self, by: UUID, issuer: UUID, days: int) -> None:
        until = self.now + timedelta(minutes=2 * days)
        signed = (UUID(int=days), "thumbprint")
        told = ("s", "d", "b", "c", until, issuer, *signed, "category", "purpose")
        entries = (UUID(int=11), UUID(int=12))
        had = self.state.content
        self.tell_twice(shared_batch.Submit(self.now, by, shared_batch.Papers(*told), entries))
        assert had in (None, self.state.content)

    @rule(reason=st.sampled_from(["area:too_wide", "basis:missing"]))
    def refuse(self, reason: str) -> None:
        self.tell_twice(shared_batch.Refuse(self.now, "c", (reason,)))

    @rule(by=PERSONS, reject=st.booleans())
    def decide(self, by: UUID, reject: bool) -> None:
        self.tell(
            shared_batch.Reject(self.now, by, "unclear")
            if reject
            else shared_batch.Approve(self.now, by)
        )

    @rule()
    def lapse(self) -> None:
        had = self.state
        if self.tell(shared_batch.Lapse(self.now)):
            assert had.status == "submitted" and had.expires_at <= self.now

    @invariant()
    def two_persons_let_it_in(self) -> None:
        persons = (self.state.submitted_by, self.state.issued_by)
        assert self.state.decided_by is None or self.state.decided_by not in persons


class SharedEntries(DomainMachine):
    """By its batch, by its people, and by time."""

    service, decider = "registry", SHARED_ENTRY

    @rule(minutes=st.integers(1, 20))
    def receive(self, minutes: int) -> None:
        until = self.now + timedelta(minutes=minutes)
        told = (self.now, UUID(int=9), UUID(int=1), "c", until, {"name": "n", "purpose": "p"})
        self.tell_twice(shared_entry.Receive(*told))

    @rule(kind=st.sampled_from([shared_entry.Admit, shared_entry.Discard]))
    def follow_its_batch(self, kind: Any) -> None:
        self.tell_twice(kind(self.now))

    @rule(by=PERSONS, minutes=st.integers(-1, 30))
    def retain(self, by: UUID, minutes: int) -> None:
        had, was_retained = self.state.expires_at, self.state.was_retained
        until = self.now + timedelta(minutes=minutes)
        if self.tell(shared_entry.Retain(self.now, by, until, "needed")):
            assert not was_retained
            assert had < self.state.expires_at <= had + (had - self.state.received_at)

    @rule(by=PERSONS)
    def withdraw(self, by: UUID) -> None:
        self.tell(shared_entry.Withdraw(self.now, by, "done"))

    @rule()
    def be_forgotten(self) -> None:
        self.tell_twice(shared_entry.Forget(self.now))

    @rule(days=st.sampled_from([0, 31]))
    def time_passes(self, days: int) -> None:
        self.now += timedelta(days=days)
        for command in (shared_entry.Expire(self.now), shared_entry.Delete(self.now)):
            before = self.state
            if self.tell(command):
                end = before.expires_at if before.status == "active" else before.delete_at
                assert end <= self.now
                if self.state.status == "expired":
                    assert self.state.delete_at == end + shared_entry.DELETED_AFTER

    @invariant()
    def what_is_gone_stays_gone(self) -> None:
        kinds = [event.type.split(".")[1] for event in self.events]
        for ending in ("withdrawn", "discarded", "deleted"):
            assert ending not in kinds[:-1]


class Accounts(DomainMachine):
    """An account by its owner, by others, by time, and by whoever tries at the door."""

    service, decider = "portal", ACCOUNT

    def __init__(self) -> None:
        super().__init__()
        self.opened: list[UUID] = []

    @initialize(second_factor=st.booleans(), activated=st.booleans())
    def begin(self, second_factor: bool, activated: bool) -> None:
        self.open(second_factor)
        if activated:
            self.activate("secret" if second_factor else None, 1)

    @rule(second_factor=st.booleans())
    def open(self, second_factor: bool) -> None:
        self.tell(door.Open(self.now, UUID(int=1), False, second_factor, "hash"))

    @rule(secret=st.sampled_from([None, "secret"]), step=st.integers(1, 5))
    def activate(self, secret: str | None, step: int) -> None:
        self.tell(door.Activate(self.now, self.state.proofs, "hash", secret, step if secret else 0))

    @rule(later=st.integers(-1, 2), times=st.integers(1, account.SESSIONS + 1))
    def sign_in(self, later: int, times: int) -> None:
        for _ in range(times):
            session = UUID(int=len(self.opened) + 100)
            step = max(0, self.state.totp_step + later)
            if self.tell(door.OpenSession(self.now, self.state.proofs, session, step)):
                self.opened.append(session)
                assert later > 0 or not self.state.second_factor

    @rule(times=st.integers(1, account.FAILURES))
    def fail_to_sign_in(self, times: int) -> None:
        for _ in range(times):
            self.tell(door.FailSignIn(self.now))
            assert len(self.state.failures) < account.FAILURES

    @rule(n=st.integers(0, 20))
    def end_a_session(self, n: int) -> None:
        session = self.opened[n % len(self.opened)] if self.opened else UUID(int=99)
        self.tell_twice(door.RevokeSession(self.now, session, "signed_out"))

    @rule()
    def end_all_sessions(self) -> None:
        self.tell_twice(door.RevokeSessions(self.now))

    @rule(by=PERSONS, step=st.sampled_from([door.Unlock, door.Disable, door.Bind]))
    def step(self, by: UUID, step: Any) -> None:
        self.tell(step(self.now, by))

    @rule(by=PERSONS, disabled=st.booleans())
    def enable(self, by: UUID, disabled: bool) -> None:
        if disabled:
            self.tell(door.Disable(self.now, UUID(int=1)))
        disabled_by = self.state.disabled_by
        assert not self.tell(door.Enable(self.now, by, "hash")) or by != disabled_by

    @rule(by=PERSONS)
    def reset(self, by: UUID) -> None:
        if self.tell(door.Reset(self.now, by, "hash")):
            assert self.state.status == "invited" and not self.state.sessions

    @rule(n=st.integers(0, 20))
    def change_password(self, n: int) -> None:
        session = self.opened[n % len(self.opened)] if self.opened else UUID(int=99)
        if self.tell(door.ChangePassword(self.now, self.state.proofs, session, "hash", None)):
            assert {one.id for one in self.state.sessions} <= {session}

    @rule(minutes=st.integers(1, 20))
    def time_goes_on(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)
        self.tell_twice(door.LetLockEnd(self.now))

    @invariant()
    def what_is_refused_is_told(self) -> None:
        if not self.events:
            return
        last: Any = self.events[-1]
        open = {one.id for one in self.state.sessions}
        assert last.disabled == (self.state.status == "disabled")
        assert not open & set(last.revoked_sessions)
        assert len(open) <= (0 if last.disabled else account.SESSIONS)
        since = last.at - account.REMEMBERED
        ended = [one for one in self.events if isinstance(one, SessionRevoked) and one.at > since]
        assert {one.session_id for one in ended} == set(last.revoked_sessions)


class Names(DomainMachine):
    service, decider = "portal", SIGN_IN_NAME

    @rule(who=PERSONS)
    def claim(self, who: UUID) -> None:
        owner = self.state.account_id
        self.tell(Claim(self.now, who))
        assert self.state.account_id == (owner or who)

    @rule(who=PERSONS)
    def release(self, who: UUID) -> None:
        owner = self.state.account_id
        assert bool(self.tell(Release(self.now, who))) == (owner == who)


class Devices(DomainMachine):
    service, decider = "portal", DEVICE

    @rule(who=PERSONS, session=PERSONS)
    def register(self, who: UUID, session: UUID) -> None:
        self.tell(device.RegisterDevice(self.now, who, session))

    @rule(who=PERSONS, session=PERSONS)
    def sign_in(self, who: UUID, session: UUID) -> None:
        owner = self.state.account_id
        assert not self.tell(device.SignInOn(self.now, who, session)) or who == owner

    @rule(by=PERSONS)
    def revoke(self, by: UUID) -> None:
        self.tell(device.RevokeDevice(self.now, by))

    @invariant()
    def it_is_registered_once(self) -> None:
        kinds = [event.type for event in self.events]
        assert kinds.count("device.registered.v1") <= 1
        assert "device.revoked.v1" not in kinds[:-1]


class Grants(DomainMachine):
    """Asked for by one person, approved and reviewed by others, ended by anybody or by time."""

    service, decider = "portal", BREAK_GLASS

    @rule(by=PERSONS, minutes=st.integers(1, break_glass.MOST_MINUTES), emergency=st.booleans())
    def request(self, by: UUID, minutes: int, emergency: bool) -> None:
        where: Any = (("c",), UUID(int=9), None, "danger_to_life", "text", UUID(int=8))
        told = (self.now, by, "c-1", "c", *where, minutes, emergency)
        self.tell(break_glass.RequestAccess(*told))

    @rule(by=PERSONS, over=st.sampled_from([frozenset({"c"}), frozenset({"d"})]))
    def approve(self, by: UUID, over: frozenset[str]) -> None:
        if self.tell(break_glass.ApproveAccess(self.now, by, over)):
            assert by != self.state.person_ref and "c" in over

    @rule(by=PERSONS, kind=st.sampled_from([break_glass.RefuseAccess, break_glass.EndAccess]))
    def stop(self, by: UUID, kind: Any) -> None:
        self.tell(kind(self.now, by))

    @rule(by=PERSONS)
    def review(self, by: UUID) -> None:
        if self.tell(break_glass.ReviewAccess(self.now, by, "in_order", "note")):
            assert by not in (self.state.person_ref, self.state.approved_by)

    @rule(minutes=st.integers(0, 40) | st.sampled_from([24 * 60, 72 * 60]))
    def time_passes(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)
        at = self.now
        self.tell_twice(break_glass.LetAccessEnd(at))
        assert self.state.status != "granted" or self.state.ends_at > at

    @rule()
    def limits_are_looked_at(self) -> None:
        """Of approval, then of review."""
        at = self.now
        for _ in range(2):
            self.tell(break_glass.FallOverdue(at))
        assert not self.tell(break_glass.FallOverdue(at))

    @invariant()
    def each_limit_falls_overdue_once(self) -> None:
        kinds = [event.type for event in self.events]
        for kind in ("approval", "review"):
            assert kinds.count(f"break_glass.{kind}_fell_overdue.v1") <= 1


class Grantees(DomainMachine):
    service, decider = "portal", GRANTEE

    @rule(grant=PERSONS, is_emergency=st.booleans())
    def take(self, grant: UUID, is_emergency: bool) -> None:
        self.tell(grantee.Take(grant, is_emergency))

    @rule(grant=PERSONS, kind=st.sampled_from([grantee.Leave, grantee.Settle]))
    def be_rid_of_it(self, grant: UUID, kind: Any) -> None:
        self.tell_twice(kind(grant))


class Requests(DomainMachine):
    """To erase a subject: by its people, by those who hold it, and by what the services say."""

    service, decider = "registry", SUBJECT_REQUEST

    @rule(party=st.booleans(), had_content=st.booleans())
    def file(self, party: bool, had_content: bool) -> None:
        subjects, record = (UUID(int=5), UUID(int=6)), UUID(int=9) if party else None
        self.tell(subject_request.File(self.now, subjects, record, had_content))

    @rule(granted=st.booleans())
    def decide(self, granted: bool) -> None:
        self.tell(subject_request.Decide(self.now, granted, "asked_for"))

    @rule(had_content=st.booleans())
    def carry_out(self, had_content: bool) -> None:
        if self.tell(subject_request.CarryOut(self.now, had_content)):
            assert self.state.ground is None

    @rule(erased=PERSONS, goes=st.booleans())
    def be_affected(self, erased: UUID, goes: bool) -> None:
        if self.tell(subject_request.Affect(self.now, erased, goes)) and goes:
            assert self.state.ground is None

    @rule()
    def be_found_erased(self) -> None:
        self.tell_twice(subject_request.FindErased(self.now))

    @rule(
        ground=st.sampled_from(["order-1", "order-2"]),
        let_go=st.booleans(),
        had_content=st.booleans(),
    )
    def be_held(self, ground: str, let_go: bool, had_content: bool) -> None:
        was_erased = self.state.erased_at
        if self.tell(subject_request.Hold(self.now, ground, had_content)):
            assert not was_erased
        if let_go:
            self.tell_twice(subject_request.LetGo(self.now))

    @rule()
    def be_released(self) -> None:
        self.tell_twice(subject_request.Release(self.now))

    @rule(name=st.sampled_from(subject_request.CONFIRMING))
    def be_confirmed(self, name: str) -> None:
        self.tell_twice(subject_request.Confirm(self.now, name))

    @rule()
    def fall_overdue(self) -> None:
        self.tell_twice(subject_request.FallOverdue(self.now))


class Erasures(DomainMachine):
    service, decider = "leads", ERASURE

    @rule(subjects=st.lists(PERSONS, unique=True, min_size=1, max_size=2))
    def confirm(self, subjects: list[UUID]) -> None:
        self.tell_twice(erasures.Confirm(self.now, "leads", UUID(int=9), tuple(subjects)))


class ReadingLimits(DomainMachine):
    service, decider = "leads", READING_LIMIT

    @rule()
    def reach(self) -> None:
        self.tell_twice(reading_limit.Reach(self.now, UUID(int=9), "leads", "show_content"))


MACHINES = (
    Leads,
    Alerts,
    Cases,
    Scores,
    Areas,
    Organisations,
    Posts,
    Appointments,
    Accounts,
    Names,
    Devices,
    Grants,
    Grantees,
    Requests,
    Erasures,
    ReadingLimits,
)
for _machine in MACHINES:
    _machine.TestCase.settings = SETTINGS

TestLeads, TestAlerts, TestCases = Leads.TestCase, Alerts.TestCase, Cases.TestCase
TestScores, TestAreas, TestPosts = Scores.TestCase, Areas.TestCase, Posts.TestCase
TestOrganisations, TestAppointments = Organisations.TestCase, Appointments.TestCase
TestBatches, TestEntries = SharedBatches.TestCase, SharedEntries.TestCase
TestAccounts, TestNames = Accounts.TestCase, Names.TestCase
TestDevices, TestGrants, TestGrantees = Devices.TestCase, Grants.TestCase, Grantees.TestCase
TestRequests, TestErasures = Requests.TestCase, Erasures.TestCase
TestReadingLimits = ReadingLimits.TestCase
