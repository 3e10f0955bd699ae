"""Latest, the last good one, and who may leave."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from gallery_operator.domain.family import Family, Member, family_of
from gallery_operator.domain.observed import numbers
from tests.unit.domain.build import DAY, NOW, member

WE, US = "westeurope", "eastus2"


def family(*members: Member) -> Family:
    return family_of(members)


@pytest.mark.parametrize(
    ("low", "high"),
    [("1.9.0", "1.10.0"), ("9.0.0", "10.0.0"), ("1.0.9", "1.0.10"), ("1.99.99", "2.0.0"), ("0.0.1", "2147483647.0.0")],
)
def test_latest_is_the_highest_by_number_not_by_text(low: str, high: str) -> None:
    for order in itertools.permutations([member(low), member(high)]):
        assert family(*order).latest() == high


@pytest.mark.parametrize("name", ["", "1.0", "1.0.0.0", "1.0.x", "v1.0.0", "1..0", "-1.0.0", "9" * 10_000, "1.0.0\n"])
def test_what_is_no_version_has_no_numbers_and_is_never_latest(name: str) -> None:
    assert numbers(name) == ()
    assert family(member(name)).latest() is None


@pytest.mark.parametrize(
    "weak",
    [
        {"excluded": True},
        {"retired": True},
        {"state": "Failed"},
        {"state": "Creating"},
        {"state": "Updating"},
        {"state": "Deleting"},
        {"state": "Migrating"},
        {"state": "Canceled"},
    ],
)
def test_only_a_good_version_is_latest(weak: dict[str, object]) -> None:
    together = family(member("1.0.0"), member("2.0.0", **weak))  # type: ignore[arg-type]
    assert together.latest() == "1.0.0"
    assert together.latest(WE) == "1.0.0"
    assert together.latest_by_region() == {WE: "1.0.0"}


def test_without_versions_there_is_no_latest() -> None:
    assert family().latest() is None
    assert family().latest_by_region() == {}


def test_latest_in_a_region_is_the_highest_that_is_there() -> None:
    together = family(member("1.0.0", regions=["West Europe", "East US 2"]), member("2.0.0"))
    assert together.latest() == "2.0.0"
    assert together.latest(US) == "1.0.0"
    assert together.latest_by_region() == {US: "1.0.0", WE: "2.0.0"}


def test_a_version_excluded_in_one_region_is_latest_in_the_others() -> None:
    together = family(member("1.0.0", regions=["West Europe", "East US 2"]), member("2.0.0", barred=["East US 2"]))
    assert together.latest_by_region() == {US: "1.0.0", WE: "2.0.0"}
    assert together.latest(US) == "1.0.0"


@pytest.mark.parametrize(
    ("other", "last"),
    [
        (member("2.0.0"), False),
        (member("0.1.0"), False),
        (member("2.0.0", excluded=True), False),
        (member("2.0.0", state="Failed"), True),
        (member("2.0.0", state="Creating"), True),
        (member("2.0.0", retired=True), True),
        (member("2.0.0", leaving=NOW - DAY), False),
        (member("0.1.0", leaving=NOW - DAY), True),
        (member("0.1.0", leaving=NOW + DAY), False),
    ],
)
def test_a_version_is_the_last_good_one_unless_another_good_one_stays(other: Member, last: bool) -> None:
    due = member("1.0.0", leaving=NOW - DAY)
    assert family(due, other).is_last_good("1.0.0", NOW) is last


def test_a_version_that_nobody_listed_is_the_last_good_one_of_an_empty_family() -> None:
    assert family().is_last_good("1.0.0", NOW)
    assert not family(member("2.0.0")).is_last_good("1.0.0", NOW)


@pytest.mark.parametrize(
    ("other", "needed_in"),
    [
        (member("2.0.0", regions=["West Europe", "East US 2"]), []),
        (member("0.1.0", regions=["West Europe", "East US 2"]), []),
        (member("2.0.0"), [US]),
        (member("2.0.0", regions=["West Europe"], barred=["East US 2"]), [US]),
        (member("2.0.0", regions=["West Europe", "East US 2"], excluded=True), [WE, US]),
        (member("2.0.0", regions=["West Europe", "East US 2"], state="Updating"), [WE, US]),
        (member("2.0.0", regions=["West Europe", "East US 2"], retired=True), [WE, US]),
        (member("0.1.0", regions=["West Europe", "East US 2"], leaving=NOW), [WE, US]),
        (member("2.0.0", regions=["West Europe", "East US 2"], leaving=NOW), []),
    ],
)
def test_a_version_is_needed_where_no_other_one_takes_its_place(other: Member, needed_in: list[str]) -> None:
    due = member("1.0.0", regions=["West Europe", "East US 2"], leaving=NOW)
    assert family(due, other).irreplaceable_in("1.0.0", NOW) == needed_in


def test_a_region_where_a_version_is_excluded_does_not_need_it() -> None:
    assert family(member("1.0.0", regions=[], barred=["East US 2"])).irreplaceable_in("1.0.0", NOW) == []


def test_an_excluded_version_does_not_come_back_while_its_successor_is_updated() -> None:
    out = member("1.0.0", excluded=True, leaving=NOW)
    for state, needed in [("Succeeded", []), ("Updating", []), ("Migrating", []), ("Failed", [WE]), ("Deleting", [WE])]:
        assert family(out, member("2.0.0", state=state)).irreplaceable_in("1.0.0", NOW) == needed


@pytest.mark.parametrize("state", ["Failed", "Updating", "Canceled"])
def test_a_version_that_serves_nobody_is_not_needed(state: str) -> None:
    assert family(member("1.0.0", state=state)).irreplaceable_in("1.0.0", NOW) == []


def test_of_two_that_are_due_the_one_that_was_due_first_leaves() -> None:
    first, second = member("2.0.0", leaving=NOW - 2 * DAY), member("1.0.0", leaving=NOW - DAY)
    together = family(first, second)
    assert together.irreplaceable_in("2.0.0", NOW) == []
    assert together.irreplaceable_in("1.0.0", NOW) == [WE]
    assert together.is_last_good("1.0.0", NOW)
    assert not together.is_last_good("2.0.0", NOW)


def test_what_is_newly_known_of_a_member_replaces_what_the_list_said() -> None:
    listed = family(member("1.0.0"), member("2.0.0"))
    assert listed.seen_with(member("2.0.0", state="Failed")).latest() == "1.0.0"
    assert listed.latest() == "2.0.0"
    assert listed.seen_with(member("2.0.0")) is listed


def test_a_version_that_was_good_stays_latest_while_it_is_updated() -> None:
    updated = replace(member("1.0.1", state="Updating"), was_good=True)
    assert family_of([member("1.0.0"), updated]).latest() == "1.0.1"
    assert family_of([member("1.0.0"), updated]).latest_by_region() == {"westeurope": "1.0.1"}
    assert family_of([member("1.0.0"), member("1.0.1", state="Updating")]).latest() == "1.0.0", "it never was good"
    assert family_of([member("1.0.0"), replace(updated, retired=True)]).latest() == "1.0.0"
