"""How long to wait before a key that failed is tried again."""

from __future__ import annotations

import random

from gallery_operator.engine.keys import Key


class Backoff:
    """Exponential backoff per key with full jitter between the least delay and a ceiling that doubles.

    The n-th failure in a row waits a random time in [least, min(most, least * 2**n)], so that objects that failed
    together (Azure was away) do not come back together. See "Exponential Backoff And Jitter", AWS Architecture Blog.

    :param least: the shortest delay, in seconds of the clock.
    :param most: the longest delay, in seconds of the clock.
    """

    def __init__(self, *, least: float = 5.0, most: float = 600.0, rng: random.Random | None = None) -> None:
        if not 0 < least <= most:
            msg = f"a backoff needs 0 < least <= most, not {least} and {most}"
            raise ValueError(msg)
        self._least = least
        self._most = most
        self._random = rng or random.Random()  # noqa: S311 - jitter, not a secret
        self._failures: dict[Key, int] = {}

    def next(self, key: Key) -> float:
        """Count one more failure of the key and return the delay in seconds of the clock."""
        failures = self._failures.get(key, 0) + 1
        self._failures[key] = failures
        ceiling = min(self._most, self._least * 2.0 ** min(failures, 64))
        return self._random.uniform(self._least, ceiling)

    def failures(self, key: Key) -> int:
        """Return how often the key failed since it last succeeded."""
        return self._failures.get(key, 0)

    def forget(self, key: Key) -> None:
        """The key succeeded or is gone: its next failure is the first one again."""
        self._failures.pop(key, None)
