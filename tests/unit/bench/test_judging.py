"""The benchmarks' own arithmetic: what the limits allow, and what counts as met."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.burst import least_seconds
from bench.figures import Figure, write_json
from bench.landscape import Landscape
from bench.process import Scrape


@pytest.mark.parametrize(
    ("puts", "seconds"),
    [
        (1, 0.0),  # the bucket begins full
        (200, 0.0),
        (210, 1.0),  # then ten tokens a second
        (375, 17.5),
        (376, 180.0),  # the window of 3 minutes is used up; the next one begins with a full bucket
        (1000, 365.0),  # 250 in the third window, 50 of them beyond the bucket
        (1201, 1800.0),  # the window of 30 minutes is used up
    ],
)
def test_the_limits_allow_so_many_puts_in_so_many_seconds(puts: int, seconds: float) -> None:
    assert least_seconds(puts) == pytest.approx(seconds)


@pytest.mark.parametrize(("value", "budget", "met"), [(1, 2, True), (2, 2, True), (3, 2, False), (3, None, None)])
def test_a_budget_is_met_up_to_its_value(value: float, budget: float | None, met: bool | None) -> None:
    assert Figure("s", "f", value, "s", budget).met is met


def test_the_figures_are_written_for_machines(tmp_path: Path) -> None:
    path = tmp_path / "new" / "figures.json"
    write_json([Figure("restart", "time", 1.23456, "s", 60)], path)
    assert json.loads(path.read_text()) == [
        {"scenario": "restart", "figure": "time", "value": 1.235, "unit": "s", "budget": 60, "met": True}
    ]


def test_every_object_has_its_resource_with_the_owner_tag_that_names_it() -> None:
    landscape = Landscape(25, 10, "sub", "cluster")
    objects = [each["metadata"]["name"] for each in (*landscape.parent_objects(), *landscape.version_objects())]
    resources = [*landscape.parent_resources(), *landscape.version_resources()]
    owners = [body["tags"]["gallery-operator.owner"] for _, body in resources]
    assert landscape.definitions == 3
    assert len(set(objects)) == 1 + 3 + 25
    assert owners == [f"cluster/default/{name}" for name in objects]


def test_an_operator_is_idle_when_nothing_waits_and_nothing_runs() -> None:
    def scrape(depth: int, running: float) -> Scrape:
        return Scrape(
            "# TYPE workqueue_depth gauge\n"
            f'workqueue_depth{{name="gallery"}} 0\nworkqueue_depth{{name="imageversion"}} {depth}\n'
            "# TYPE workqueue_unfinished_work_seconds gauge\n"
            f'workqueue_unfinished_work_seconds{{name="imageversion"}} {running}\n'
        )

    assert scrape(0, 0.0).idle
    assert not scrape(1, 0.0).idle
    assert not scrape(0, 0.1).idle
