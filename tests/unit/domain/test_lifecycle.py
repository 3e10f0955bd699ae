"""Dates of a version's life, its stages, and what forbids to retire it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gallery_operator.domain import lifecycle
from gallery_operator.domain.family import Member, family_of
from gallery_operator.domain.lifecycle import Schedule, schedule
from gallery_operator.domain.observed import read_version
from tests.unit.domain import build
from tests.unit.domain.build import DAY, NOW, arm_version, definition, member, text


def policy(**fields: str) -> Any:
    return definition(lifecycle=build.lifecycle(**fields)).spec.lifecycle


# --- schedule ---


@pytest.mark.parametrize(
    ("own", "published", "definitions", "after", "date"),
    [
        (None, None, None, None, None),
        (None, NOW, None, None, None),
        (None, None, None, "30d", None),
        (NOW, None, None, None, NOW),
        (None, NOW, None, "30d", NOW + 30 * DAY),
        (None, NOW, None, "36h", NOW + timedelta(hours=36)),
        (None, NOW, None, "2w", NOW + 14 * DAY),
        (NOW + DAY, NOW, None, "30d", NOW + DAY),
        (NOW + 90 * DAY, NOW, None, "30d", NOW + 90 * DAY),
        (None, None, NOW, None, NOW),
        (NOW + DAY, None, NOW, None, NOW),
        (NOW - DAY, None, NOW, None, NOW - DAY),
        (None, NOW, NOW + DAY, "30d", NOW + DAY),
        (None, NOW, NOW + 60 * DAY, "30d", NOW + 30 * DAY),
    ],
)
def test_the_end_of_life_is_the_own_date_else_after_publishing_and_capped_by_the_definition(
    own: datetime | None,
    published: datetime | None,
    definitions: datetime | None,
    after: str | None,
    date: datetime | None,
) -> None:
    assert schedule(own, published, definitions, policy(after=after) if after else None).end_of_life == date


@pytest.mark.parametrize(
    ("fields", "exclude_at", "delete_at"),
    [
        ({}, None, None),
        ({"exclude": "0d"}, NOW, None),
        ({"exclude": "-14d", "delete": "30d"}, NOW - 14 * DAY, NOW + 30 * DAY),
        ({"delete": "36h"}, None, NOW + timedelta(hours=36)),
    ],
)
def test_stages_are_offsets_from_the_end_of_life(
    fields: dict[str, str], exclude_at: datetime | None, delete_at: datetime | None
) -> None:
    dates = schedule(NOW, None, None, policy(**fields))
    assert (dates.exclude_at, dates.delete_at) == (exclude_at, delete_at)
    assert dates.leaves_latest_at == min(filter(None, (exclude_at, delete_at)), default=None)


def test_without_a_known_date_nothing_is_due_but_tombstones_still_go() -> None:
    dates = schedule(None, None, None, policy(after="30d", exclude="0d", delete="0d", remove="7d"))
    assert dates == Schedule(remove_after=7 * DAY)


@pytest.mark.parametrize(
    ("date", "fields", "clamped"),
    [
        ("9999-12-31T00:00:00Z", {"delete": "30d"}, datetime.max.replace(tzinfo=UTC)),
        ("0001-01-01T00:00:00Z", {"delete": "-30d"}, datetime.min.replace(tzinfo=UTC)),
    ],
)
def test_dates_end_with_the_calendar(date: str, fields: dict[str, str], clamped: datetime) -> None:
    assert schedule(datetime.fromisoformat(date), None, None, policy(**fields)).delete_at == clamped
    assert lifecycle.later(clamped, 99_999 * 7 * DAY if clamped.year > 1 else -7 * DAY) == clamped


def test_a_publishing_date_before_galleries_existed_is_no_date() -> None:
    odd: tuple[object, ...] = ("0001-01-01T00:00:00", "1970-01-01T00:00:00Z", "soon", 5, None, {})
    for nonsense in odd:
        raw = arm_version()
        raw["properties"]["publishingProfile"]["publishedDate"] = nonsense
        assert read_version("1.0.0", raw).published is None
    assert read_version("1.0.0", arm_version(published=NOW)).published == NOW + timedelta(microseconds=123456)


# --- stage and next action ---


@pytest.mark.parametrize(
    ("dates", "retired", "excluded", "stage"),
    [
        (Schedule(), False, False, "Active"),
        (Schedule(), True, False, "Retired"),
        (Schedule(end_of_life=NOW), False, False, "Expired"),
        (Schedule(end_of_life=NOW), True, True, "Retired"),
        (Schedule(end_of_life=NOW + DAY), False, False, "Active"),
        (Schedule(end_of_life=NOW + DAY, exclude_at=NOW), False, True, "Deprecated"),
        (Schedule(end_of_life=NOW + DAY, exclude_at=NOW), False, False, "Active"),
        (Schedule(end_of_life=NOW + DAY, exclude_at=NOW + DAY), False, True, "Active"),
    ],
)
def test_a_stage_says_where_a_version_stands(dates: Schedule, retired: bool, excluded: bool, stage: str) -> None:
    assert lifecycle.stage(dates, NOW, retired=retired, excluded=excluded) == stage


@pytest.mark.parametrize(
    ("exclude", "delete", "action"),
    [
        (None, None, None),
        (1, None, ("ExcludeFromLatest", NOW + DAY)),
        (1, 2, ("ExcludeFromLatest", NOW + DAY)),
        (2, 1, ("Delete", NOW + DAY)),
        (-1, 2, ("Delete", NOW + 2 * DAY)),
        (0, 0, None),
        (-2, -1, None),
    ],
)
def test_the_next_action_is_the_soonest_that_is_to_come(
    exclude: int | None, delete: int | None, action: tuple[str, datetime] | None
) -> None:
    dates = Schedule(
        exclude_at=None if exclude is None else NOW + exclude * DAY,
        delete_at=None if delete is None else NOW + delete * DAY,
    )
    assert lifecycle.next_action(dates, NOW) == action


@pytest.mark.parametrize(
    ("annotation", "moment"),
    [
        (f"{text(NOW)} its delete date has passed", NOW),
        (text(NOW), NOW),
        ("", None),
        ("true", None),
        ("2026-11-23 by hand", None),
        ("2026-11-23T10:00:00 no zone", None),
        ("x" * 100_000, None),
    ],
)
def test_the_time_of_a_retirement_is_read_from_the_annotation(annotation: str, moment: datetime | None) -> None:
    assert lifecycle.retired_at(annotation) == moment


# --- guards ---


def why_kept(observed: dict[str, Any], *others: Any, keep: bool = False, blocked: bool = False, **dates: Any) -> Any:
    facts = read_version("1.0.0", observed)
    family = family_of([Member(facts, NOW - DAY), *others])
    return lifecycle.why_kept(facts, family, Schedule(**dates), keep=keep, blocked=blocked, now=NOW)


def test_a_version_with_a_good_successor_is_not_kept() -> None:
    assert why_kept(arm_version(), member("2.0.0")) is None


def test_a_person_may_keep_a_version() -> None:
    assert "keep" in why_kept(arm_version(), member("2.0.0"), keep=True)


@pytest.mark.parametrize("other", [None, member("2.0.0", state="Failed"), member("2.0.0", state="Creating")])
@pytest.mark.parametrize("observed", [arm_version(), arm_version(excluded=True), arm_version(state="Odd")])
def test_the_last_good_version_is_kept(observed: dict[str, Any], other: Any) -> None:
    assert "last good" in why_kept(observed, *([other] if other else []))


def test_a_failed_version_is_not_kept_as_the_last_good_one() -> None:
    assert why_kept(arm_version(state="Failed")) is None
    assert why_kept(arm_version(state="Failed"), member("2.0.0", state="Failed")) is None


def test_the_latest_anywhere_is_kept_and_the_region_is_named() -> None:
    observed = arm_version(regions=[build.region(), build.region("East US 2")])
    assert "eastus2" in why_kept(observed, member("2.0.0"))
    assert why_kept(observed, member("2.0.0", regions=["East US 2"]), member("0.5.0")) is None


def test_an_excluded_version_is_latest_nowhere() -> None:
    observed = arm_version(regions=[build.region(), build.region("East US 2")], excluded=True)
    assert why_kept(observed, member("2.0.0")) is None


def test_a_long_list_of_regions_is_cut() -> None:
    observed = arm_version(regions=[build.region(f"Region {number}") for number in range(9)])
    assert why_kept(observed, member("2.0.0")).endswith("region4 and 4 more")


@pytest.mark.parametrize(
    ("end_of_life", "azures", "kept"),
    [
        (NOW + DAY, None, True),
        (NOW, None, False),
        (NOW - DAY, None, False),
        (NOW - DAY, text(NOW + DAY), True),
        (None, text(NOW + DAY), True),
        (None, None, False),
    ],
)
def test_blocking_deletion_keeps_a_version_until_the_later_end_of_life(
    end_of_life: datetime | None, azures: str | None, kept: bool
) -> None:
    reason = why_kept(arm_version(end_of_life=azures), member("2.0.0"), blocked=True, end_of_life=end_of_life)
    assert (reason is not None) is kept
