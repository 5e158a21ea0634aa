"""How what the police share goes out again: by time, by whoever issued it, on request; and a legal
hold, which stops the erasure alone."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import httpx
import pytest
from joserfc.jwk import ECKey

from libs.common.database import session
from services.registry.sharing import SWEEPS
from tests.e2e.small_city.test_content import OFFICER
from tests.e2e.small_city.test_erasure import refused_as_too_late
from tests.e2e.small_city.test_retention import swept
from tests.e2e.small_city.test_sharing import (
    TOWN_CENTRE,
    admitted,
    entries_of,
    entry,
    happened,
    key,
    keys_of,
    listed,
    read,
    submit,
)
from tests.support.awaiting import eventually
from tests.support.town import Town

__all__ = ["key"]
NONE: Any = [].__eq__
DAY = timedelta(days=1)


async def batch_of(town: Town, entry: str) -> str:
    return str((await state_of(town, entry))["batch_id"])


async def state_of(town: Town, entry: str) -> dict[str, Any]:
    query = (
        "SELECT state ->> 'batch_id' AS batch_id, status, expires_at, delete_at"
        " FROM shared_entry WHERE id = $1"
    )
    async with session(town.settings.url("registry", "writer")) as writer:
        (row,) = await writer.fetch(query, UUID(entry))
        return dict(row)


async def withdrawn(town: Town, entry: str, by: UUID = OFFICER.id) -> httpx.Response:
    body = {"reason": "wrong_person"}
    return await town.of(by).post(f"/shared-entries/{entry}/withdraw", body)


async def held(town: Town, subject: str) -> None:
    answer = await town.privacy.post(
        f"/subject-requests/{subject}/hold", {"ground": "court-2026-7"}
    )
    assert answer.status_code == 200, answer.text


async def released(town: Town, subject: str) -> None:
    answer = await town.privacy.post(f"/subject-requests/{subject}/release")
    assert answer.status_code == 200, answer.text


async def decided(town: Town, batch: str, step: str) -> httpx.Response:
    body = {"reason": "unclear"} if step == "reject" else None
    return await town.of(TOWN_CENTRE.id).post(f"/shared-batches/{batch}/{step}", body)


async def rejected(town: Town, batch: str) -> None:
    answer = await decided(town, batch, "reject")
    assert answer.status_code == 200, answer.text


async def test_a_batch_that_was_approved_is_no_longer_of_a_category(town: Town, key: ECKey) -> None:
    first, second = await admitted(town, key)
    batch = await batch_of(town, first)
    await eventually(partial(keys_of, town, [batch]), NONE)
    assert len(await keys_of(town, [first, second])) == 2


async def test_a_batch_that_nobody_decides_goes_by_itself(town: Town, key: ECKey) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=3)
    batch = (await submit(town, key, expires_at=soon.isoformat())).json()["id"]
    entries = await entries_of(town, batch)

    async def status() -> Any:
        await swept(town, "registry", SWEEPS)
        return (await town.of(TOWN_CENTRE.id).get(f"/shared-batches/{batch}"))["status"]

    await eventually(status, "rejected".__eq__)
    assert {(await state_of(town, one))["status"] for one in entries} == {"discarded"}
    await eventually(partial(keys_of, town, [batch, *entries]), NONE)
    assert not set(entries) & set(await listed(town, OFFICER, status="proposed"))
    answer = await decided(town, batch, "approve")
    assert (answer.status_code, answer.json()["code"]) == (409, "illegal_transition")


async def test_a_thousand_entries_that_nobody_decides_go_at_once(town: Town, key: ECKey) -> None:
    """Not more (row Q20)."""
    soon, many = (
        datetime.now(UTC) + timedelta(seconds=8),
        [entry(name=f"N {n}") for n in range(400)],
    )
    told = {"entries": many, "expires_at": soon.isoformat()}
    ids = [(await submit(town, key, **told)).json()["id"] for _ in range(3)]
    await asyncio.sleep((soon - datetime.now(UTC)).total_seconds() + 0.5)
    await swept(town, "registry", SWEEPS)
    there = town.of(TOWN_CENTRE.id)
    found = [(await there.get(f"/shared-batches/{id}"))["status"] for id in ids]
    assert found.count("submitted") in (1, 2), "others may have been over before"
    await swept(town, "registry", SWEEPS)
    found = [(await there.get(f"/shared-batches/{id}"))["status"] for id in ids]
    assert "submitted" not in found


async def test_a_hold_keeps_the_key_and_not_the_sight_of_it(town: Town, key: ECKey) -> None:
    first, _ = await admitted(town, key)
    await held(town, first)
    assert (await withdrawn(town, first)).status_code == 200
    assert (await read(town, first)).status_code == 404
    assert first not in await listed(town, OFFICER)
    assert (await town.privacy.get(f"/subject-requests/{first}"))["is_deferred"]
    assert await keys_of(town, [first])
    await released(town, first)
    await eventually(partial(keys_of, town, [first]), NONE)


async def test_its_version_is_not_that_of_what_was_asked_of_it(town: Town, key: ECKey) -> None:
    """A legal hold, and that it was reviewed, are told of the same id."""
    first, _ = await admitted(town, key)
    for _ in range(4):
        await held(town, first)
    answer = await withdrawn(town, first)
    found = (await town.of(OFFICER.id).get("/shared-entries", status="withdrawn", limit=200))[
        "items"
    ]
    (version,) = [one["version"] for one in found if one["id"] == first]
    assert (answer.headers["ETag"], answer.json()["version"]) == (f'"{version}"', version)


async def test_a_hold_on_one_entry_lets_the_batch_be_rejected(town: Town, key: ECKey) -> None:
    batch = (await submit(town, key)).json()["id"]
    first, second = await entries_of(town, batch)
    await held(town, first)
    await rejected(town, batch)
    await eventually(partial(keys_of, town, [batch, second]), NONE)
    assert await keys_of(town, [first])
    await released(town, first)
    await eventually(partial(keys_of, town, [first]), NONE)


async def test_a_hold_on_a_batch_keeps_its_key(town: Town, key: ECKey) -> None:
    batch = (await submit(town, key)).json()["id"]
    entries = await entries_of(town, batch)
    await held(town, batch)
    await rejected(town, batch)
    await eventually(partial(keys_of, town, entries), NONE)
    assert await keys_of(town, [batch])
    await released(town, batch)
    await eventually(partial(keys_of, town, [batch]), NONE)


async def test_a_hold_keeps_what_its_month_is_over_for(town: Town, key: ECKey) -> None:
    first, _ = await admitted(town, key)
    await held(town, first)
    await happened(town, first, expires_at=datetime.now(UTC) - 40 * DAY)
    await swept(town, "registry", SWEEPS)
    assert (await state_of(town, first))["status"] == "deleted"
    assert await keys_of(town, [first])
    await released(town, first)
    await eventually(partial(keys_of, town, [first]), NONE)


async def test_what_goes_already_is_not_held(town: Town, key: ECKey) -> None:
    """given: an entry that was withdrawn, whose key may be there still; when: a legal hold is to be
    laid on it; then: it is refused; but not on the other, which is in force."""
    first, second = await admitted(town, key)
    assert (await withdrawn(town, first)).status_code == 200
    await refused_as_too_late(town, first)
    await held(town, second)
    assert (await withdrawn(town, second)).status_code == 200
    await held(town, second)
    await released(town, second)
    await refused_as_too_late(town, second)
    await eventually(partial(keys_of, town, [first, second]), NONE)


GONE = {
    "en": "What this batch is of was erased: nobody can say any more what is let in; the batch can"
    " be rejected.",
    "zh-CN": "该批次的内容已被销毁，无法再确认其类别和用途，只能驳回该批次。",
}


async def test_of_a_batch_whose_content_was_erased_nothing_is_let_in(
    town: Town, key: ECKey
) -> None:
    """given: a batch that waits, and whose key was destroyed on request; when: it is to be
    approved; then: that is refused for what it is, and the batch can be rejected."""
    batch = (await submit(town, key)).json()["id"]
    await carried_out(town, batch)
    await eventually(partial(keys_of, town, [batch]), NONE)
    path, centre = f"/shared-batches/{batch}/approve", town.of(TOWN_CENTRE.id)
    for language, text in GONE.items():
        answer = await centre.post(path, Accept_Language=language)
        told = answer.json()
        assert (answer.status_code, told["code"]) == (409, "content_erased"), answer.text
        assert (told["allowed"], told["detail"]) == (["reject_batch"], text)
    entries = await entries_of(town, batch)
    assert {(await state_of(town, one))["status"] for one in entries} == {"proposed"}
    await rejected(town, batch)
    await eventually(partial(keys_of, town, entries), NONE)


async def carried_out(town: Town, subject: str) -> None:
    path, decision = f"/subject-requests/{subject}", {"granted": True, "reason": "asked"}
    await town.privacy.post("/subject-requests", {"record": subject})
    await town.privacy.post(f"{path}/decide", decision)
    answer = await town.privacy.post(f"{path}/carry-out")
    assert answer.status_code == 200, answer.text


async def test_what_is_erased_on_request_is_no_more_in_force(town: Town, key: ECKey) -> None:
    first, _ = await admitted(town, key)
    await carried_out(town, first)
    await eventually(partial(keys_of, town, [first]), NONE)
    for purpose in ("resettle", "road_safety"):
        assert (await read(town, first, purpose=purpose)).status_code == 404
    assert first not in await listed(town, OFFICER)
    request = partial(town.privacy.get, f"/subject-requests/{first}")
    await eventually(request, lambda found: found["status"] == "confirmed")


async def test_it_goes_a_month_after_its_end_however_late_that_is_seen(
    town: Town, key: ECKey
) -> None:
    first, _ = await admitted(town, key)
    await happened(town, first, expires_at=datetime.now(UTC) - 25 * DAY)
    await swept(town, "registry", SWEEPS)
    state = await state_of(town, first)
    assert state["status"] == "expired"
    assert state["delete_at"] - state["expires_at"] == 30 * DAY


@pytest.mark.parametrize(
    ("began", "ended", "until", "code"),
    [
        *(
            (-395, -29, 336, None),
            (-395, -29, 338, "beyond_limit"),
            (-395, -29, 366, "beyond_limit"),
        ),
        *((-50, 10, 5, "not_longer"), (-50, 10, 69, None), (-50, -10, -5, "not_longer")),
    ],
)
async def test_it_is_kept_for_longer_but_never_twice_as_long(
    town: Town, key: ECKey, began: int, ended: int, until: int, code: str | None
) -> None:
    """In days from now, all three."""
    first, _ = await admitted(town, key)
    now = datetime.now(UTC)
    await happened(town, first, received_at=now + began * DAY, expires_at=now + ended * DAY)
    body = {"until": (now + until * DAY).isoformat(), "reason": "still_needed"}
    answer = await town.of(OFFICER.id).post(f"/shared-entries/{first}/retain", body)
    assert answer.status_code == (422 if code else 200), answer.text
    assert answer.json().get("code") == code


async def test_after_its_month_nobody_keeps_it(town: Town, key: ECKey) -> None:
    first, _ = await admitted(town, key)
    await happened(town, first, expires_at=datetime.now(UTC) - 31 * DAY)
    await swept(town, "registry", SWEEPS[:1])
    body = {"until": (datetime.now(UTC) + 5 * DAY).isoformat(), "reason": "still_needed"}
    answer = await town.of(OFFICER.id).post(f"/shared-entries/{first}/retain", body)
    assert (answer.status_code, answer.json()["code"]) == (409, "illegal_transition")


async def test_it_is_hidden_at_the_moment_of_its_end(town: Town, key: ECKey) -> None:
    ends = (datetime.now(UTC) + timedelta(seconds=3)).replace(microsecond=50_000)
    first, _ = await admitted(town, key, expires_at=ends.isoformat())
    shown, late = 200, timedelta()
    while shown == 200:
        late = datetime.now(UTC) - ends
        shown = (await read(town, first)).status_code
    assert shown == 404 and late < timedelta(milliseconds=400)
