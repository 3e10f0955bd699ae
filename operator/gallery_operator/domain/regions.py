"""Region names: Azure takes and gives `West US 2`, `westus2` and `WestUS2` for the same region."""

from __future__ import annotations


def normalise(name: str) -> str:
    """Return the one spelling used for comparing: lower case, no spaces."""
    return name.replace(" ", "").lower()
