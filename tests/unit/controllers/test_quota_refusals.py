"""After Azure refused a create for a quota, one at a time tries until there is room again."""

from __future__ import annotations

from datetime import timedelta

from gallery_operator.api.conditions import Reason
from gallery_operator.controllers.quota_refusals import QuotaRefusals
from gallery_operator.domain import quota
from gallery_operator.domain.plan import Wait
from gallery_operator.engine.keys import Key
from tests.unit.azure.conftest import ManualClock

PLACE = "subscription/westeurope"
ONE, OTHER = (Key("ImageVersion", "team", name) for name in ("one", "other"))
WHOLE = Wait(Reason.QUOTA_EXCEEDED, "full", quota.PAUSE)


def test_all_wait_for_the_next_try_and_then_for_the_one_that_tries() -> None:
    clock = ManualClock()
    refusals = QuotaRefusals(clock)
    refusals.trying(PLACE, ONE)
    assert refusals.wait(PLACE, OTHER) is None, "nothing was refused yet"
    refusals.note(PLACE, ONE, "full")
    assert refusals.wait(PLACE, ONE) == refusals.wait(PLACE, OTHER) == WHOLE
    clock.shown += timedelta(seconds=quota.PAUSE)
    assert refusals.wait(PLACE, OTHER) is None
    refusals.trying(PLACE, OTHER)
    assert refusals.wait(PLACE, OTHER) is None, "it looks twice before it creates"
    assert refusals.wait(PLACE, ONE) == WHOLE


def test_a_create_that_succeeds_ends_the_waiting_of_its_kind_in_its_place() -> None:
    refusals = QuotaRefusals(ManualClock())
    gallery = Key("Gallery", "team", "one")
    for key in (ONE, gallery):
        refusals.note(PLACE, key, "full")
    refusals.over(PLACE, OTHER)
    assert refusals.wait(PLACE, ONE) is None
    assert refusals.wait(PLACE, gallery) == WHOLE
    assert refusals.wait("subscription/eastus2", gallery) is None


def test_one_that_tries_and_is_never_heard_of_again_is_followed_by_another() -> None:
    clock = ManualClock()
    refusals = QuotaRefusals(clock)
    refusals.note(PLACE, ONE, "full")
    refusals.trying(PLACE, ONE)
    clock.shown += timedelta(seconds=quota.PAUSE)
    assert refusals.wait(PLACE, OTHER) is None
