"""The campaign itself: no error of its own is lost, and no answer is taken for none."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import httpx
import pytest

from tests.faults.campaign.client import Client
from tests.faults.campaign.history import History
from tests.faults.campaign.running import Together


async def test_an_operation_that_fails_ends_the_campaign() -> None:
    together = Together()

    async def fails() -> None:
        raise AssertionError("an item is missing")

    together.begin(fails())
    together.begin(asyncio.sleep(0))
    with pytest.raises(AssertionError, match="an item is missing"):
        await together.settled()
    with pytest.raises(AssertionError):
        together.check()


@pytest.mark.parametrize("body", ['{"status":500}', "Internal Server Error"])
async def test_an_error_of_ours_is_told_to_the_checker_whatever_its_body(
    tmp_path: Path, body: str
) -> None:
    history = History(tmp_path / "history.jsonl")
    client = Client({"leads": ["http://leads"]}, history, random.Random(1), patience=0)
    answers = httpx.MockTransport(lambda request: httpx.Response(500, text=body))
    client._http = httpx.AsyncClient(transport=answers)
    answer = await client.command("capture", "k", ("leads", "POST", "/leads"), {})
    history.close()
    assert answer.status == 500
    assert '"status": 500' in (tmp_path / "history.jsonl").read_text()


async def test_a_success_without_json_is_no_answer_to_pass_over(tmp_path: Path) -> None:
    history = History(tmp_path / "history.jsonl")
    client = Client({"leads": ["http://leads"]}, history, random.Random(1))
    answers = httpx.MockTransport(lambda request: httpx.Response(200, text="<ok/>"))
    client._http = httpx.AsyncClient(transport=answers)
    with pytest.raises(ValueError, match="Expecting value"):
        await client.ask("leads", "POST", "/leads")
    history.close()
