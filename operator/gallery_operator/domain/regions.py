"""Region names: Azure takes and gives `West US 2`, `westus2` and `WestUS2` for the same region."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def normalise(name: str) -> str:
    """Return the one spelling used for comparing: lower case, no spaces."""
    return name.replace(" ", "").lower()


def location_of(body: Mapping[str, Any] | None) -> str:
    """Return the region that a body says its resource is in, normalised; empty when it says none."""
    return normalise(str((body or {}).get("location") or ""))
