"""The life of an image version: when its end comes, what then happens, and what forbids it.

End-of-life dates are only information to Azure; here they act. A step that is due and forbidden is not taken, and the
status says why.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Literal, overload

from gallery_operator.api.image_definition import Lifecycle
from gallery_operator.domain.family import Family
from gallery_operator.domain.observed import ObservedVersion
from gallery_operator.domain.wording import some_of

Stage = Literal["Active", "Deprecated", "Expired", "Retired"]


@dataclass(frozen=True, slots=True)
class Schedule:
    """The dates of one version's life; None: never, or not known."""

    end_of_life: datetime | None = None
    exclude_at: datetime | None = None
    delete_at: datetime | None = None
    remove_after: timedelta | None = None

    @property
    def leaves_latest_at(self) -> datetime | None:
        """When the version is out of latest: excluded, or deleted."""
        return min((each for each in (self.exclude_at, self.delete_at) if each is not None), default=None)


def schedule(
    spec_date: datetime | None,
    published: datetime | None,
    definition_date: datetime | None,
    lifecycle: Lifecycle | None,
) -> Schedule:
    """Return the dates of a version's life.

    The version's own date counts; without one, publishing plus the definition's `endOfLife.after`. The definition's
    own end of life caps both. Dates that are not known (nothing published yet) give no steps.
    """
    policy = lifecycle.end_of_life if lifecycle else None
    date = spec_date
    if date is None and policy is not None and published is not None:
        date = later(published, policy.after)
    if definition_date is not None:
        date = definition_date if date is None else min(date, definition_date)
    remove_after = lifecycle.remove_retired_after if lifecycle else None
    if date is None or lifecycle is None:
        return Schedule(end_of_life=date, remove_after=remove_after)
    stages = lifecycle.stages
    return Schedule(
        end_of_life=date,
        exclude_at=later(date, stages.exclude_from_latest) if stages else None,
        delete_at=later(date, stages.delete) if stages else None,
        remove_after=remove_after,
    )


def acted_on(dates: Schedule, *, observed: bool, retained: bool) -> Schedule:
    """Return the steps that are taken: none for an object that only observes, and no deletion of what is retained."""
    if observed:
        return Schedule(end_of_life=dates.end_of_life)
    return replace(dates, delete_at=None) if retained else dates


@overload
def later(date: datetime, offset: timedelta) -> datetime: ...
@overload
def later(date: datetime, offset: timedelta | None) -> datetime | None: ...
def later(date: datetime, offset: timedelta | None) -> datetime | None:
    """Return a date moved by an offset; beyond the calendar it is the calendar's end. No offset, no date."""
    if offset is None:
        return None
    try:
        return date + offset
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC) if offset > timedelta(0) else datetime.min.replace(tzinfo=UTC)


def why_latest(version: str, family: Family, now: datetime) -> str | None:
    """Return why a version that is due stays in latest."""
    regions = family.irreplaceable_in(version, now)
    return f"no other version takes its place as latest in {some_of(regions)}" if regions else None


def why_kept(
    version: ObservedVersion, family: Family, dates: Schedule, *, keep: bool, blocked: bool, now: datetime
) -> str | None:
    """Return why a version must not be retired by policy, or None.

    `keep`: its object carries the keep annotation. `blocked`: spec or Azure block deletion before end of life.
    """
    if keep:
        return "its object is annotated gallery-operator.io/keep"
    # Only a version that Azure says has failed is surely no good one.
    if version.state != "Failed" and family.is_last_good(version.name, now):
        return "it is the last good version of its image definition"
    if not version.excluded and (reason := why_latest(version.name, family, now)) is not None:
        return reason
    if blocked and (last := _latest_date(dates.end_of_life, version.end_of_life)) is not None and now < last:
        return f"deletion is blocked before its end of life, {last:%Y-%m-%dT%H:%M:%SZ}"
    return None


def _latest_date(*dates: datetime | None) -> datetime | None:
    return max((each for each in dates if each is not None), default=None)


def stage(dates: Schedule, now: datetime, *, retired: bool, excluded: bool) -> Stage:
    """Return where a version stands in its life."""
    if retired:
        return "Retired"
    if dates.end_of_life is not None and dates.end_of_life <= now:
        return "Expired"
    if excluded and dates.exclude_at is not None and dates.exclude_at <= now:
        return "Deprecated"
    return "Active"


def next_action(dates: Schedule, now: datetime) -> tuple[str, datetime] | None:
    """Return the lifecycle's next step and when it comes; steps that are due already do not count."""
    steps = [("ExcludeFromLatest", dates.exclude_at), ("Delete", dates.delete_at)]
    coming = [(name, at) for name, at in steps if at is not None and at > now]
    return min(coming, key=lambda each: each[1]) if coming else None


def retired_at(annotation: str) -> datetime | None:
    """Return when the retirement was decided (`<time> <why>`); None when a person wrote something else."""
    try:
        moment = datetime.fromisoformat(annotation.split(" ", 1)[0])
    except ValueError:
        return None
    return moment if moment.tzinfo else None
