"""Fields of image definitions from the manifest to Azure and back, and identifiers that are taken."""

from __future__ import annotations

from typing import Any

from dev.azure_simulator import AzureSimulator
from gallery_operator.api import names
from tests.integration import scenes
from tests.integration.driving import JSON, Driver, condition
from tests.integration.scenes import Scene

SECURITY = {"name": "SecurityType", "value": "TrustedLaunchSupported"}
HIBERNATE = {"name": "IsHibernateSupported", "value": "True", "startsAtVersion": "1.2.0"}
NVME = {"name": "DiskControllerTypes", "value": "SCSI, NVMe"}
PLAN = {"name": "pro", "publisher": "contoso", "product": "linux"}


def azure(scene: Scene) -> JSON:
    found = scene.azure.resource(str(scenes.DEFINITION))
    assert found is not None
    properties: JSON = found["properties"]
    return properties


async def apply(scene: Scene, driver: Driver, **spec: Any) -> JSON:
    """Apply the definition, and return the properties that Azure has once the operator is at rest."""
    scene.apply(scenes.gallery(), scenes.definition(**spec))
    await driver.settle()
    assert await scene.ready(driver, "ImageDefinition", "ubuntu") == ("True", "Succeeded")
    return azure(scene)


async def test_features_come_change_and_go(scene: Scene, driver: Driver) -> None:
    assert (await apply(scene, driver, features=[HIBERNATE]))["features"] == [HIBERNATE, SECURITY]
    later = {**HIBERNATE, "startsAtVersion": "2.0.0"}
    found = await apply(scene, driver, features=[later, NVME])
    assert sorted(found["features"], key=lambda each: str(each["name"])) == [NVME, later, SECURITY]
    scene.azure.clear_journal()
    assert (await apply(scene, driver, features=[]))["features"] == [SECURITY]
    (put,) = scene.azure.journal("PUT .*/images/ubuntu$")
    assert put.body["properties"]["allowUpdateImage"] is True
    standard = {**SECURITY, "value": "Standard"}
    assert (await apply(scene, driver, features=[standard]))["features"] == [standard]


async def test_recommendations_and_forbidden_disks_come_change_and_go(scene: Scene, driver: Driver) -> None:
    ranges = {"vCPUs": {"min": 2, "max": 8}, "memoryGB": {"min": 4}}
    found = await apply(scene, driver, recommended=ranges, disallowedDiskTypes=["Premium_LRS", "UltraSSD_LRS"])
    assert found["recommended"] == {"vCPUs": {"min": 2, "max": 8}, "memory": {"min": 4}}
    assert found["disallowed"] == {"diskTypes": ["Premium_LRS", "UltraSSD_LRS"]}
    ranges = {"vCPUs": {"min": 4}, "memoryGB": {}}
    found = await apply(scene, driver, recommended=ranges, disallowedDiskTypes=["UltraSSD_LRS"])
    assert found["recommended"] == {"vCPUs": {"min": 4}, "memory": {}}
    assert found["disallowed"] == {"diskTypes": ["UltraSSD_LRS"]}
    found = await apply(scene, driver, recommended=ranges, disallowedDiskTypes=[])
    assert not found["disallowed"]["diskTypes"]
    scene.azure.clear_journal()
    assert await apply(scene, driver) == found, "unset: it stays"
    assert scene.writes() == []


async def test_a_purchase_plan_reaches_azure(scene: Scene, driver: Driver) -> None:
    assert (await apply(scene, driver, purchasePlan=PLAN))["purchasePlan"] == PLAN


async def test_of_two_definitions_with_one_identifier_the_later_one_names_the_other_and_takes_over_from_it(
    scene: Scene, driver: Driver
) -> None:
    await apply(scene, driver)
    scene.azure.clear_journal()
    scene.apply(scenes.definition("web", identifier={"publisher": "CONTOSO", "offer": "ubuntu", "sku": "24_04"}))
    await driver.settle()
    assert await scene.ready(driver, "ImageDefinition", "web") == ("False", "IdentifierTaken")
    stalled = condition(await driver.services.kube.get("ImageDefinition", scene.namespace, "web"), "Stalled")
    assert "ImageDefinition 'ubuntu' of the same gallery" in stalled["message"]
    assert scene.writes() == [], "Azure was not asked"
    scene.delete("ImageDefinition", "ubuntu")
    await driver.settle()
    assert await scene.ready(driver, "ImageDefinition", "web") == ("True", "Succeeded")


async def test_an_identifier_that_is_taken_in_azure_is_told_in_azures_words(
    scene: Scene, driver: Driver, simulator: AzureSimulator
) -> None:
    await apply(scene, driver)
    elsewhere = scene.in_a_new_namespace()
    other = await Driver.start(scene.cluster, simulator, scene.azure, elsewhere.namespace)
    elsewhere.apply(scenes.definition("web", galleryRef={"id": str(scenes.GALLERY)}))
    await other.settle()
    assert await elsewhere.ready(other, "ImageDefinition", "web") == ("False", "IdentifierTaken")
    found = await other.services.kube.get("ImageDefinition", elsewhere.namespace, "web")
    said = condition(found, "Stalled")["message"]
    assert "Gallery image: ubuntu identified by (publisher:contoso" in said
    assert "Choose another spec.identifier" in said
    assert names.FINALIZER in found["metadata"]["finalizers"]
    await other.close()
