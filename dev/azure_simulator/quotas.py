"""Quotas of the gallery service, per subscription and region, and the usage API that shows them.

Documented are the limits. [?] the names in the usage API, what is counted where (each resource in its own region, no
replicas, nothing soft-deleted), and the code and text at the limit.
"""

from __future__ import annotations

from collections import Counter

from dev.azure_simulator import errors
from dev.azure_simulator.paths import Json, Kind, ResourcePath
from dev.azure_simulator.settings import Quotas

_NAMES: dict[Kind, tuple[str, str]] = {
    "gallery": ("galleries", "Galleries"),
    "definition": ("galleryImages", "Gallery Images"),
    "version": ("galleryImageVersions", "Gallery Image Versions"),
}


class Usage:
    """How many resources of each kind there are in every subscription and region."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, Kind, str]] = Counter()

    def count(self, path: ResourcePath, location: str, change: int) -> None:
        """Note that a resource came (1) or went (-1)."""
        self._counts[path.subscription.casefold(), path.kind, location] += change

    def check(self, path: ResourcePath, location: str, quotas: Quotas) -> None:
        """Refuse to create one more than allowed."""
        limit, used = quotas.of(path.kind), self._counts[path.subscription.casefold(), path.kind, location]
        if used >= limit:
            raise errors.quota_exceeded(_NAMES[path.kind][0], location, limit, used)

    def rows(self, subscription: str, location: str, quotas: Quotas) -> list[Json]:
        """Return the rows of the usage API."""
        return [
            {
                "unit": "Count",
                "currentValue": self._counts[subscription.casefold(), kind, location],
                "limit": quotas.of(kind),
                "name": {"value": name, "localizedValue": localized},
            }
            for kind, (name, localized) in _NAMES.items()
        ]

    def clear(self) -> None:
        self._counts.clear()
