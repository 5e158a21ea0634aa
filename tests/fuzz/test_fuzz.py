"""A small part of `make fuzz`: every route as its most mighty caller and as nobody. The whole is in
its ledger."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzz.__main__ import is_failure
from tests.fuzz.run import ROLES, city, fuzz
from tests.support.servers import Ground

LEAST = 100
ONE_EACH = ("--phases", "fuzzing")
"""Nothing at the limits of each field: that is most of what `make fuzz` sends."""


@pytest.mark.timeout(300)
async def test_generated_requests_break_nothing(servers: Ground, tmp_path: Path) -> None:
    async with city(servers, tmp_path) as there:
        before = there.memory_mib("VmRSS")
        for role in (ROLES[0], ROLES[-1]):
            found = await fuzz(there, role, 1, 1, ONE_EACH)
            failed = {one: count for one, count in found.statuses.items() if is_failure(one)}
            assert not failed and not found.findings, (role, found.findings)
            assert found.statuses.total() > LEAST
        assert there.lives
        assert there.memory_mib("VmRSS") < before + 200
