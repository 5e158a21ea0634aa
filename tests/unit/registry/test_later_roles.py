"""Posts of roles that came later: who reads v1 alone is told nothing of them, and all that it was
told before."""

from __future__ import annotations

from typing import get_args
from uuid import UUID

import pytest

from libs.city import COPIES
from libs.common import wire
from libs.common.contracts.registry import (
    FirstRole,
    LaterRole,
    Level,
    PostEstablished,
    PostEstablishedV2,
    PostEvent,
    Role,
)
from libs.common.journal import EventRow
from libs.common.messages import Context, Event, Refused
from libs.common.work import Letter
from libs.rights import policy
from libs.rights.scopes import scope_of
from services.registry import policies
from services.registry.domain import (
    APPOINTMENT,
    POST,
    AbolishPost,
    Appoint,
    EndAppointment,
    EstablishPost,
    appointment,
    post,
)
from tests.unit.city.cities import NESTED, START, city_of, holding
from tests.unit.city.cities import post as seat_of

TOPIC = "civicgrid.registry"
SOURCE = wire.source_of(TOPIC)
PERSON = UUID(int=7)
FIRST: tuple[FirstRole, ...] = get_args(FirstRole)
LATER: tuple[LaterRole, ...] = get_args(LaterRole)
TYPES = {event.type: event for copy in COPIES for event in copy.on}
OLD = {type: event for type, event in TYPES.items() if type.endswith(".v1")}
"""What a service of before reads."""


def happened(role: Role) -> list[Event]:
    """All that can happen to a post, and to who holds it."""
    seat, held = POST.blank(UUID(int=1)), APPOINTMENT.blank(UUID(int=2))
    events: list[Event] = []
    for command in (EstablishPost(post.Description("p", role, "C")), AbolishPost(held=False)):
        (told,) = POST.decide(seat, command)
        seat = POST.evolve(seat, told)
        events.append(told)
    described = appointment.Description("p", PERSON, role, "C")
    for step in (Appoint(described, START), EndAppointment(START)):
        (fact,) = APPOINTMENT.decide(held, step)
        held = APPOINTMENT.evolve(held, fact)
        events.append(fact)
    assert seat.abolished and held.valid_to == START
    return events


def published(event: Event) -> Letter:
    id, data = UUID(int=9), event.model_dump_json()
    row = EventRow(
        *("post", id, 1, id, TOPIC, event.type, "k", data, None, "system", str(id), id, SOURCE),
        *(None, False, START),
    )
    headers = wire.attributes(row, SOURCE.encode())
    return Letter(TOPIC, 0, 0, 0, b"k", headers, data.encode())


@pytest.mark.parametrize("role", FIRST)
def test_a_reader_of_v1_is_told_of_the_roles_of_before_as_ever(role: Role) -> None:
    for event in happened(role):
        envelope = wire.read(published(event), OLD, intake=False)
        assert envelope and envelope.event == event


@pytest.mark.parametrize("role", LATER)
def test_a_reader_of_v1_passes_over_the_roles_that_came_later(role: Role) -> None:
    for event in happened(role):
        assert wire.read(published(event), OLD, intake=False) is None
        envelope = wire.read(published(event), TYPES, intake=False)
        assert envelope and envelope.event == event


@pytest.mark.parametrize("role", LATER)
def test_a_later_role_in_v1_would_be_unreadable_there(role: Role) -> None:
    told = seat_of("p", role, "C").model_dump()
    forged = PostEstablished.model_construct(**told)
    with pytest.raises(wire.Unreadable):
        wire.read(published(forged), OLD, intake=False)


@pytest.mark.parametrize("role", LATER)
def test_our_copies_know_who_holds_such_a_post(role: Role) -> None:
    seat = seat_of("p", role, "C")
    city = city_of(*NESTED, seat, holding(seat, PERSON.int))
    (held,) = city.seats(PERSON, START)
    assert (held.role, held.area) == (role, "C")
    assert city.responsible("C") == ()


def test_a_role_that_is_not_known_gives_no_right() -> None:
    seat: PostEvent = seat_of("p", "assessor", "C").model_copy(update={"role": "of_tomorrow"})
    assert isinstance(seat, PostEstablishedV2)
    city = city_of(*NESTED, seat, holding(seat, PERSON.int))
    seats = city.seats(PERSON, START)
    assert seats
    for actions in policy.read().values():
        for action in actions.values():
            scope = scope_of(action.rights, PERSON, seats, city)
            assert not scope.everything and not scope.belongings


@pytest.mark.parametrize("role", LATER)
@pytest.mark.parametrize("level", ["town", "grid_l1", "grid_l3"])
def test_such_a_post_is_one_of_the_whole_city(role: Role, level: Level) -> None:
    now = Context(city_of(*NESTED), START, 1)
    place = next(area.code for area in NESTED if area.level == level)
    with pytest.raises(Refused) as refused:
        policies.establish_post(now, post.Description("p", role, place))
    assert (refused.value.code, refused.value.path) == ("post_of_the_city", "/area")
    assert policies.establish_post(now, post.Description("p", role, "C"))
