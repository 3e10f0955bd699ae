"""Backoff per key."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gallery_operator.engine.backoff import Backoff
from gallery_operator.engine.keys import Key

A = Key("ImageVersion", "ns", "a")
B = Key("ImageVersion", "ns", "b")


class Longest(random.Random):
    """Draws the upper end of every interval."""

    def uniform(self, a: float, b: float) -> float:
        return b


@given(st.integers(), st.integers(1, 200))
def test_a_delay_is_never_below_five_seconds_nor_above_ten_minutes(seed: int, failures: int) -> None:
    backoff = Backoff(rng=random.Random(seed))
    delays = [backoff.next(A) for _ in range(failures)]
    assert all(5 <= delay <= 600 for delay in delays)
    assert all(delay <= 5 * 2**number for number, delay in enumerate(delays[:6], start=1))


def test_the_ceiling_doubles_with_every_failure_up_to_the_longest_delay() -> None:
    backoff = Backoff(least=5, most=60, rng=Longest())
    assert [backoff.next(A) for _ in range(5)] == [10, 20, 40, 60, 60]


def test_keys_that_failed_together_do_not_come_back_together() -> None:
    backoff = Backoff(rng=random.Random(7))
    keys = [Key("ImageVersion", "ns", str(number)) for number in range(1000)]
    for _ in range(6):
        delays = [backoff.next(key) for key in keys]
    busiest_second = max(sum(int(delay) == second for delay in delays) for second in range(600))
    assert busiest_second < 30


def test_a_success_starts_over_for_its_key_only() -> None:
    backoff = Backoff(rng=Longest())
    for _ in range(3):
        backoff.next(A)
        backoff.next(B)
    backoff.forget(A)
    assert (backoff.failures(A), backoff.failures(B)) == (0, 3)
    assert (backoff.next(A), backoff.next(B)) == (10, 80)


@pytest.mark.parametrize(("least", "most"), [(0, 10), (-1, 10), (20, 10)])
def test_delays_that_make_no_sense_are_refused(least: float, most: float) -> None:
    with pytest.raises(ValueError, match="least"):
        Backoff(least=least, most=most)
