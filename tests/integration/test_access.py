"""Role assignments, on a real API server and the simulated Azure: who gets and keeps them, and what they reach."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from azure.identity import ClientSecretCredential
from azure.mgmt.authorization import AuthorizationManagementClient

from dev.azure_simulator import AzureSimulator, FailSharing, Refuse
from gallery_operator.api import names
from tests.integration import scenes
from tests.integration.driving import JSON, RESYNC, Counter, Driver, Killed, condition
from tests.integration.scenes import Scene
from tests.simulator.support import credential_options, options

A_RESYNC = timedelta(seconds=RESYNC * 1.3)
ASSIGNMENTS = "/roleAssignments"
READER, CONTRIBUTOR = "acdd72a7-3385-48ef-bd42-f606fba81ae7", "b24988ac-6180-42a0-ab88-20f7382dd24c"
ANN, BOB, EVE = (f"{letter}0000000-0000-4000-8000-000000000001" for letter in "abe")
PLACES = {"gallery": str(scenes.GALLERY), "definition": str(scenes.DEFINITION), "version": scenes.arm_id()}
OTHER = str(scenes.GALLERY.definition("windows").version("1.0.0"))


def entry(principal: str = ANN, role: str = "Reader", kind: str = "ServicePrincipal") -> JSON:
    return {"principalId": principal, "principalType": kind, "role": role}


def assigned(scene: Scene, scope: str = PLACES["gallery"]) -> set[tuple[str, str]]:
    """Return who has which role (its UUID) at a scope itself."""
    found = [each["properties"] for each in scene.azure.role_assignments(scope)]
    return {
        (each["principalId"], each["roleDefinitionId"].rpartition("/")[2])
        for each in found
        if each["scope"].casefold() == scope.casefold()
    }


def requests(scene: Scene, match: str = "Microsoft.Authorization/") -> list[str]:
    """Return method and kind of the requests so far."""
    kinds = ("roleAssignments", "roleDefinitions")
    return [f"{each.method} {kind}" for each in scene.azure.journal(match) for kind in kinds if kind in each.path]


async def apply(scene: Scene, driver: Driver, access: list[JSON] | None, **spec: Any) -> None:
    """Apply the gallery with this access, and let the operator come to rest."""
    scene.apply(scenes.gallery(**({} if access is None else {"access": access}), **spec))
    await driver.settle()


async def message(scene: Scene, driver: Driver, kind: str = "Gallery", name: str = "platform") -> str:
    found: str = condition(await driver.services.kube.get(kind, scene.namespace, name), "Ready")["message"]
    return found


#: Gives a principal a role at a scope, as someone else would, and returns the assignment's name.
Assign = Callable[[str, str], str]


@pytest.fixture
def assign(simulator: AzureSimulator) -> Iterator[Assign]:
    with AuthorizationManagementClient(
        ClientSecretCredential(**credential_options(simulator)), **options(simulator)
    ) as client:

        def give(scope: str, principal: str) -> str:
            name = str(uuid.uuid4())
            role = f"/providers/Microsoft.Authorization/roleDefinitions/{READER}"
            properties = {"roleDefinitionId": role, "principalId": principal, "principalType": "ServicePrincipal"}
            client.role_assignments.create(scope, name, {"properties": properties})
            return name

        yield give


# --- what the spec says ---


async def test_access_follows_the_spec_and_no_more_than_that_is_asked(scene: Scene, driver: Driver) -> None:
    await apply(scene, driver, [entry(ANN), entry(BOB, CONTRIBUTOR)])
    assert await scene.ready(driver, "Gallery", "platform") == ("True", "Succeeded")
    assert assigned(scene) == {(ANN, READER), (BOB, CONTRIBUTOR)}
    # The role by its name once, what there is once, and one request for each.
    assert requests(scene) == ["GET roleDefinitions", "GET roleAssignments", *["PUT roleAssignments"] * 2]
    scene.azure.clear_journal()
    await apply(scene, driver, [entry(BOB, CONTRIBUTOR), entry(EVE)])
    assert assigned(scene) == {(BOB, CONTRIBUTOR), (EVE, READER)}
    assert requests(scene) in (
        ["DELETE roleAssignments", "PUT roleAssignments"],
        ["GET roleAssignments", "DELETE roleAssignments", "PUT roleAssignments"],
    )


async def test_idle_access_costs_a_list_per_resync_and_no_write(scene: Scene, driver: Driver) -> None:
    await apply(scene, driver, [entry(ANN)])
    before = (await driver.services.kube.get("Gallery", scene.namespace, "platform"))["metadata"]["resourceVersion"]
    scene.azure.clear_journal()
    await driver.pass_time(A_RESYNC)
    await driver.pass_time(A_RESYNC)
    assert requests(scene) == ["GET roleAssignments"] * 2
    after = (await driver.services.kube.get("Gallery", scene.namespace, "platform"))["metadata"]["resourceVersion"]
    assert before == after


async def test_access_that_the_spec_does_not_speak_of_is_not_even_looked_at(scene: Scene, driver: Driver) -> None:
    await apply(scene, driver, None)
    assert requests(scene) == []
    await apply(scene, driver, [entry(ANN)])
    scene.azure.clear_journal()
    await apply(scene, driver, None)
    await driver.pass_time(A_RESYNC)
    assert (requests(scene), assigned(scene)) == ([], {(ANN, READER)})


async def test_an_empty_list_takes_all_of_ours_away(scene: Scene, driver: Driver, assign: Assign) -> None:
    await apply(scene, driver, [entry(ANN), entry(BOB)])
    assign(PLACES["gallery"], EVE)
    await apply(scene, driver, [])
    assert assigned(scene) == {(EVE, READER)}


@pytest.mark.parametrize(
    "role", [READER, READER.upper(), f"/providers/Microsoft.Authorization/roleDefinitions/{READER}"]
)
async def test_a_role_is_named_by_its_id_as_well_which_saves_a_request(role: str, scene: Scene, driver: Driver) -> None:
    await apply(scene, driver, [entry(ANN, role)])
    assert assigned(scene) == {(ANN, READER)}
    assert "GET roleDefinitions" not in requests(scene)


async def test_a_role_that_does_not_exist_is_named_with_its_like(scene: Scene, driver: Driver) -> None:
    await apply(scene, driver, [entry(ANN, "Compute Galery Image Reader")])
    assert await scene.ready(driver, "Gallery", "platform") == ("False", "RoleNotFound")
    assert "did you mean 'Compute Gallery Image Reader'" in await message(scene, driver)
    assert assigned(scene) == set()
    await apply(scene, driver, [entry(ANN, "compute gallery image reader")])
    assert await scene.ready(driver, "Gallery", "platform") == ("True", "Succeeded")


async def test_a_role_of_an_unknown_id_is_refused_by_azure(scene: Scene, driver: Driver) -> None:
    await apply(scene, driver, [entry(ANN, EVE)])
    assert await scene.ready(driver, "Gallery", "platform") == ("False", "RoleNotFound")


# --- others ---


async def test_assignments_of_others_stay_and_serve_as_well(scene: Scene, driver: Driver, assign: Assign) -> None:
    await apply(scene, driver, None)
    name = assign(PLACES["gallery"], ANN)
    scene.azure.clear_journal()
    await apply(scene, driver, [entry(ANN)])
    assert await scene.ready(driver, "Gallery", "platform") == ("True", "Succeeded")
    await apply(scene, driver, [])
    assert [each["name"] for each in scene.azure.role_assignments(PLACES["gallery"])] == [name]
    assert [each for each in requests(scene) if not each.startswith("GET")] == []


async def test_what_is_inherited_does_not_count_as_given_here(scene: Scene, driver: Driver, assign: Assign) -> None:
    assign(f"/subscriptions/{scenes.GALLERY.subscription}/resourceGroups/images-rg", ANN)
    await apply(scene, driver, [entry(ANN)])
    assert assigned(scene) == {(ANN, READER)}


async def test_an_assignment_that_the_list_does_not_show_yet_is_no_failure(scene: Scene, driver: Driver) -> None:
    scene.azure.fault(Refuse(match=f"PUT .*{ASSIGNMENTS}/", status=409, code="RoleAssignmentExists"))
    await apply(scene, driver, [entry(ANN)])
    assert await scene.ready(driver, "Gallery", "platform") == ("True", "Succeeded")


def _revoke_all(scene: Scene, simulator: AzureSimulator) -> None:
    """Take away every role assignment at the gallery, as someone else would."""
    with AuthorizationManagementClient(
        ClientSecretCredential(**credential_options(simulator)), **options(simulator)
    ) as client:
        for each in scene.azure.role_assignments(PLACES["gallery"]):
            client.role_assignments.delete(PLACES["gallery"], each["name"])


async def test_what_others_take_away_is_given_again(scene: Scene, driver: Driver, simulator: AzureSimulator) -> None:
    await apply(scene, driver, [entry(ANN)])
    _revoke_all(scene, simulator)
    await driver.pass_time(A_RESYNC)
    assert assigned(scene) == {(ANN, READER)}


async def test_what_others_take_away_is_only_shown_under_drift_policy_report(
    scene: Scene, driver: Driver, simulator: AzureSimulator
) -> None:
    await apply(scene, driver, [entry(ANN)], driftPolicy="Report")
    _revoke_all(scene, simulator)
    await driver.pass_time(A_RESYNC)
    assert assigned(scene) == set()
    drifted = condition(await driver.services.kube.get("Gallery", scene.namespace, "platform"), "Drifted")
    assert ANN in drifted["message"]


# --- refusals ---


async def test_a_principal_that_azure_does_not_know_yet_is_waited_for_and_holds_up_no_other(
    scene: Scene, driver: Driver
) -> None:
    code, text = "PrincipalNotFound", f"Principal {ANN} does not exist in the directory."
    scene.azure.fault(Refuse(match=f"PUT .*{ASSIGNMENTS}/", status=400, code=code, message=text, times=1))
    scene.apply(scenes.gallery(access=[entry(ANN), entry(BOB)]))
    seen: set[tuple[str, str]] = set()
    while await driver.round() or ("True", "Succeeded") not in seen:
        seen.add(await scene.ready(driver, "Gallery", "platform"))
        scene.azure.advance(timedelta(seconds=5))
    assert ("False", "PrincipalNotFound") in seen
    assert assigned(scene) == {(ANN, READER), (BOB, READER)}


async def test_a_wrong_type_of_principal_is_named_and_holds_up_no_other(scene: Scene, driver: Driver) -> None:
    scene.azure.add_principal(ANN, "User")
    await apply(scene, driver, [entry(ANN), entry(BOB), entry(EVE)])
    assert assigned(scene) == {(BOB, READER), (EVE, READER)}
    assert await scene.ready(driver, "Gallery", "platform") == ("False", "UnmatchedPrincipalType")
    assert "Set principalType of that entry of spec.access" in await message(scene, driver)
    await apply(scene, driver, [entry(ANN, kind="User"), entry(BOB), entry(EVE)])
    assert await scene.ready(driver, "Gallery", "platform") == ("True", "Succeeded")


async def test_a_role_that_does_not_exist_holds_up_nobody_else(scene: Scene, driver: Driver) -> None:
    await apply(scene, driver, [entry(ANN), entry(BOB)])
    await apply(scene, driver, [entry(ANN, "Raeder"), entry(EVE)])
    assert await scene.ready(driver, "Gallery", "platform") == ("False", "RoleNotFound")
    assert assigned(scene) == {(ANN, READER), (EVE, READER)}, "Ann's role may be the same under another name"


async def test_access_changes_although_sharing_fails(scene: Scene, driver: Driver) -> None:
    sharing = {"permissions": "Groups", "subscriptions": [BOB]}
    await apply(scene, driver, [entry(ANN)], sharing=sharing)
    scene.azure.fault(FailSharing(region="westeurope", times=None))
    await apply(scene, driver, [entry(EVE)], sharing={**sharing, "subscriptions": [EVE]})
    assert await scene.ready(driver, "Gallery", "platform") == ("False", "SharingFailed")
    assert assigned(scene) == {(EVE, READER)}


async def test_nobody_is_given_access_to_a_gallery_before_it_is_taken_over(scene: Scene, driver: Driver) -> None:
    scene.azure.create([(PLACES["gallery"], {"location": "westeurope"})])
    publisher = {"publisherUri": "https://example.com", "publisherContact": "a@example.com", "eula": "MIT"}
    community = {"permissions": "Community", "community": {**publisher, "publicNamePrefix": "contoso"}}
    await apply(scene, driver, [entry(ANN)], sharing=community)
    assert await scene.ready(driver, "Gallery", "platform") == ("False", "SharingDiffers")
    assert (assigned(scene), scene.writes()) == (set(), [])


async def test_access_comes_back_with_a_gallery_that_others_deleted(scene: Scene, driver: Driver) -> None:
    await apply(scene, driver, [entry(ANN)])
    scene.azure.remove(PLACES["gallery"])
    scene.annotate("Gallery", "platform", names.RECONCILE_REQUESTED_AT, "now")
    await driver.settle()
    assert assigned(scene) == {(ANN, READER)}


@pytest.mark.parametrize(
    ("match", "action"),
    [("GET .*roleAssignments$", "read"), ("PUT .*roleAssignments/", "write")],
)
async def test_a_right_that_the_operator_lacks_is_named_with_the_role_that_has_it(
    match: str, action: str, scene: Scene, driver: Driver
) -> None:
    right = f"Microsoft.Authorization/roleAssignments/{action}"
    text = f"The client 'a' does not have authorization to perform action '{right}' over scope '/x'."
    scene.azure.fault(Refuse(match=match, status=403, code="AuthorizationFailed", message=text, times=None))
    scene.apply(scenes.gallery(access=[entry(ANN)]))
    for _ in range(12):
        await driver.round()
        scene.azure.advance(timedelta(seconds=15))
    assert await scene.ready(driver, "Gallery", "platform") == ("False", "AuthorizationFailed")
    said = await message(scene, driver)
    assert f"lacks the permission {right}" in said
    assert "deploy/azure/role-access.json" in said
    scene.azure.clear_faults()
    await driver.settle()
    assert await scene.ready(driver, "Gallery", "platform") == ("True", "Succeeded")


# --- the end ---


async def test_what_we_gave_is_taken_away_before_the_resource_is_deleted(
    scene: Scene, driver: Driver, assign: Assign
) -> None:
    scene.apply(scenes.definition(access=[entry(BOB)]))
    await apply(scene, driver, [entry(ANN)])
    assign(PLACES["gallery"], EVE)
    scene.azure.clear_journal()
    scene.delete("ImageDefinition", "ubuntu")
    scene.delete("Gallery", "platform")
    await driver.settle()
    deleted = [each.path.rsplit("/", 2)[1] for each in scene.azure.journal("DELETE ") if each.status == 200]
    assert deleted == ["roleAssignments", "roleAssignments"]
    assert [each.rsplit("/", 2)[1] for each in _accepted(scene)] == ["images", "galleries"]
    assert scene.azure.resources() == []


@pytest.mark.parametrize(("kind", "name"), [("Gallery", "platform"), ("ImageDefinition", "ubuntu")])
async def test_nobody_loses_access_to_what_azure_cannot_delete_because_of_what_is_in_it(
    kind: str, name: str, scene: Scene, driver: Driver
) -> None:
    sharing = {"permissions": "Groups", "subscriptions": [BOB]}
    scene.apply(scenes.gallery(access=[entry(ANN)], sharing=sharing), scenes.definition(access=[entry(ANN)]))
    scene.apply(scenes.version())
    await driver.settle()
    for below, label in (("ImageVersion", "ubuntu-1.0.0"), ("ImageDefinition", "ubuntu"), ("Gallery", "platform")):
        if below != kind:  # its object goes, and nothing else
            scene.strip_finalizers(below, label)
        scene.delete(below, label)
        if below == kind:
            break
    scene.azure.clear_journal()
    for _ in range(8):
        await driver.round()
        scene.azure.advance(timedelta(minutes=2))
    assert await scene.ready(driver, kind, name) == ("False", "ChildrenExist")
    assert ("ubuntu" if kind == "Gallery" else "1.0.0") in await message(scene, driver, kind, name)
    assert [each.method for each in scene.azure.journal() if each.method != "GET"] == []
    for child in (scenes.arm_id(), str(scenes.DEFINITION))[: 2 if kind == "Gallery" else 1]:
        scene.azure.remove(child)
    await driver.settle()
    assert await scene.get(driver, kind, name) is None


async def test_what_is_retained_keeps_its_access(scene: Scene, driver: Driver) -> None:
    await apply(scene, driver, [entry(ANN)], deletionPolicy="Retain")
    scene.azure.clear_journal()
    scene.delete("Gallery", "platform")
    await driver.settle()
    assert (requests(scene), assigned(scene)) == ([], {(ANN, READER)})


async def test_observing_neither_looks_at_access_nor_changes_it(scene: Scene, driver: Driver) -> None:
    scene.azure.create([(PLACES["gallery"], {"location": "westeurope"})])
    await apply(scene, driver, [entry(ANN)], managementPolicy="Observe")
    assert await scene.ready(driver, "Gallery", "platform") == ("True", "Observed")
    assert (requests(scene), assigned(scene)) == ([], set())


def _accepted(scene: Scene) -> list[str]:
    return [each.path for each in scene.azure.journal("DELETE ") if each.status == 202]


# --- what access reaches: the sharing matrix of docs/sharing.md ---

PAGE = Path(__file__).parents[2] / "docs" / "sharing.md"
_READS = r" (yes|no) \|"
_ROW = re.compile(rf"^\| (gallery|definition|version|nowhere) \|{_READS * 4}$", re.MULTILINE)
#: Where a role is given -> whether that reads gallery, definition, version, another definition's version.
MATRIX = {where: [each == "yes" for each in reads] for where, *reads in _ROW.findall(PAGE.read_text(encoding="utf-8"))}


def test_the_matrix_has_a_row_for_every_place() -> None:
    assert set(MATRIX) == {*PLACES, "nowhere"}


@pytest.mark.parametrize("given_at", MATRIX)
async def test_access_reaches_what_is_in_it_and_nothing_above(
    given_at: str, scene: Scene, driver: Driver, assign: Assign
) -> None:
    role = [entry(ANN)]
    scene.apply(
        scenes.gallery(access=role if given_at == "gallery" else []),
        scenes.definition(access=role if given_at == "definition" else []),
        scenes.definition("windows", identifier={"publisher": "contoso", "offer": "windows", "sku": "2025"}),
        scenes.version(),
    )
    other = scenes.version()
    other["metadata"]["name"] = "windows-1.0.0"
    other["spec"]["imageDefinitionRef"] = {"name": "windows"}
    scene.apply(other)
    await driver.settle()
    if given_at == "version":
        assign(PLACES["version"], ANN)  # not recommended, so ImageVersion has no access
    assert [scene.azure.access(ANN, place) for place in (*PLACES.values(), OTHER)] == MATRIX[given_at]
    assert not any(scene.azure.access(BOB, place) for place in PLACES.values())


# --- killed anywhere ---

STORIES: dict[str, tuple[list[JSON] | None, list[JSON] | None, list[str]]] = {
    "given": (None, [entry(ANN), entry(BOB)], ["PUT", "PUT"]),
    "changed": ([entry(ANN)], [entry(BOB)], ["DELETE", "PUT"]),
    "ended": ([entry(ANN)], None, ["DELETE"]),
}


@pytest.mark.timeout(600)
@pytest.mark.parametrize("story", STORIES)
async def test_killed_at_any_write_access_is_given_and_taken_once(
    story: str, scene: Scene, simulator: AzureSimulator
) -> None:
    kill_at, killed = 1, True
    while killed:
        scene.azure.reset()
        stage = scene.in_a_new_namespace()
        killed = await _tell(story, stage, simulator, kill_at)
        kill_at += 1
    assert kill_at > len(STORIES[story][2]) + 2


async def _tell(story: str, scene: Scene, simulator: AzureSimulator, kill_at: int) -> bool:
    before, after, asked = STORIES[story]
    start = (scene.cluster, simulator, scene.azure, scene.namespace)
    driver = await Driver.start(*start)
    if before is not None:
        await apply(scene, driver, before)
    await driver.close()
    scene.azure.clear_journal()
    if after is None:
        scene.delete("Gallery", "platform")
    else:
        scene.apply(scenes.gallery(access=after))
    doomed = await Driver.start(*start, counter=Counter(), kill_at=kill_at)
    killed = False
    try:
        await doomed.settle()
    except Killed:
        killed = True
    await doomed.close()
    heir = await Driver.start(*start)
    await heir.settle()
    writes = [each.method for each in scene.azure.journal(ASSIGNMENTS) if each.method != "GET"]
    assert writes == asked, f"killed before write {kill_at}"
    if after is None:
        assert scene.azure.resources() == []
    else:
        assert await scene.ready(heir, "Gallery", "platform") == ("True", "Succeeded")
        assert {who for who, _ in assigned(scene)} == {each["principalId"] for each in after}
    await heir.close()
    return killed
