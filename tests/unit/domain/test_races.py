"""Whoever plans first, and however old its picture: the last good version stays, and so does a latest everywhere.

The versions of one definition are reconciled side by side. Each looks at itself, and at a picture of the others that
may be old. A small world of versions is driven with plans in any order here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gallery_operator.api import names
from gallery_operator.api.image_version import ImageVersion
from gallery_operator.domain import versions
from gallery_operator.domain.family import Family, Member, family_of
from gallery_operator.domain.observed import read_version
from gallery_operator.domain.plan import Delete, Plan, Retire, Update
from gallery_operator.domain.resources import Attempts
from gallery_operator.domain.version_body import Parents
from tests.unit.domain import build
from tests.unit.domain.build import DAY, NOW, OWNER, arm_version, region, text

PLACES = ["West Europe", "East US 2", "Japan East"]


@dataclass(frozen=True)
class Actor:
    """A version: its object and what Azure has of it (None: deleted)."""

    wanted: ImageVersion
    observed: dict[str, Any] | None


World = dict[str, Actor]


def situation(world: World, name: str, picture: Family, of: Parents, now: datetime) -> versions.Situation:
    actor = world[name]
    return versions.Situation(actor.wanted, of, actor.observed, picture, OWNER, Attempts(), now)


def picture(world: World, of: Parents, now: datetime) -> Family:
    """Return what a controller makes of a LIST and of the objects at one moment."""
    members = []
    for name, actor in world.items():
        if actor.observed is not None:
            of_actor = situation(world, name, Family({}), of, now)
            keep = of_actor.version.keep
            leaving = None if keep else of_actor.dates.leaves_latest_at
            facts = read_version(name, actor.observed)
            members.append(Member(facts, leaving, of_actor.version.retired is not None))
    return family_of(members)


def carry_out(world: World, name: str, step: Plan, now: datetime) -> World:
    actor = world[name]
    match step:
        case Retire(why):
            notes = {**actor.wanted.metadata.annotations, names.RETIRED: f"{text(now)} {why}"}
            metadata = actor.wanted.metadata.model_copy(update={"annotations": notes})
            actor = replace(actor, wanted=actor.wanted.model_copy(update={"metadata": metadata}))
        case Delete():
            actor = replace(actor, observed=None)
        case Update(body) if actor.observed is not None:
            profile = actor.observed["properties"]["publishingProfile"]
            flag = body["properties"]["publishingProfile"]["excludeFromLatest"]
            properties = {
                **actor.observed["properties"],
                "publishingProfile": {**profile, "excludeFromLatest": flag},
                "provisioningState": "Updating",
            }
            actor = replace(actor, observed={**actor.observed, "properties": properties})
        case _:
            pass
    return {**world, name: actor}


def finish(world: World) -> World:
    """Let Azure finish all updates."""
    done = {}
    for name, actor in world.items():
        observed = actor.observed
        if observed is not None and observed["properties"]["provisioningState"] == "Updating":
            observed = {**observed, "properties": {**observed["properties"], "provisioningState": "Succeeded"}}
        done[name] = replace(actor, observed=observed)
    return done


def good(world: World) -> set[str]:
    """Return the versions from which machines can be made."""
    states = {"Succeeded", "Updating"}
    return {
        name
        for name, actor in world.items()
        if actor.observed is not None and actor.observed["properties"]["provisioningState"] in states
    }


def served(world: World) -> set[str]:
    """Return the regions where Azure has a latest version, whatever objects say."""
    found = set()
    for name in good(world):
        facts = read_version(name, world[name].observed or {})
        if not facts.excluded:
            found |= {each.name for each in facts.regions if not each.excluded}
    return found


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Return one to four versions, most of them good and near their end."""
    world: World = {}
    for minor in range(draw(st.integers(1, 4))):
        name = f"1.{draw(st.sampled_from([minor, 9 - minor]))}.{minor}"
        places = PLACES[: draw(st.sampled_from([1, 1, 1, 2, 3]))]
        spec: dict[str, Any] = {"targetRegions": [{"name": each} for each in places]}
        days = draw(st.sampled_from([None, -60, -40, -40, -1, 10]))
        if days is not None:
            spec["endOfLifeDate"] = text(NOW + days * DAY)
        observed = arm_version(
            name,
            regions=map(region, places),
            published=NOW - draw(st.sampled_from([0, 80])) * DAY,
            excluded=draw(st.sampled_from([False, False, True])),
            state=draw(st.sampled_from(["Succeeded"] * 5 + ["Failed"])),
        )
        notes = draw(st.sampled_from([{}] * 6 + [{names.KEEP: "true"}, {names.RETIRED: "by hand"}]))
        world[name] = Actor(build.version(name, annotations=notes, **spec), observed)
    return world


LIFECYCLES = st.sampled_from(
    [
        build.lifecycle(after="30d", delete="0d"),
        build.lifecycle(after="30d", exclude="0d", delete="30d"),
        build.lifecycle(exclude="10d", delete="-10d"),
        build.lifecycle(after="90d", exclude="0d"),
    ]
)
PARENTS = LIFECYCLES.map(lambda lifecycle: build.parents(lifecycle=lifecycle))
many = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def holds(before: World, after: World) -> None:
    if good(before):
        assert good(after), "the last good version was removed"
    assert served(before) <= served(after), "a region lost its latest"


def drive(world: World, of: Parents, rounds_late: int, days: int) -> World:
    """Let all versions plan from one picture, some rounds old, carry all plans out, let time pass; several times."""
    before, now = world, NOW
    pictures = [picture(world, of, now)] * (rounds_late + 1)
    for _ in range(5):
        steps = {name: versions.plan(situation(world, name, pictures[-1 - rounds_late], of, now)) for name in world}
        for name, step in steps.items():
            world = carry_out(world, name, step, now)
        holds(before, world)
        world, now = finish(world), now + days * DAY
        pictures.append(picture(world, of, now))
    return world


@many
@given(worlds(), PARENTS, st.integers(0, 3), st.sampled_from([0, 15]))
def test_all_plans_made_from_the_same_picture_may_be_carried_out(
    world: World, of: Parents, rounds_late: int, days: int
) -> None:
    drive(world, of, rounds_late, days)


def pair(first: int, second: int, annotations: dict[str, str] | None = None) -> World:
    """Return 1.0.0 and 2.0.0, whose lives end so many days from now."""
    return {
        name: Actor(
            build.version(name, annotations=annotations, endOfLifeDate=text(NOW + days * DAY)), arm_version(name)
        )
        for name, days in (("1.0.0", first), ("2.0.0", second))
    }


ONLY_DELETE = build.parents(lifecycle=build.lifecycle(delete="0d"))
BY_HAND = {names.RETIRED: "by hand"}


@pytest.mark.parametrize("rounds_late", [0, 1, 2, 3])
@pytest.mark.parametrize(
    ("world", "days", "left"),
    [
        (pair(-1, -1), 0, {"2.0.0"}),
        (pair(-2, -1), 0, {"2.0.0"}),
        (pair(-1, -2), 0, {"1.0.0"}),
        (pair(-1, 10), 15, {"2.0.0"}),
        (pair(10, -1), 15, {"1.0.0"}),
        (pair(10, 10, BY_HAND), 0, {"1.0.0", "2.0.0"}),
        (pair(-1, -1, BY_HAND), 0, {"1.0.0", "2.0.0"}),
    ],
    ids=["due together", "low first", "high first", "low, later high", "high, later low", "by hand", "by hand and due"],
)
def test_of_the_last_two_one_stays_however_old_the_pictures(
    world: World, days: int, left: set[str], rounds_late: int
) -> None:
    assert good(drive(world, ONLY_DELETE, rounds_late, days)) == left


TURN = st.tuples(st.integers(0, 3), st.sampled_from([0, 1, 9]), st.sampled_from([0, 0, 15]), st.booleans())


@many
@given(worlds(), PARENTS, st.lists(TURN, min_size=4, max_size=12))
def test_plans_made_from_pictures_of_any_age_may_be_carried_out(
    world: World, of: Parents, turns: list[tuple[int, int, int, bool]]
) -> None:
    before, now = world, NOW
    pictures = [picture(world, of, now)]
    for who, age, days, finished in turns:
        now += days * DAY
        name = list(world)[who % len(world)]
        step = versions.plan(situation(world, name, pictures[-1 - age % len(pictures)], of, now))
        world = carry_out(world, name, step, now)
        holds(before, world)
        world = finish(world) if finished else world
        pictures.append(picture(world, of, now))


@settings(many, max_examples=30)
@given(worlds(), PARENTS)
def test_what_is_due_goes_when_a_version_that_stays_takes_its_place(world: World, of: Parents) -> None:
    stays = arm_version("9.0.0", regions=map(region, PLACES))
    regions = [{"name": each} for each in PLACES]
    kept = build.version("9.0.0", annotations={names.KEEP: "true"}, targetRegions=regions)
    world = {**world, "9.0.0": Actor(kept, stays)}
    for _ in range(6):
        for name in world:
            step = versions.plan(situation(world, name, picture(world, of, NOW), of, NOW))
            world = finish(carry_out(world, name, step, NOW))
    for name, actor in world.items():
        left = situation(world, name, Family({}), of, NOW)
        due = left.dates.delete_at is not None and left.dates.delete_at <= NOW
        assert actor.observed is None or left.version.keep or not (due or left.version.retired)
