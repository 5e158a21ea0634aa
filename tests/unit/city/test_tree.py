from datetime import UTC, datetime, timedelta

import pytest

from libs.common.contracts.registry import AppointmentEnded, AreaClosed, OrganisationClosed
from libs.common.messages import Wait
from tests.unit.city.cities import (
    NESTED,
    START,
    area,
    calendar,
    city_of,
    holding,
    organisation,
    post,
    square,
)


def codes(areas: object) -> list[str]:
    assert isinstance(areas, tuple)
    return [area.code for area in areas]


def test_the_chain_of_a_cell_ends_at_the_city() -> None:
    city = city_of(*NESTED)
    assert city.chain("C-1-1-1-1") == ("C-1-1-1-1", "C-1-1-1", "C-1-1", "C-1", "C")
    assert city.community_of("C-1-1-1-1") == "C-1-1"
    assert city.town_of("C-1-1-1-1") == "C-1"
    assert city.town_of("C") is None
    assert city.community_of("C-1") is None


def test_a_cell_whose_ancestor_has_not_arrived_waits() -> None:
    # given the events of a town that came before those of its city
    city = city_of(NESTED[1])
    # when the chain is asked for, then the answer is to wait, never a shorter chain
    with pytest.raises(Wait):
        city.chain("C-1")
    with pytest.raises(Wait):
        city.require("C-9")
    assert city.area("C-9") is None


def test_an_area_contains_itself_and_what_is_below_it() -> None:
    city = city_of(*NESTED)
    assert city.contains("C-1-1", "C-1-1-1-1")
    assert city.contains("C-1-1", "C-1-1")
    assert not city.contains("C-1-2", "C-1-1-1-1")


def test_a_point_is_in_the_smallest_area_that_holds_it() -> None:
    city = city_of(*NESTED)
    assert codes(city.locate(119.02, 36.02)) == ["C-1-1-1-1"]
    assert codes(city.locate(119.15, 36.15)) == ["C-1-1"]
    assert codes(city.locate(119.3, 36.1)) == ["C-1-2"]
    assert codes(city.locate(119.3, 36.3)) == ["C-1"]
    assert codes(city.locate(100.0, 10.0)) == []


def test_a_point_in_two_communities_gives_both_by_code() -> None:
    # given two communities that overlap
    shapes = [
        area("B", "grid_l1", "C", square(1, 1, 1)),
        area("A", "grid_l1", "C", square(1, 1, 2)),
    ]
    # when a point lies in both, then both are named, the smaller code first
    assert codes(city_of(NESTED[0], *shapes).locate(1.5, 1.5)) == ["A", "B"]


def test_the_circle_of_accuracy_names_the_neighbours_it_crosses() -> None:
    # given a point 90 m west of a border at 36 degrees north (0.001 degrees of longitude)
    city, lon, lat = city_of(*NESTED), 119.199, 36.1
    # when it is exact to 30 m, then one community is meant; to 120 m, both
    assert city.crossed(lon, lat, 30) == ("C-1-1",)
    assert city.crossed(lon, lat, 120) == ("C-1-1", "C-1-2")
    assert codes(city.locate(lon, lat, 120)) == ["C-1-1", "C-1-2"]


def test_a_bow_tie_is_repaired_before_points_are_looked_up() -> None:
    # given a ring that crosses itself
    ring = [[0, 0], [2, 2], [2, 0], [0, 2], [0, 0]]
    broken = area("X", "grid_l1", None, {"type": "Polygon", "coordinates": [ring]})
    # when points in both halves and beside them are located
    city = city_of(broken)
    # then both halves belong to it
    assert codes(city.locate(0.2, 1)) == ["X"]
    assert codes(city.locate(1.8, 1)) == ["X"]
    assert codes(city.locate(1, 1.8)) == []


def test_a_closed_area_holds_no_point_from_its_end_on() -> None:
    # given a community that was closed on 1 February
    end = datetime(2026, 2, 1, tzinfo=UTC)
    closed = AreaClosed(**NESTED[2].model_dump(), valid_to=end)
    city = city_of(*NESTED[:3], closed)
    # when a point of it is located
    # then it is found for the time before, and not after
    assert codes(city.locate(119.02, 36.02)) == ["C-1"]
    assert codes(city.locate(119.02, 36.02, at=end)) == ["C-1"]
    assert codes(city.locate(119.02, 36.02, at=end - timedelta(seconds=1))) == ["C-1-1"]
    assert city.children("C-1") == ()


def test_an_organisation_serves_exactly_its_area_until_it_is_closed() -> None:
    room = organisation("R-1", "police_room", "C-1-1")
    centre = organisation("M-1", "mediation_centre", "C-1-1")
    city = city_of(*NESTED, room, centre)
    assert city.organisation_of("police_room", "C-1-1") == city.organisation("R-1")
    assert city.organisation_of("police_room", "C-1") is None
    closed = city_of(*NESTED, room, OrganisationClosed(**room.model_dump()))
    assert closed.organisation_of("police_room", "C-1-1") is None
    known = closed.organisation("R-1")
    assert known is not None
    assert known.closed


def test_the_accountable_role_of_the_level_answers_for_an_area() -> None:
    # given a head who is also a police assistant, and an officer in the police room
    head, assistant = post("p1", "grid_head", "C-1-1-1"), post("p2", "police_assistant", "C-1-1-1")
    officer = post("p3", "community_officer", "C-1-1", "R-1")
    held = [holding(head, 1), holding(assistant, 2), holding(officer, 3)]
    city = city_of(*NESTED, head, assistant, officer, *held)
    # when it is asked who answers
    # then only those of the role of that level do
    assert [one.post for one in city.responsible("C-1-1-1")] == ["p1"]
    (found,) = city.responsible("C-1-1")
    assert (found.post, found.organisation, found.person_ref.int) == ("p3", "R-1", 3)
    assert city.responsible("C-1-1-1-1") == ()


def test_nobody_answers_after_the_appointment_has_ended() -> None:
    seat = post("p1", "grid_head", "C-1-1-1")
    held = holding(seat, 1)
    ended = AppointmentEnded(**held.model_dump(), valid_to=START + timedelta(days=9))
    city = city_of(*NESTED, seat, held, ended)
    assert city.responsible("C-1-1-1") == ()
    assert city.holder("p1") is None


def test_the_calendar_of_a_year_is_the_one_published() -> None:
    city = city_of(calendar(2026))
    assert city.calendar(2026) == calendar(2026)
    assert city.calendar(2027) is None
