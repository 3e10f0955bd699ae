"""The story of `make demo`, asserted: every fact that a step tells was verified, or the step fails."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from dev.demo.narrator import Narrator
from dev.demo.stage import Stage, opened
from dev.demo.story import STEPS, Step

if TYPE_CHECKING:
    from dev.control_plane import Cluster


@pytest.fixture(scope="module")
def stage(cluster: Cluster) -> Iterator[Stage]:
    """One stage for all steps, in a namespace of its own."""
    with opened(cluster, Narrator(), namespace=f"story-{uuid.uuid4().hex[:10]}") as stage:
        yield stage


@pytest.fixture(scope="module")
def held() -> list[Step]:
    """The steps that have held so far."""
    return []


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.title.replace(",", "").replace(" ", "-").lower())
def test_the_story_holds(step: Step, stage: Stage, held: list[Step]) -> None:
    before = STEPS[: STEPS.index(step)]
    if missing := [each.title for each in before if each not in held]:
        pytest.skip(f"it goes on from a step that did not hold: {missing[0]}")
    told = stage.tell.facts
    try:
        step.act(stage)
    except Exception as error:
        error.add_note(f"The end of the operator's log:\n{stage.operator.tail(60)}")
        raise
    assert stage.tell.facts > told, "a step tells what it verified"
    held.append(step)
