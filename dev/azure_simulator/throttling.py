"""Rate limits: the token buckets of ARM and the windows of the compute provider.

The provider's maxima are inferred from recorded headers. [?] They are counted per subscription here, while Azure counts
per subscription and region; and nobody saw the policies of the two lists marked below.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from dev.azure_simulator import errors
from dev.azure_simulator.operations import timestamp

Action = Literal["reads", "writes", "deletes"]

ACTIONS: dict[str, Action] = {"GET": "reads", "HEAD": "reads", "DELETE": "deletes"}

#: (method, kind) -> policy; PATCH counts as PUT.
POLICIES: dict[tuple[str, str], str] = {
    ("PUT", "gallery"): "CreateUpdateGallery",
    ("GET", "gallery"): "GetGallery",
    ("DELETE", "gallery"): "DeleteGallery",
    ("GET", "galleries in group"): "ListGalleryInResourceGroup",
    ("GET", "galleries"): "ListGalleryInSubscription",
    ("PUT", "definition"): "CreateUpdateGalleryImage",
    ("GET", "definition"): "GetGalleryImage",
    ("DELETE", "definition"): "DeleteGalleryImage",
    ("GET", "definitions"): "ListGalleryImagesInGallery",
    ("PUT", "version"): "CreateUpdateGalleryImageVersion",
    ("GET", "version"): "GetGalleryImageVersion",
    ("DELETE", "version"): "DeleteGalleryImageVersion",
    ("GET", "versions"): "ListGalleryImageVersionsInGalleryImage",
    ("POST", "share"): "PostShareGallery",
    ("GET", "soft-deleted"): "ListSoftDeletedResourcesInGallery",
    ("GET", "operation"): "GetOperationStatus",
}
#: Policy -> requests allowed in 3 minutes and in 30 minutes.
WINDOWS: dict[str, tuple[int, int]] = {
    "CreateUpdateGallery": (50, 300),
    "GetGallery": (350, 2500),
    "DeleteGallery": (50, 300),
    "ListGalleryInResourceGroup": (100, 1000),
    "ListGalleryInSubscription": (100, 1000),  # [?]
    "CreateUpdateGalleryImage": (150, 750),
    "GetGalleryImage": (600, 3000),
    "DeleteGalleryImage": (50, 300),
    "ListGalleryImagesInGallery": (600, 3000),  # [?]
    "CreateUpdateGalleryImageVersion": (375, 1200),
    "GetGalleryImageVersion": (2000, 10000),
    "DeleteGalleryImageVersion": (150, 1000),
    "ListGalleryImageVersionsInGalleryImage": (1500, 10000),
    "PostShareGallery": (10, 60),
    "ListSoftDeletedResourcesInGallery": (1500, 10000),
    "GetOperationStatus": (5000, 15000),
}
_MINUTES = (3, 30)
#: Action -> size of the bucket, tokens per second; the one of the whole subscription is larger by a factor.
BUCKETS: dict[Action, tuple[int, int]] = {"reads": (250, 25), "writes": (200, 10), "deletes": (200, 10)}
_SUBSCRIPTION_FACTOR = 15


@dataclass(slots=True)
class Window:
    """A fixed window: it starts with its first request. Times in Unix seconds of the clock."""

    allowed: int
    seconds: int
    start: float = 0
    used: int = 0

    def roll(self, now: float) -> None:
        if now >= self.start + self.seconds:
            self.start, self.used = now, 0


@dataclass(slots=True)
class Bucket:
    """A token bucket that refills with the clock."""

    size: int
    per_second: int
    tokens: float
    filled: float

    def refill(self, now: float) -> None:
        self.tokens = min(self.size, self.tokens + (now - self.filled) * self.per_second)
        self.filled = now


class Limits:
    """What is left of every limit. While `enforced` is off nothing is used up, and the headers say so."""

    def __init__(self) -> None:
        self._windows: dict[tuple[str, str, int], Window] = {}
        self._buckets: dict[tuple[str, str, Action], Bucket] = {}

    def clear(self) -> None:
        self._windows.clear()
        self._buckets.clear()

    def charge_arm(
        self, subscription: str, principal: str, action: Action, now: float, *, enforced: bool
    ) -> dict[str, str]:
        """Take a token for a request and return the remaining-headers.

        Raises ArmError 429 when a bucket is empty.
        """
        headers = {}
        size, rate = BUCKETS[action]
        for name, key, factor in (("", principal, 1), ("global-", "", _SUBSCRIPTION_FACTOR)):
            fresh = Bucket(size * factor, rate * factor, size * factor, now)
            bucket = self._buckets.setdefault((subscription, key, action), fresh) if enforced else fresh
            bucket.refill(now)
            if bucket.tokens < 1:
                wait = math.ceil((1 - bucket.tokens) / bucket.per_second)
                raise errors.subscription_throttled(action.removesuffix("s"), subscription, wait)
            bucket.tokens -= 1
            headers[f"x-ms-ratelimit-remaining-subscription-{name}{action}"] = str(int(bucket.tokens))
        return headers

    def charge_provider(self, subscription: str, policy: str, now: float, *, enforced: bool) -> dict[str, str]:
        """Count a request in the windows of its policy and return the remaining-header.

        Raises ArmError 429 when a window is used up.
        """
        windows = list(self._windows_of(subscription, policy, enforced=enforced))
        for minutes, window in windows:
            window.roll(now)
            if window.used >= window.allowed:
                ends = window.start + window.seconds
                raise errors.too_many_requests(
                    f"{policy}{minutes}Min",
                    start=timestamp(window.start),
                    end=timestamp(ends),
                    allowed=window.allowed,
                    measured=window.used + 1,
                    retry_after=str(max(1, math.ceil(ends - now))),
                )
        for _, window in windows:
            window.used += 1
        left = (f"Microsoft.Compute/{policy}{minutes}Min;{window.allowed - window.used}" for minutes, window in windows)
        return {"x-ms-ratelimit-remaining-resource": ",".join(left)}

    def _windows_of(self, subscription: str, policy: str, *, enforced: bool) -> Iterator[tuple[int, Window]]:
        for minutes, allowed in zip(_MINUTES, WINDOWS[policy], strict=True):
            fresh = Window(allowed, minutes * 60)
            key = (subscription, policy, minutes)
            yield minutes, self._windows.setdefault(key, fresh) if enforced else fresh
