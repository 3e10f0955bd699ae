"""Sharing of galleries, on a real API server and the simulated Azure: each way, its requests, and its end."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from dev.azure_simulator import AzureSimulator, FailSharing, Refuse
from tests.integration import scenes
from tests.integration.driving import JSON, RESYNC, Counter, Driver, Killed, condition
from tests.integration.scenes import Scene

A, B, C = (f"{letter * 8}-0000-0000-0000-000000000000" for letter in "abc")
A_RESYNC = timedelta(seconds=RESYNC * 1.3)
SHARE = r"POST .*/galleries/platform/share$"
INFO = {
    "publisherUri": "https://example.com",
    "publisherContact": "images@example.com",
    "eula": "MIT",
    "publicNamePrefix": "contoso",
}
PRIVATE: JSON = {"permissions": "Private"}
COMMUNITY: JSON = {"permissions": "Community", "community": INFO}


def groups(*subscriptions: str, tenants: tuple[str, ...] = ()) -> JSON:
    return {"permissions": "Groups", "subscriptions": list(subscriptions), "tenants": list(tenants)}


def shared(scene: Scene) -> tuple[str, set[str], bool]:
    """Return how Azure shares the gallery: permissions, with whom, and whether the community sees it."""
    found = scene.azure.resource(str(scenes.GALLERY))
    assert found is not None
    profile: JSON = found["properties"].get("sharingProfile") or {"permissions": "Private"}
    ids = {id_ for group in profile.get("groups", ()) for id_ in group["ids"]}
    return profile["permissions"], ids, profile.get("communityGalleryInfo", {}).get("communityGalleryEnabled", False)


def posts(scene: Scene) -> list[str]:
    """Return what was asked of sharing so far, one word per request."""
    return [each.body["operationType"] for each in scene.azure.journal(SHARE) if each.status == 202]


async def status(scene: Scene, driver: Driver) -> JSON:
    found: JSON = (await driver.services.kube.get("Gallery", scene.namespace, "platform"))["status"]
    return found


async def apply(scene: Scene, driver: Driver, sharing: JSON | None, **spec: Any) -> None:
    """Apply the gallery with this sharing, and let the operator come to rest."""
    scene.apply(scenes.gallery(**({"sharing": sharing} if sharing else {}), **spec))
    await driver.settle()


@pytest.mark.parametrize(
    ("one", "other", "asked", "end"),
    [
        (None, groups(A), ["Add"], ("Groups", {A}, False)),
        (PRIVATE, groups(A, tenants=(B,)), ["Add"], ("Groups", {A, B}, False)),
        (groups(A, B), groups(B, C), ["Remove", "Add"], ("Groups", {B, C}, False)),
        (groups(A), groups(), ["Remove"], ("Groups", set(), False)),
        (groups(A), PRIVATE, ["Reset"], ("Private", set(), False)),
        (groups(), PRIVATE, [], ("Private", set(), False)),
        (groups(A), None, [], ("Groups", {A}, False)),
        (COMMUNITY, COMMUNITY, [], ("Community", set(), True)),
        (COMMUNITY, PRIVATE, ["Reset"], ("Private", set(), False)),
        (COMMUNITY, groups(A), ["Reset", "Add"], ("Groups", {A}, False)),
        (COMMUNITY, None, [], ("Community", set(), True)),
    ],
)
async def test_sharing_follows_the_spec_from_one_kind_to_another(
    one: JSON | None,
    other: JSON | None,
    asked: list[str],
    end: tuple[str, set[str], bool],
    scene: Scene,
    driver: Driver,
) -> None:
    await apply(scene, driver, one)
    scene.azure.clear_journal()
    await apply(scene, driver, other)
    assert await scene.ready(driver, "Gallery", "platform") == ("True", "Succeeded")
    assert (posts(scene), shared(scene)) == (asked, end)


@pytest.mark.parametrize("one", [None, PRIVATE, groups(A)])
async def test_a_gallery_that_exists_cannot_become_a_community_gallery(
    one: JSON | None, scene: Scene, driver: Driver
) -> None:
    await apply(scene, driver, one)
    scene.azure.clear_journal()
    await apply(scene, driver, COMMUNITY)
    assert await scene.ready(driver, "Gallery", "platform") == ("False", "SharingDiffers")
    assert "Create another Gallery" in condition({"status": await status(scene, driver)}, "Stalled")["message"]
    assert (scene.writes(), posts(scene)) == ([], [])


async def test_a_community_gallery_shows_its_public_names(scene: Scene, driver: Driver) -> None:
    await apply(scene, driver, COMMUNITY)
    sharing = (await status(scene, driver))["sharing"]
    assert sharing["publicNames"][0].startswith("contoso-")
    assert sharing == {
        "permissions": "Community",
        "state": "Succeeded",
        "communityEnabled": True,
        "publicNames": sharing["publicNames"],
        "regions": [{"name": "westeurope", "state": "Succeeded"}],
    }


async def test_a_change_of_sharing_costs_one_request_and_a_look_per_poll_and_then_nothing(
    scene: Scene, driver: Driver
) -> None:
    await apply(scene, driver, groups(A))
    scene.azure.clear_journal()
    await apply(scene, driver, groups(A, B))
    asked = [(each.method, each.query.get("$expand")) for each in scene.azure.journal("/galleries/")]
    look = ("GET", "SharingProfile/Groups")
    # A fresh look before the change; then one per poll until the region, after 30 s, has it.
    assert asked == [look, ("POST", None), look]
    generation = (await driver.services.kube.get("Gallery", scene.namespace, "platform"))["metadata"]["resourceVersion"]
    scene.azure.clear_journal()
    await driver.pass_time(3 * A_RESYNC)
    looks = [(each.method, each.query.get("$expand")) for each in scene.azure.journal("/galleries/")]
    assert set(looks) == {look}
    assert len(looks) <= 4
    after = await driver.services.kube.get("Gallery", scene.namespace, "platform")
    assert after["metadata"]["resourceVersion"] == generation


async def test_a_gallery_whose_spec_says_nothing_of_sharing_is_read_as_before(scene: Scene, driver: Driver) -> None:
    await apply(scene, driver, None)
    assert [each for each in scene.azure.journal("GET .*/galleries/platform$") if "$expand" in each.query] == []


async def test_changes_that_others_make_are_put_right(scene: Scene, driver: Driver) -> None:
    await apply(scene, driver, groups(A, B))
    theirs = {"permissions": "Groups", "groups": [{"type": "Subscriptions", "ids": [B, C]}]}
    scene.azure.tamper(str(scenes.GALLERY), {"properties": {"sharingProfile": theirs}})
    scene.azure.clear_journal()
    await driver.pass_time(A_RESYNC)
    assert (posts(scene), shared(scene)) == (["Remove", "Add"], ("Groups", {A, B}, False))


async def test_changes_that_others_make_are_only_shown_under_drift_policy_report(scene: Scene, driver: Driver) -> None:
    await apply(scene, driver, groups(A), driftPolicy="Report")
    theirs = {"permissions": "Groups", "groups": [{"type": "Subscriptions", "ids": [C]}]}
    scene.azure.tamper(str(scenes.GALLERY), {"properties": {"sharingProfile": theirs}})
    scene.azure.clear_journal()
    await driver.pass_time(A_RESYNC)
    assert (posts(scene), shared(scene)[1]) == ([], {C})
    drifted = condition({"status": await status(scene, driver)}, "Drifted")
    assert drifted["status"] == "True"
    assert A in drifted["message"]
    assert C in drifted["message"]
    await apply(scene, driver, groups(A, B), driftPolicy="Report")
    assert shared(scene)[1] == {A, B}


async def test_a_role_that_does_not_exist_holds_up_no_repair_of_sharing(scene: Scene, driver: Driver) -> None:
    scene.azure.fault(FailSharing(region="westeurope", details="no luck", times=2))
    scene.apply(scenes.gallery(sharing=groups(A), access=[{"principalId": A, "role": "Raeder"}]))
    await driver.live(timedelta(seconds=RESYNC / 2))
    assert posts(scene) == ["Add", "Add", "Add"], "the pauses are minutes, and not a resync"
    assert await scene.ready(driver, "Gallery", "platform") == ("False", "RoleNotFound")


async def test_a_region_that_fails_is_tried_again_and_then_named(scene: Scene, driver: Driver) -> None:
    scene.azure.fault(FailSharing(region="westeurope", details="no luck", times=1))
    await apply(scene, driver, groups(A))
    assert await scene.ready(driver, "Gallery", "platform") == ("True", "Succeeded")
    assert posts(scene) == ["Add", "Add"]
    scene.azure.fault(FailSharing(region="westeurope", details="no luck", times=None))
    await apply(scene, driver, groups(B))
    await driver.pass_time(4 * A_RESYNC)
    found = await status(scene, driver)
    assert condition({"status": found}, "Ready")["reason"] == "SharingFailed"
    assert "westeurope (no luck)" in condition({"status": found}, "Stalled")["message"]
    assert found["sharing"]["regions"] == [{"name": "westeurope", "state": "Failed", "details": "no luck"}]
    assert len(posts(scene)) < 12
    scene.azure.clear_faults()
    await apply(scene, driver, groups(C))
    assert await scene.ready(driver, "Gallery", "platform") == ("True", "Succeeded")


@pytest.mark.parametrize("deleted", [False, True])
async def test_as_long_as_azure_refuses_a_change_the_status_says_why(
    deleted: bool, scene: Scene, driver: Driver
) -> None:
    await apply(scene, driver, groups(A))
    text = "The client 'a' does not have authorization to perform action 'Microsoft.Compute/galleries/share/action'."
    scene.azure.fault(Refuse(match=SHARE, status=403, code="AuthorizationFailed", message=text, times=4))
    if deleted:
        scene.delete("Gallery", "platform")
    else:
        scene.apply(scenes.gallery(sharing=groups(A, B)))
    reasons: set[str] = set()
    while len(scene.azure.journal(SHARE)) < 5:
        await driver.round()
        reasons.add(condition({"status": await status(scene, driver)}, "Ready")["reason"])
        scene.azure.advance(timedelta(seconds=20))
    assert reasons - {"Succeeded"} == {"AuthorizationFailed"}
    await driver.settle()
    assert posts(scene) == ["Add", "Reset" if deleted else "Add"]


async def test_azures_limit_of_groups_is_not_crossed_on_the_way(scene: Scene, driver: Driver) -> None:
    ids = [f"{number:08}-0000-0000-0000-000000000000" for number in range(60)]
    await apply(scene, driver, groups(*ids[:30]))
    await apply(scene, driver, groups(*ids[30:]))
    assert await scene.ready(driver, "Gallery", "platform") == ("True", "Succeeded")
    assert shared(scene)[1] == set(ids[30:])
    assert posts(scene) == ["Add", "Remove", "Add"]


@pytest.mark.parametrize(("sharing", "kept"), [(groups(A), True), (COMMUNITY, True), (groups(A), False)])
async def test_a_shared_gallery_is_reset_before_it_is_deleted(
    sharing: JSON, kept: bool, scene: Scene, driver: Driver
) -> None:
    await apply(scene, driver, sharing)
    if not kept:
        await apply(scene, driver, None)  # the spec does not speak of sharing any more; Azure still has it
    scene.azure.clear_journal()
    scene.delete("Gallery", "platform")
    await driver.settle()
    assert posts(scene) == ["Reset"]
    assert scene.azure.resources() == []
    assert await scene.get(driver, "Gallery", "platform") is None


async def test_a_private_gallery_is_deleted_without_a_reset(scene: Scene, driver: Driver) -> None:
    await apply(scene, driver, PRIVATE)
    scene.delete("Gallery", "platform")
    await driver.settle()
    assert (posts(scene), scene.azure.resources()) == ([], [])


async def test_a_gallery_that_is_retained_stays_shared(scene: Scene, driver: Driver) -> None:
    await apply(scene, driver, groups(A), deletionPolicy="Retain")
    scene.azure.clear_journal()
    scene.delete("Gallery", "platform")
    await driver.settle()
    assert (posts(scene), shared(scene)) == ([], ("Groups", {A}, False))


async def test_observing_shows_how_a_gallery_is_shared_and_changes_nothing(scene: Scene, driver: Driver) -> None:
    profile = {"permissions": "Community", "communityGalleryInfo": INFO}
    scene.azure.create([(str(scenes.GALLERY), {"location": "westeurope", "properties": {"sharingProfile": profile}})])
    await apply(scene, driver, PRIVATE, managementPolicy="Observe")
    assert await scene.ready(driver, "Gallery", "platform") == ("True", "Observed")
    assert (await status(scene, driver))["sharing"]["permissions"] == "Community"
    assert (scene.writes(), posts(scene)) == ([], [])


async def test_identities_come_and_go_with_the_spec(scene: Scene, driver: Driver) -> None:
    prefix = f"/subscriptions/{scenes.GALLERY.subscription}/resourceGroups/images-rg/providers"
    one, other = (f"{prefix}/Microsoft.ManagedIdentity/userAssignedIdentities/{name}" for name in ("one", "other"))
    both = {"type": "SystemAssigned, UserAssigned", "userAssignedIdentities": [one]}
    await apply(scene, driver, None, identity=both)
    identity = (await status(scene, driver))["identity"]
    assert identity.keys() == {"principalId", "tenantId"}
    await apply(scene, driver, None, identity={**both, "userAssignedIdentities": [other]})
    found = scene.azure.resource(str(scenes.GALLERY))
    assert found is not None
    assert list(found["identity"]["userAssignedIdentities"]) == [other]
    assert (await status(scene, driver))["identity"] == identity
    await apply(scene, driver, None)
    assert scene.azure.resource(str(scenes.GALLERY)) == found, "unset: it stays"
    await apply(scene, driver, None, identity={"type": "None"})
    found = scene.azure.resource(str(scenes.GALLERY))
    assert found is not None
    assert "identity" not in found
    assert "identity" not in await status(scene, driver)


STORIES: dict[str, tuple[JSON | None, JSON | None, list[str]]] = {
    "opened": (None, groups(A), ["Add"]),
    "changed": (groups(A), groups(B), ["Remove", "Add"]),
    "enabled": (None, COMMUNITY, ["EnableCommunity"]),
    "deleted": (groups(A), None, ["Reset"]),
}


@pytest.mark.timeout(600)
@pytest.mark.parametrize("story", STORIES)
async def test_killed_at_any_write_sharing_is_changed_once(story: str, scene: Scene, simulator: AzureSimulator) -> None:
    kill_at, killed = 1, True
    while killed:
        scene.azure.reset()
        stage = scene.in_a_new_namespace()
        killed = await _tell(story, stage, simulator, kill_at)
        kill_at += 1
    assert kill_at > len(STORIES[story][2]) + 2


async def _tell(story: str, scene: Scene, simulator: AzureSimulator, kill_at: int) -> bool:
    one, other, asked = STORIES[story]
    start = (scene.cluster, simulator, scene.azure, scene.namespace)
    driver = await Driver.start(*start)
    if one is not None:
        await apply(scene, driver, one)
    await driver.close()
    scene.azure.clear_journal()
    if other is None:
        scene.delete("Gallery", "platform")
    else:
        scene.apply(scenes.gallery(sharing=other))
    doomed = await Driver.start(*start, counter=Counter(), kill_at=kill_at)
    killed = False
    try:
        await doomed.settle()
    except Killed:
        killed = True
    await doomed.close()
    heir = await Driver.start(*start)
    await heir.settle()
    assert posts(scene) == asked, f"killed before write {kill_at}"
    if other is None:
        assert scene.azure.resources() == []
    else:
        assert await scene.ready(heir, "Gallery", "platform") == ("True", "Succeeded")
    await heir.close()
    return killed
