"""From a plan and a seed to the requests that build the city."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import cos, radians
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

from libs.common.contracts.registry import Level, Role
from services.registry.batches import Batch, Entry
from services.registry.batches import batches as in_batches
from services.registry.reference.plan import Extent, LevelPlan, Plan, PostPlan

ZHUCHENG = Path(__file__).parent / "zhucheng.yaml"

MICRO = 1_000_000
"""Borders lie on whole millionths of a degree (0.1 m), so neighbours share them exactly."""
UNEVEN = 0.12
"""How far a cut may lie from the even one, as a share of it."""


@dataclass(frozen=True, slots=True)
class Box:
    """Millionths of a degree."""

    west: int
    south: int
    east: int
    north: int

    @classmethod
    def of(cls, extent: Extent) -> Box:
        sides = (extent.west, extent.south, extent.east, extent.north)
        return cls(*(round(side * MICRO) for side in sides))

    def polygon(self) -> dict[str, Any]:
        west, south, east, north = (
            side / MICRO for side in (self.west, self.south, self.east, self.north)
        )
        ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
        return {"type": "Polygon", "coordinates": [ring]}


@dataclass(frozen=True, slots=True)
class Node:
    level: Level
    code: str
    name: str
    parent: str | None
    box: Box


def batches(plan: Plan, seed: int, size: int = 500) -> Iterator[Batch]:
    """The requests that build the city, in order: (route, bodies)."""
    return in_batches(generate(plan, seed), size)


def generate(plan: Plan, seed: int) -> Iterator[Entry]:
    """Calendars, areas from the city down, organisations, posts, appointments."""
    for calendar in plan.calendars:
        yield Entry("/work-calendars/batch", "", calendar.model_dump(mode="json"))
    nodes = list(_nodes(plan, seed))
    yield from _areas(plan, nodes)
    yield from _organisations(plan, nodes)
    yield from _people(plan, nodes, Random(f"{seed}/people"))


def commander(plan: Plan, seed: int) -> UUID:
    """The person who runs the command centre of that city."""
    return holder(plan, seed, "command_operator")


def holder(plan: Plan, seed: int, role: Role) -> UUID:
    """The first person with a post of that role for the whole city."""
    bodies = (entry.body for entry in generate(plan, seed) if entry.route.startswith("/appoint"))
    post = f"{role}-{plan.levels[0].first_code}-1"
    return next(UUID(body["person_ref"]) for body in bodies if body["post"] == post)


def _nodes(plan: Plan, seed: int) -> Iterator[Node]:
    random = Random(f"{seed}/areas")
    top = plan.levels[0]
    above = [Node(top.level, top.first_code, top.name, None, Box.of(plan.extent))]
    yield from above
    for level in plan.levels[1:]:
        names = iter(level.names)
        shares = _shares(level.count, len(above), random)
        below: list[Node] = []
        for parent, share in zip(above, shares, strict=True):
            below.extend(_children(level, parent, share, names, random))
        yield from below
        above = below


def _shares(total: int, parents: int, random: Random) -> list[int]:
    """As even as it can be; which parents have one more is left to chance."""
    least, more = divmod(total, parents)
    luckier = set(random.sample(range(parents), more))
    return [least + (i in luckier) for i in range(parents)]


def _children(
    level: LevelPlan, parent: Node, share: int, names: Iterator[str], random: Random
) -> Iterator[Node]:
    if share >= 10**level.digits:
        raise ValueError(f"{share} areas below {parent.code} do not fit {level.digits} digits")
    for number, box in enumerate(_divide(parent.box, share, random), start=1):
        code = f"{parent.code}{number:0{level.digits}}"
        name = next(names, None) or level.name.format(parent=parent.name, number=number)
        yield Node(level.level, code, name, parent.code, box)


def _divide(box: Box, parts: int, random: Random) -> Iterator[Box]:
    """Parts of about one size that leave no gap and do not overlap: halves of halves."""
    if parts == 1:
        yield box
        return
    first = parts // 2
    share = first / parts * random.uniform(1 - UNEVEN, 1 + UNEVEN)
    width, height = box.east - box.west, box.north - box.south
    if width * cos(radians(box.south / MICRO)) >= height:
        cut = _cut(box.west, width, share)
        halves = Box(box.west, box.south, cut, box.north), Box(cut, box.south, box.east, box.north)
    else:
        cut = _cut(box.south, height, share)
        halves = Box(box.west, box.south, box.east, cut), Box(box.west, cut, box.east, box.north)
    yield from _divide(halves[0], first, random)
    yield from _divide(halves[1], parts - first, random)


def _cut(begin: int, length: int, share: float) -> int:
    cut = begin + round(length * share)
    if not begin < cut < begin + length:
        raise ValueError("the extent is too small for that many areas")
    return cut


def _areas(plan: Plan, nodes: Sequence[Node]) -> Iterator[Entry]:
    households = _households(plan, nodes)
    for node in nodes:
        body = {
            "code": node.code,
            "name": node.name,
            "level": node.level,
            "parent": node.parent,
            "valid_from": plan.valid_from.isoformat(),
            "households": households[node.code],
            "polygon": node.box.polygon(),
        }
        yield Entry("/areas/batch", node.level, body)


def _households(plan: Plan, nodes: Sequence[Node]) -> Mapping[str, int]:
    """Those of the last level, added up to the city."""
    last = plan.levels[-1].level
    sums: Counter[str] = Counter()
    for node in reversed(nodes):
        if node.level == last:
            sums[node.code] = plan.households_per_cell
        if node.parent is not None:
            sums[node.parent] += sums[node.code]
    return sums


def _organisations(plan: Plan, nodes: Sequence[Node]) -> Iterator[Entry]:
    for node in nodes:
        for office in plan.organisations:
            if office.level == node.level:
                code, name = f"{office.kind}-{node.code}", office.name.format(area=node.name)
                body = {"code": code, "name": name, "kind": office.kind, "area": node.code}
                yield Entry("/organisations/batch", "", body)


def _people(plan: Plan, nodes: Sequence[Node], random: Random) -> Iterator[Entry]:
    seats = [(post, node) for node in nodes for post in plan.posts if post.level == node.level]
    appointments: list[Entry] = []
    persons: dict[tuple[Role, str, int], UUID] = {}
    for post, node in seats:
        for seat in range(1, post.seats + 1):
            body = _post(post, node, seat)
            yield Entry("/posts/batch", "", body)
            same = post.same_person_as and persons.get((post.same_person_as, node.code, seat))
            person = same or UUID(int=random.getrandbits(128), version=4)
            persons[post.role, node.code, seat] = person
            held = {"post": body["code"], "person_ref": str(person)}
            since = {"valid_from": plan.valid_from.isoformat()}
            appointments.append(Entry("/appointments/batch", "", held | since))
    yield from appointments


def _post(post: PostPlan, node: Node, seat: int) -> dict[str, Any]:
    office = post.organisation and f"{post.organisation}-{node.code}"
    code = f"{post.role}-{node.code}-{seat}"
    return {"code": code, "role": post.role, "area": node.code, "organisation": office}
