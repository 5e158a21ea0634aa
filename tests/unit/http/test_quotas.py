"""How often somebody may ask, in a memory that does not grow."""

from __future__ import annotations

import pytest

from libs.common.http import quotas
from libs.common.http.quotas import Quota, network_of
from libs.common.messages import Refused


def count(quota: Quota, key: str, most: int = 1000) -> int:
    """How often it is let in before it is refused."""
    for n in range(most):
        try:
            quota.take(key)
        except Refused:
            return n
    return most


@pytest.mark.parametrize(("per_second", "burst"), [(20, 5.0), (200, 5.0), (0.5, 20.0)])
def test_who_was_silent_asks_in_a_burst_and_then_at_the_rate(
    per_second: float, burst: float
) -> None:
    at = [1_000_000.0]
    quota = Quota(per_second, burst, now=lambda: at[0])
    assert count(quota, "a", 2000) == round(per_second * burst)
    assert count(quota, "b", 2000) == round(per_second * burst), "each has its own"
    at[0] += burst / 2
    assert abs(count(quota, "a") - per_second * burst / 2) <= 1
    at[0] += 10 * burst
    assert count(quota, "a", 2000) == round(per_second * burst), "no more than a burst is saved"


def test_who_waits_as_long_as_told_is_let_in() -> None:
    at = [100.0]
    quota = Quota(10 / 60, 60.0, now=lambda: at[0])
    assert count(quota, "a") == 10
    for _ in range(3):
        with pytest.raises(Refused) as refused:
            quota.take("a")
    wait = refused.value.values["retry_after"]
    assert (refused.value.status, refused.value.code) == (429, "too_many")
    assert isinstance(wait, int) and 1 <= wait <= 6, "what was refused did not count"
    at[0] += wait
    quota.take("a")


def test_who_was_silent_longest_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quotas, "REMEMBERED", 3)
    quota = Quota(1, now=lambda: 0.0)
    for n in range(100):
        quota.take(f"10.0.0.{n}")
    assert list(quota._full_at) == ["10.0.0.97", "10.0.0.98", "10.0.0.99"]


def test_a_network_of_ipv6_is_one_address() -> None:
    assert network_of("2001:db8::1") == network_of("2001:db8::2:1")
    assert network_of("2001:db8:0:1::1") != network_of("2001:db8::1")
    assert network_of("10.0.0.1") == "10.0.0.1"
    assert network_of("a socket") == "a socket"
