"""Sharing of a gallery: each way from one kind of sharing to another, step by step."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gallery_operator.api import names
from gallery_operator.api.conditions import Reason
from gallery_operator.domain import galleries, sharing
from gallery_operator.domain.plan import Blocked, Change, Create, Plan, Share, Update, UpToDate, Wait
from gallery_operator.domain.resources import ATTEMPTS, Attempts
from tests.unit.domain.build import NOW, OWNER, arm_gallery, gallery
from tests.unit.domain.strategies import JUNK

JSON = dict[str, Any]

A, B, C = (f"{letter * 8}-0000-0000-0000-000000000000" for letter in "abc")
INFO = {
    "publisherUri": "https://example.com",
    "publisherContact": "images@example.com",
    "eula": "MIT",
    "publicNamePrefix": "contoso",
}
PRIVATE: JSON = {"permissions": "Private"}
COMMUNITY: JSON = {"permissions": "Community", "community": INFO}


def groups(subscriptions: list[str] | None = None, tenants: list[str] | None = None) -> JSON:
    """Return the sharing of a spec with subscriptions and tenants."""
    lists = {"subscriptions": subscriptions, "tenants": tenants}
    return {"permissions": "Groups", **{name: ids for name, ids in lists.items() if ids is not None}}


def found(permissions: str | None = None, *subscriptions: str, enabled: bool | None = None, **status: Any) -> JSON:
    """Return a gallery as Azure answers."""
    if permissions is None:
        return arm_gallery(**status)
    profile: JSON = {"permissions": permissions}
    if subscriptions:
        profile["groups"] = [{"type": "Subscriptions", "ids": list(subscriptions)}]
    if permissions == "Community":
        names = {"communityGalleryEnabled": enabled, "publicNames": ["contoso-1"]}
        profile["communityGalleryInfo"] = {**INFO, **names}
    return arm_gallery(sharingProfile=profile, **status)


def plan(observed: JSON | None, wanted: JSON | None, attempts: Attempts | None = None, **spec: Any) -> Plan:
    return galleries.plan(gallery(sharing=wanted, **spec), observed, OWNER, attempts or Attempts(), NOW)


def failed(permissions: str, *subscriptions: str, enabled: bool | None = None) -> JSON:
    rows = [
        {"region": "East US 2", "state": "Failed", "details": "no luck"},
        {"region": "West Europe", "state": "Succeeded", "details": ""},
    ]
    return found(permissions, *subscriptions, enabled=enabled, sharingStatus=_status("Failed", rows))


def _status(state: str, rows: list[JSON]) -> JSON:
    return {"aggregatedState": state, "summary": rows}


# --- creating and leaving alone ---


@pytest.mark.parametrize(
    ("wanted", "profile"),
    [
        (None, None),
        (PRIVATE, {"permissions": "Private"}),
        (groups([A]), {"permissions": "Groups"}),
        (COMMUNITY, {"permissions": "Community", "communityGalleryInfo": INFO}),
    ],
)
def test_a_new_gallery_is_created_with_its_permissions(wanted: JSON | None, profile: JSON | None) -> None:
    step = plan(None, wanted)
    assert isinstance(step, Create)
    assert step.body["properties"].get("sharingProfile") == profile


@pytest.mark.parametrize("observed", [found("Groups", A), found("Community", enabled=True), failed("Groups", A)])
def test_sharing_that_the_spec_does_not_speak_of_is_left_alone(observed: JSON) -> None:
    assert plan(observed, None) == UpToDate()


@pytest.mark.parametrize("profile", [None, {}, {"permissions": "Private"}, {"permissions": None}, "odd", [1]])
def test_a_gallery_without_a_sharing_profile_is_private(profile: Any) -> None:
    assert plan(arm_gallery(sharingProfile=profile), PRIVATE) == UpToDate()


@pytest.mark.parametrize(
    ("observed", "wanted"),
    [
        (found("groups", A.upper(), B), groups([B, A.upper()])),
        (found("Groups", A), groups()),
        (found("Groups"), groups([], [])),
        (found("Community", enabled=True), COMMUNITY),
        # A community gallery that was reset, or never enabled, is seen by nobody else.
        (found("Community", enabled=False), PRIVATE),
    ],
)
def test_a_gallery_that_is_shared_as_wanted_is_up_to_date(observed: JSON, wanted: JSON) -> None:
    assert plan(observed, wanted) == UpToDate()
    assert sharing.changes(gallery(sharing=wanted).spec.sharing, observed) == ()


# --- the ways from one kind of sharing to another ---


@pytest.mark.parametrize(("observed", "wanted"), [(found(), groups([A])), (found("Private"), groups())])
def test_a_private_gallery_is_opened_to_groups_by_a_put(observed: JSON, wanted: JSON) -> None:
    step = plan(observed, wanted)
    assert isinstance(step, Update)
    assert step.body["properties"]["sharingProfile"] == {"permissions": "Groups"}


def test_groups_are_reset_before_the_gallery_becomes_private_by_a_put() -> None:
    assert plan(found("Groups", A), PRIVATE) == sharing.RESET
    step = plan(found("Groups"), PRIVATE)
    assert isinstance(step, Update)
    assert step.body["properties"]["sharingProfile"] == {"permissions": "Private"}


@pytest.mark.parametrize("wanted", [PRIVATE, groups([A])])
def test_a_community_gallery_is_hidden_by_a_reset(wanted: JSON) -> None:
    assert plan(found("Community", enabled=True), wanted) == sharing.RESET


@pytest.mark.parametrize(
    "observed", [found("Groups", A), found("Community", enabled=True)], ids=["groups", "community"]
)
def test_a_gallery_without_an_owner_is_taken_over_before_its_sharing_ends(observed: JSON) -> None:
    del observed["tags"]
    step = plan(observed, PRIVATE, tags={"team": "red"})
    assert isinstance(step, Update)
    assert step.body["tags"] == {"team": "red", names.OWNER_TAG: OWNER, names.ADOPTED_TAG: "true"}
    assert step.body["properties"]["sharingProfile"]["permissions"] != "Private", "sharing stays until then"
    assert plan({**observed, "tags": step.body["tags"]}, PRIVATE, tags={"team": "red"}) == sharing.RESET


def test_a_community_gallery_is_enabled() -> None:
    step = plan(found("Community", enabled=False), COMMUNITY)
    assert isinstance(step, Share)
    assert (step.operation, step.subscriptions, step.tenants) == ("EnableCommunity", (), ())


@pytest.mark.parametrize(
    ("observed", "wanted"),
    [
        (found(), COMMUNITY),
        (found("Groups", A), COMMUNITY),
        (found("Community", enabled=False), groups([A])),
    ],
)
def test_what_azure_cannot_change_says_what_to_do(observed: JSON, wanted: JSON) -> None:
    step = plan(observed, wanted)
    assert isinstance(step, Blocked)
    assert step.reason == Reason.SHARING_DIFFERS
    assert "Create another Gallery" in step.message


@pytest.mark.parametrize("field", sorted(INFO))
def test_the_publishers_data_never_changes(field: str) -> None:
    other = {**COMMUNITY, "community": {**INFO, field: "https://other.example/" if "Uri" in field else "other1"}}
    step = plan(found("Community", enabled=True), other)
    assert isinstance(step, Blocked)
    assert step.reason == Reason.IMMUTABLE_FIELD_DIFFERS
    assert field in step.message


def test_removing_comes_before_adding_and_each_is_one_request() -> None:
    observed = found("Groups", A, B.upper())
    observed["properties"]["sharingProfile"]["groups"].append({"type": "AADTenants", "ids": [C]})
    wanted = groups([C, "d" + A[1:]], [A])
    step = plan(observed, wanted)
    assert isinstance(step, Share)
    assert (step.operation, step.subscriptions, step.tenants) == ("Remove", (A, B), (C,))
    assert step.why == f"no longer sharing the gallery with subscription {A}, subscription {B}, tenant {C}"
    step = plan(found("Groups"), wanted)
    assert isinstance(step, Share)
    assert (step.operation, step.subscriptions, step.tenants) == ("Add", (C, "d" + A[1:]), (A,))


def test_a_list_that_the_spec_does_not_set_stays() -> None:
    observed = found("Groups", A)
    assert plan(observed, groups(None, [])) == UpToDate()
    step = plan(observed, groups(None, [C]))
    assert isinstance(step, Share)
    assert (step.subscriptions, step.tenants) == ((), (C,))


def test_long_lists_are_named_in_part() -> None:
    step = plan(found("Groups"), groups([f"{n:08}-0000-0000-0000-000000000000" for n in range(30)]))
    assert isinstance(step, Share)
    assert len(step.subscriptions) == 30
    assert step.why.endswith("and 25 more")


def test_other_fields_are_put_right_before_groups_but_after_a_reset() -> None:
    assert plan(found("Groups", A), PRIVATE, description="new") == sharing.RESET
    assert isinstance(plan(found("Groups", A), groups([B]), description="new"), Update)


def test_an_update_says_of_sharing_what_azure_has_and_nothing_that_is_read_only() -> None:
    step = plan(found("Community", enabled=True, sharingStatus=_status("Succeeded", [])), COMMUNITY, description="new")
    assert isinstance(step, Update)
    assert step.body["properties"]["sharingProfile"] == {"permissions": "Community", "communityGalleryInfo": INFO}
    assert "sharingStatus" not in step.body["properties"]


# --- how it goes in the regions ---


def test_a_change_under_way_is_waited_for() -> None:
    rows = [{"region": "East US", "state": "Succeeded"}, {"region": "West Europe", "state": "InProgress"}]
    step = plan(found("Groups", A, sharingStatus=_status("InProgress", rows)), groups([A]))
    assert step == Wait(Reason.SHARING, "Azure is changing the sharing: 1/2 regions")


@pytest.mark.parametrize(
    ("observed", "wanted", "operation", "subscriptions"),
    [
        (failed("Groups", A), groups([A]), "Add", (A,)),
        (failed("Groups", A), groups(), "Add", (A,)),
        (failed("Groups"), groups([]), "Reset", ()),
        (failed("Community", enabled=True), COMMUNITY, "EnableCommunity", ()),
        (failed("Private"), PRIVATE, "Reset", ()),
        (failed("Community", enabled=False), PRIVATE, "Reset", ()),
    ],
)
def test_what_failed_in_a_region_is_sent_again(
    observed: JSON, wanted: JSON, operation: str, subscriptions: tuple[str, ...]
) -> None:
    step = plan(observed, wanted)
    assert isinstance(step, Share)
    assert (step.operation, step.subscriptions, step.repair) == (operation, subscriptions, True)
    assert step.why == "attempt 1: Azure could not change the sharing in eastus2 (no luck)"


def test_repetitions_wait_and_end() -> None:
    waiting = plan(failed("Groups", A), groups([A]), Attempts(1, 77.0))
    assert isinstance(waiting, Wait)
    assert (waiting.reason, waiting.after) == (Reason.SHARING_FAILED, 77.0)
    given_up = plan(failed("Groups", A), groups([A]), Attempts(ATTEMPTS))
    assert isinstance(given_up, Blocked)
    assert given_up.reason == Reason.SHARING_FAILED
    assert "eastus2 (no luck)" in given_up.message


# --- the end, the report ---


@pytest.mark.parametrize(
    ("observed", "shared"),
    [
        (found(), False),
        (found("Groups"), False),
        (found("Groups", A), True),
        (found("Community", enabled=False), False),
        (found("Community", enabled=True), True),
    ],
)
def test_only_a_shared_gallery_is_reset_before_its_deletion(observed: JSON, shared: bool) -> None:
    assert galleries.unsharing(observed) == (sharing.RESET if shared else None)


def test_the_status_says_how_the_gallery_is_shared() -> None:
    status = sharing.status(failed("Community", enabled=True))
    assert status is not None
    assert status.model_dump(exclude_none=True) == {
        "permissions": "Community",
        "state": "Failed",
        "community_enabled": True,
        "public_names": ["contoso-1"],
        "regions": [
            {"name": "eastus2", "state": "Failed", "details": "no luck"},
            {"name": "westeurope", "state": "Succeeded"},
        ],
    }
    assert sharing.status(found()) is None


def test_differences_are_named_one_by_one() -> None:
    path = "properties.sharingProfile"
    wanted = gallery(sharing=groups([A])).spec.sharing
    assert sharing.changes(wanted, found("Groups", B)) == (
        Change(f"{path}.groups[{A}]", None, "added", f"{path}.groups"),
        Change(f"{path}.groups[{B}]", "present", None, f"{path}.groups"),
    )
    assert next(str(each) for each in sharing.changes(wanted, found())) == f"{path}.permissions: Private -> Groups"
    enabled = sharing.changes(gallery(sharing=COMMUNITY).spec.sharing, found("Community", enabled=False))
    assert [each.path for each in enabled] == [f"{path}.communityGalleryInfo.communityGalleryEnabled"]
    assert sharing.changes(None, found("Groups", B)) == ()


# --- laws ---

IDS = st.lists(st.sampled_from([A, B, C]), unique=True)
WISHES = st.none() | st.just(PRIVATE) | st.builds(groups, st.none() | IDS, st.none() | IDS) | st.just(COMMUNITY)


def apply(step: Plan, before: JSON | None) -> JSON:
    """Return what Azure has after a step; it can do only what it can do."""
    after = copy.deepcopy(before or arm_gallery())
    properties = after["properties"]
    if isinstance(step, Create | Update):
        sent: JSON = step.body["properties"].get("sharingProfile", {})
        assert "groups" not in sent
        old = properties.get("sharingProfile", {})
        assert before is None or (sent.get("permissions") == "Community") == (old.get("permissions") == "Community")
        profile = {**copy.deepcopy(sent), "groups": old.get("groups", []) if sent == {"permissions": "Groups"} else []}
        return {**after, "tags": step.body["tags"], "properties": {**properties, "sharingProfile": profile}}
    assert isinstance(step, Share)
    profile = properties["sharingProfile"]
    if step.operation == "Reset":
        properties["sharingProfile"] = {"permissions": "Private"}
    elif step.operation == "EnableCommunity":
        profile["communityGalleryInfo"]["communityGalleryEnabled"] = True
    else:
        assert profile["permissions"] == "Groups"
        have = {each["type"]: set(each["ids"]) for each in profile["groups"]}
        for type_, ids in (("Subscriptions", step.subscriptions), ("AADTenants", step.tenants)):
            old_ids = have.get(type_, set())
            have[type_] = old_ids | set(ids) if step.operation == "Add" else old_ids - set(ids)
        profile["groups"] = [{"type": type_, "ids": sorted(ids)} for type_, ids in have.items() if ids]
    return after


def settle(wanted: JSON | None, observed: JSON | None) -> tuple[Plan, JSON]:
    """Carry out step after step, as often as a way from one sharing to another may take."""
    for _ in range(6):
        step = plan(observed, wanted)
        if isinstance(step, UpToDate | Blocked):
            assert observed is not None
            return step, observed
        observed = apply(step, observed)
    pytest.fail(f"no end of {step}")


@settings(max_examples=150, deadline=None)
@given(WISHES, WISHES)
def test_every_wish_is_reached_from_every_other_one_or_refused(one: JSON | None, other: JSON | None) -> None:
    first, observed = settle(one, None)
    assert first == UpToDate()
    last, after = settle(other, observed)
    became_community = other == COMMUNITY and one != COMMUNITY
    assert isinstance(last, Blocked) == became_community
    differences = sharing.changes(gallery(sharing=other).spec.sharing, after)
    assert bool(differences) == became_community
    if one is not None and other is None:
        assert after == observed


@settings(max_examples=150, deadline=None)
@given(WISHES, st.dictionaries(st.sampled_from(["sharingProfile", "sharingStatus"]), JUNK), st.data())
def test_whatever_azure_says_sharing_is_planned_and_reported(
    wanted: JSON | None, odd: JSON, data: st.DataObject
) -> None:
    names = ["permissions", "groups", "communityGalleryInfo", "type", "ids"]
    inside = st.dictionaries(st.sampled_from(names), JUNK | st.lists(st.dictionaries(st.sampled_from(names), JUNK)))
    status = st.dictionaries(st.sampled_from(["aggregatedState", "summary"]), JUNK)
    observed = arm_gallery(**{"sharingProfile": data.draw(inside), "sharingStatus": data.draw(status), **odd})
    assert not isinstance(plan(observed, wanted), Create)
    galleries.unsharing(observed)
    sharing.status(observed)
    sharing.changes(gallery(sharing=wanted).spec.sharing, observed)
