"""A version whose creation failed outright is created once more; a soft-deleted one is brought back."""

from __future__ import annotations

from typing import Any

import pytest

from gallery_operator.api import names
from gallery_operator.domain import versions
from gallery_operator.domain.observed import SoftDeleted
from gallery_operator.domain.plan import Create, Delete, Recreate, Restore, Update, Wait
from gallery_operator.domain.resources import ATTEMPTS, Attempts
from tests.unit.domain.build import IMAGE_ID, NOW, OWNED, arm_version, region, situation, version

JSON = dict[str, Any]
NOWHERE = {"West Europe": ("Failed", 3)}
NEVER_BUILT = {"source": {"id": IMAGE_ID}}


def failed(**more: Any) -> JSON:
    return arm_version(**{"state": "Failed", "replication": NOWHERE, "storage_profile": NEVER_BUILT, **more})


def _without_storage(observed: JSON) -> JSON:
    del observed["properties"]["storageProfile"]
    return observed


def published(observed: JSON) -> str:
    found: str = observed["properties"]["publishingProfile"]["publishedDate"]
    return found


def test_a_failed_creation_is_tried_again_first() -> None:
    assert isinstance(versions.plan(situation(version(), failed())), Update)


def test_then_the_decision_to_create_it_anew_is_written_down() -> None:
    observed = failed()
    step = versions.plan(situation(version(), observed, attempts=Attempts(1)))
    assert isinstance(step, Recreate)
    assert step.incarnation == published(observed)


def test_the_decision_waits_for_its_time() -> None:
    assert isinstance(versions.plan(situation(version(), failed(), attempts=Attempts(1, 60.0))), Wait)


@pytest.mark.parametrize("made", [0, 1, ATTEMPTS])
def test_the_decision_is_carried_out_whatever_a_restart_forgot(made: int) -> None:
    observed = failed()
    decided = version(annotations={names.RECREATED: published(observed)})
    step = versions.plan(situation(decided, observed, attempts=Attempts(made)))
    assert isinstance(step, Delete)
    assert step.bypass_soft_delete, "what never worked is not to be brought back"


def test_once_deleted_it_is_created() -> None:
    decided = version(annotations={names.RECREATED: published(failed())})
    assert isinstance(versions.plan(situation(decided, None)), Create)


def test_it_is_created_anew_only_once() -> None:
    decided = version(annotations={names.RECREATED: "2026-01-01T00:00:00+00:00"})
    for made in range(ATTEMPTS + 1):
        step = versions.plan(situation(decided, failed(), attempts=Attempts(made)))
        assert not isinstance(step, Delete | Recreate)


@pytest.mark.parametrize(
    "observed",
    [
        failed(replication={"West Europe": ("Completed", 100), "East US 2": ("Failed", 1)}),
        failed(replication=None),
        failed(tags=None),
        failed(tags={**OWNED, names.ADOPTED_TAG: "true"}),
        failed(published=None),
        failed(storage_profile={**NEVER_BUILT, "osDiskImage": {"sizeInGB": 30}}),
        failed(replication={}),
        failed(replication={"West Europe": ("Unknown", 0)}),
        failed(replication={"West Europe": ("Failed", 3), "East US 2": ("Replicating", 50)}),
        failed(safety={"blockDeletionBeforeEndOfLife": True}),
        _without_storage(failed()),
    ],
    ids=[
        "served somewhere",
        "replication unknown",
        "not ours",
        "adopted",
        "without a date",
        "built once, an update failed",
        "no region is told",
        "region unknown",
        "still replicating",
        "deletion blocked",
        "nothing is told of its disks",
    ],
)
def test_what_may_have_served_or_is_not_ours_is_never_deleted_for_it(observed: JSON) -> None:
    step = versions.plan(situation(version(), observed, attempts=Attempts(1)))
    assert not isinstance(step, Delete | Recreate)


@pytest.mark.parametrize("annotations", [{}, {names.RECREATED: published(failed())}], ids=["undecided", "decided"])
def test_what_is_to_be_retained_is_not_deleted_to_be_created_once_more(annotations: dict[str, str]) -> None:
    retained = version(annotations=annotations, deletionPolicy="Retain")
    step = versions.plan(situation(retained, failed(), attempts=Attempts(1)))
    assert isinstance(step, Update)


def test_more_replicas_that_the_only_region_cannot_hold_do_not_cost_the_version() -> None:
    built = {**NEVER_BUILT, "osDiskImage": {"sizeInGB": 30, "hostCaching": "ReadWrite", "source": {}}}
    more = version(targetRegions=[{"name": "westeurope", "replicas": 50}])
    observed = failed(storage_profile=built, regions=[region(replicas=50)])
    for made in range(ATTEMPTS + 1):
        step = versions.plan(situation(more, observed, attempts=Attempts(made)))
        assert not isinstance(step, Delete | Recreate)


def test_a_soft_deleted_version_is_brought_back_instead_of_created() -> None:
    of = situation(version(), None)
    deleted = SoftDeleted("1.0.0", NOW, None, None)
    step = versions.plan(versions.Situation(**{**of.__dict__, "soft_deleted": deleted}))
    assert isinstance(step, Restore)


def test_a_retired_version_is_not_brought_back() -> None:
    of = situation(version(annotations={names.RETIRED: "2026-11-01T00:00:00Z why"}), None)
    step = versions.plan(versions.Situation(**{**of.__dict__, "soft_deleted": SoftDeleted("1.0.0", NOW, None, None)}))
    assert not isinstance(step, Restore)
