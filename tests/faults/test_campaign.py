"""A minute in which everything fails in turn: no invariant is broken."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.campaign.run import Report


@pytest.mark.timeout(500)
async def test_a_minute_of_faults_breaks_no_invariant(campaign: tuple[Report, Path]) -> None:
    report, folder = campaign
    verdict = report.verdict
    assert verdict.violations == (), (verdict.violations[:10], folder)
    assert verdict.missing == (), folder
    assert verdict.name == "valid"
