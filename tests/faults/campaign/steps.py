"""What people do about a lead: its unit's steps, the alert's receipt, the case at its centre."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from cli.passes import Pass
from tests.faults.campaign.client import Client
from tests.faults.campaign.words import Lead, new_id
from tests.support.servers import TOKENS

SEEN_WITHIN_SECONDS = 25.0
"""How long somebody looks for what another service makes of a lead, before they let it be."""
FOUND_WITHIN_SECONDS = 120.0
"""How long they look for what they know to be there."""


class Step(NamedTuple):
    """`fields`: of the event, whose values must be those of the body."""

    name: str
    event: str
    body: dict[str, Any] | None = None
    fields: Sequence[str] = ()


LEAD_STEPS = (
    Step("sign", "lead.signed.v1"),
    Step("accept", "lead.accepted.v1"),
    Step("feed-back", "lead.fed_back.v1", {"outcome": "done"}, ["outcome"]),
    Step("verify", "lead.verified.v1"),
    Step("close", "lead.closed.v1"),
)
RETURN = Step("return", "lead.returned.v1", {"reason": "not_ours"}, ["reason"])
RETURNED = 0.25
"""The share of leads that a unit gives back; of those that the next one gets too."""
DECLINED = 0.2
"""The share of cases that a centre does not take."""
GONE_THROUGH = (2, 3, 6, 6, 6, 6)
"""How many steps a case is taken through, each as likely; the others are left where they are."""
DECLINE = Step("decline", "mediation_case.declined.v1", {"reason": "not_voluntary"}, ["reason"])


def case_steps() -> list[Step]:
    """A panel of one that both sides agreed to."""
    panel = {"mediators": [new_id()], "consents": [new_id(), new_id()]}
    return [
        Step("accept", "mediation_case.accepted.v1", {"grade": "simple"}, ["grade"]),
        Step("form-panel", "mediation_case.panel_formed.v1", panel, ["mediators"]),
        Step("hold-session", "mediation_case.session_held.v1", {"minutes": 50}, ["minutes"]),
        Step("agree", "mediation_case.agreed.v1"),
        Step("record-performance", "mediation_case.performed.v1"),
        Step("close", "mediation_case.closed.v1"),
    ]


class Left(NamedTuple):
    """Something that nobody went on with, and the steps that it did not take yet."""

    service: str
    path: str
    id: str
    steps: Sequence[Step]


class Steps:
    """`left`: what was gone through in part, or not at all."""

    def __init__(self, client: Client) -> None:
        self._client, self._chance = client, client.chance
        self.left: list[Left] = []

    async def follow(self, lead: Lead) -> None:
        """Some are only handled, some only acknowledged, some both."""
        chance = self._chance.random()
        if chance < 0.4:
            await self._acknowledge(lead.id)
        if chance > 0.2:
            await (self._mediate(lead) if lead.is_dispute else self._handle(lead))

    async def _handle(self, lead: Lead) -> None:
        while self._chance.random() < RETURNED:
            if not await self._take("leads", f"/leads/{lead.id}", lead.id, RETURN):
                return
        whole = Left("leads", f"/leads/{lead.id}", lead.id, LEAD_STEPS)
        await self._go_through(whole, self._chance.randint(1, len(LEAD_STEPS)))

    async def _go_through(self, left: Left, count: int) -> None:
        """So many of its steps; the others are left."""
        service, path, id, steps = left
        for step in steps[:count]:
            if not await self._contend(service, path, id, step):
                return
        if steps[count:]:
            self.left.append(left._replace(steps=steps[count:]))

    def leave(self, lead: Lead) -> None:
        """Nobody follows it up."""
        if not lead.is_dispute:
            self.left.append(Left("leads", f"/leads/{lead.id}", lead.id, LEAD_STEPS))

    async def catch_up(self, left: Left) -> None:
        """To the end, and whoever was alarmed says that they know."""
        going = [self._go_through(left, len(left.steps))]
        if left.service == "leads":
            going.append(self._acknowledge(left.id, within=FOUND_WITHIN_SECONDS))
        await asyncio.gather(*going)

    async def _contend(self, service: str, path: str, id: str, step: Step) -> bool:
        """Now and then two persons take the same step at once: one of them is first."""
        if self._chance.random() > 0.3:
            return await self._take(service, path, id, step)
        both = (self._take(service, path, id, step) for _ in range(2))
        return any(await asyncio.gather(*both))

    async def _take(self, service: str, path: str, id: str, step: Step) -> bool:
        """Whether it was taken; a step that the state no longer allows is refused."""
        stored = {name: (step.body or {})[name] for name in step.fields}
        answer = await self._client.command(
            f"{service} {step.name}",
            new_id(),
            (service, "POST", f"{path}/{step.name}"),
            step.body,
            stored,
            subject=id,
            event=step.event,
            fields=list(step.fields),
        )
        return answer.status in (200, 201)

    async def _found(
        self, service: str, path: str, within: float = SEEN_WITHIN_SECONDS, **query: Any
    ) -> list[dict[str, Any]]:
        """The items of a list, once there are some."""
        deadline = time.monotonic() + within
        while time.monotonic() < deadline:
            answer = await self._client.ask(service, "GET", path, params=query)
            if answer.status == 200 and answer.body["items"]:
                return list(answer.body["items"])
            await asyncio.sleep(0.5)
        return []

    async def _acknowledge(self, lead: str, within: float = SEEN_WITHIN_SECONDS) -> None:
        for alert in await self._found("alerts", "/alerts", within, about=lead):
            path = f"/alerts/{alert['id']}"
            receipts = await self._found("alerts", f"{path}/receipts", within)
            if not receipts:
                continue
            person = self._chance.choice(receipts)["person_ref"]
            await self._client.command(
                "alerts acknowledge",
                new_id(),
                ("alerts", "POST", f"{path}/acknowledge"),
                None,
                {"by": person},
                auth=Pass(TOKENS, UUID(person), founder=False),
                subject=alert["id"],
                event="alert.acknowledged.v1",
                fields=["by"],
            )

    async def _mediate(self, lead: Lead) -> None:
        for case in await self._found("mediation", "/mediation-cases", lead_id=lead.id):
            path = f"/mediation-cases/{case['id']}"
            steps = [DECLINE] if self._chance.random() < DECLINED else case_steps()
            whole = Left("mediation", path, case["id"], steps)
            await self._go_through(whole, self._chance.choice(GONE_THROUGH))
