"""What `make demo` says and returns, with steps that need neither cluster nor Azure."""

from __future__ import annotations

import io
from types import SimpleNamespace
from typing import cast

import pytest
from rich.console import Console

from dev.demo.__main__ import tell
from dev.demo.narrator import Narrator
from dev.demo.operator_process import OperatorError
from dev.demo.stage import Stage, StoryError
from dev.demo.story import STEPS, Step


@pytest.fixture
def printed() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def stage(printed: io.StringIO) -> Stage:
    """A stage without scenery: it can only be told things."""
    narrator = Narrator(Console(file=printed, highlight=False))
    return cast("Stage", SimpleNamespace(tell=narrator, operator=SimpleNamespace(tail=lambda: "the last words")))


def holds(stage: Stage) -> None:
    """Say so."""
    stage.tell.fact("water is wet")


def test_a_story_that_holds_says_how_many_facts_it_verified(stage: Stage, printed: io.StringIO) -> None:
    assert tell(stage, [Step("First", holds), Step("Second", holds)])
    assert "All 2 facts held" in printed.getvalue()


def test_a_fact_that_does_not_hold_ends_the_story_with_what_was_expected_found_and_logged(
    stage: Stage, printed: io.StringIO
) -> None:
    def fails(_: Stage) -> None:
        raise StoryError("the sky is green", "green", "blue")

    assert not tell(stage, [Step("First", holds), Step("Second", fails), Step("Third", holds)])
    text = printed.getvalue()
    for part in ("✗ the sky is green", "expected: green", "found: blue", "the last words"):
        assert part in text
    assert "Third" not in text
    assert "held" not in text


def test_an_operator_that_ends_by_itself_ends_the_story(stage: Stage, printed: io.StringIO) -> None:
    def fails(_: Stage) -> None:
        raise OperatorError("the operator ended by itself with exit code 1")

    assert not tell(stage, [Step("First", fails)])
    assert "the operator ended by itself with exit code 1" in printed.getvalue()
    assert "the last words" in printed.getvalue()


def test_every_step_has_a_title_and_a_summary() -> None:
    assert len(STEPS) == 10
    assert all(step.title and step.act.__doc__ for step in STEPS)
