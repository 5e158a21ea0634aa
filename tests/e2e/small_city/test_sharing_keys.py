"""A source gets a new key to sign with while its batches come (row P29)."""

from __future__ import annotations

import pytest
from joserfc.jwk import ECKey

from services.registry import sources
from tests.e2e.small_city.test_content import OFFICER
from tests.e2e.small_city.test_sharing import TOWN_CENTRE, batch, key, signed, submit
from tests.support.town import Town

__all__ = ["key"]


async def approved(town: Town, id: str) -> int:
    answer = await town.of(TOWN_CENTRE.id).post(f"/shared-batches/{id}/approve")
    return answer.status_code


async def test_what_either_key_signed_is_taken_until_the_next(town: Town, key: ECKey) -> None:
    """given: a batch that waits; when: its source gets a key beside the one it had; then: it is let
    in, and so are those that either signs; after one more change the first is good no more."""
    assert town.settings.tokens
    waiting = (await submit(town, key)).json()["id"]
    second, third = sources.made("bureau"), sources.made("bureau")
    sources.add(town.settings.tokens, second, beside=True)
    assert await approved(town, waiting) == 200
    ids = []
    for one in (key, second):
        answer = await town.of(OFFICER.id).post("/shared-batches", signed(one, batch()))
        assert answer.status_code == 201, answer.text
        ids.append(answer.json()["id"])
    sources.add(town.settings.tokens, third, beside=True)
    assert [await approved(town, id) for id in ids] == [422, 200]
    refused = await town.of(OFFICER.id).post("/shared-batches", signed(key, batch()))
    assert [one["code"] for one in refused.json()["errors"]] == ["bad_signature"]


@pytest.mark.parametrize("beside", [True, False])
async def test_a_key_that_was_lost_is_good_no_more_at_once(
    town: Town, key: ECKey, beside: bool
) -> None:
    """However it came there."""
    assert town.settings.tokens
    lost = sources.made("bureau")
    sources.add(town.settings.tokens, lost, beside=beside)
    sources.add(town.settings.tokens, sources.made("bureau"))
    for one in (key, lost):
        answer = await town.of(OFFICER.id).post("/shared-batches", signed(one, batch()))
        assert [fault["code"] for fault in answer.json()["errors"]] == ["bad_signature"]
