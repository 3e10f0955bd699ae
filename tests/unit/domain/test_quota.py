"""Azure's limits."""

from __future__ import annotations

from typing import Any

import pytest

from gallery_operator.domain import quota
from gallery_operator.domain.quota import DEFINITIONS, GALLERIES, VERSIONS, Usage


def row(name: str, used: Any, limit: Any) -> dict[str, Any]:
    return {"unit": "Count", "currentValue": used, "limit": limit, "name": {"value": name, "localizedValue": name}}


def test_rows_of_galleries_are_read_among_those_of_other_resources() -> None:
    rows = [
        row("cores", 4, 100),
        row("galleries", 7, 100),
        row("GALLERYIMAGES", 1, 1000),
        row("availabilitySets", 0, 1),
    ]
    assert quota.read_usages(rows) == {GALLERIES: Usage(7, 100), DEFINITIONS: Usage(1, 1000)}


@pytest.mark.parametrize("strange", [{}, {"name": None}, row("galleries", None, 3), row("galleries", -1, 3)])
def test_rows_that_make_no_sense_are_left_out(strange: dict[str, Any]) -> None:
    assert quota.read_usages([strange]) == {}


@pytest.mark.parametrize("limit", [None, "many", -1])
def test_without_a_limit_the_documented_one_counts(limit: Any) -> None:
    assert quota.read_usages([row("galleryImageVersions", 5, limit)]) == {VERSIONS: Usage(5, 10_000)}


def test_a_create_waits_only_at_the_limit_and_says_the_numbers() -> None:
    assert quota.exceeded({VERSIONS: Usage(9_999, 10_000)}, VERSIONS, "westeurope") is None
    assert quota.exceeded({}, VERSIONS, "westeurope") is None
    wait = quota.exceeded({VERSIONS: Usage(10_000, 10_000)}, VERSIONS, "westeurope")
    assert wait is not None
    assert wait.reason == "QuotaExceeded"
    assert "10000 of 10000 galleryImageVersions in westeurope" in wait.message
    assert wait.after is not None
    assert wait.after >= 60.0


def test_what_was_created_since_counts_up_to_the_limit() -> None:
    usages = {GALLERIES: Usage(8, 10), VERSIONS: Usage(12, 10)}
    assert quota.with_created(usages, {GALLERIES: 1})[GALLERIES] == Usage(9, 10)
    assert quota.with_created(usages, {GALLERIES: 50})[GALLERIES] == Usage(10, 10)
    assert quota.with_created(usages, {VERSIONS: 1})[VERSIONS] == Usage(12, 10)


@pytest.mark.parametrize(
    ("used", "told"),
    [
        (79, None),
        (80, "at least 80 % of 100 galleries in westeurope are used"),
        (84, "at least 80 % of 100 galleries in westeurope are used"),
        (91, "at least 90 % of 100 galleries in westeurope are used"),
        (99, "at least 95 % of 100 galleries in westeurope are used"),
        (100, "all of 100 galleries in westeurope are used"),
        (130, "all of 100 galleries in westeurope are used"),
    ],
)
def test_a_limit_is_near_from_80_percent_on_in_words_that_change_seldom(used: int, told: str | None) -> None:
    claim = quota.near({GALLERIES: Usage(used, 100)}, (GALLERIES, VERSIONS), "westeurope")
    assert (claim.message if claim else None) == told
    if claim is not None:
        assert (claim.type, claim.status, claim.reason) == ("QuotaNear", "True", "QuotaNear")


def test_all_limits_that_are_near_are_told() -> None:
    usages = {DEFINITIONS: Usage(900, 1000), VERSIONS: Usage(10_000, 10_000), GALLERIES: Usage(100, 100)}
    claim = quota.near(usages, (DEFINITIONS, VERSIONS), "eastus")
    assert claim is not None
    assert claim.message == (
        "at least 90 % of 1000 galleryImages in eastus are used; all of 10000 galleryImageVersions in eastus are used"
    )
