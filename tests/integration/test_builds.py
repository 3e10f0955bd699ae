"""Azure builds one version at a time from a managed image: the others wait for their turn."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from dev.azure_simulator import AzureSimulator, FailOperation, Refuse
from gallery_operator.api.arm_ids import GalleryId
from gallery_operator.engine.keys import Key
from tests.integration import scenes
from tests.integration.driving import Driver
from tests.integration.scenes import Scene
from tests.integration.sourcing import (
    HOME,
    VERSION,
    looks,
    parents,
    puts,
    puts_of,
    ready,
)


async def test_versions_of_one_managed_image_are_built_one_after_the_other(scene: Scene, driver: Driver) -> None:
    await parents(scene, driver)
    numbers = ("1.0.0", "1.0.1", "1.0.2")
    for number in numbers:
        id_ = scenes.SOURCE if number == numbers[0] else scenes.SOURCE.replace("sources-rg", "Sources-RG")
        scene.apply(scenes.version(number, source={"managedImage": {"id": id_}}, targetRegions=HOME))
    await looks(driver)
    assert puts(scene) == 1
    told = [await ready(scene, driver, number) for number in numbers]
    builder = next(number for number, (reason, _) in zip(numbers, told, strict=True) if reason != "SourceBusy")
    waiting = [message for reason, message in told if reason == "SourceBusy"]
    assert len(waiting) == 2
    assert all(f"waiting for ImageVersion 'ubuntu-{builder}'" in message for message in waiting)
    await driver.settle()
    assert puts(scene) == len(numbers), "none of them had to be tried again"
    for number in numbers:
        assert await scene.ready(driver, "ImageVersion", f"ubuntu-{number}") == ("True", "Replicated")


async def test_workers_that_look_at_the_same_moment_do_not_both_take_the_image(scene: Scene, driver: Driver) -> None:
    await parents(scene, driver)
    numbers = [f"1.0.{patch}" for patch in range(6)]
    for number in numbers:
        scene.apply(scenes.version(number, targetRegions=HOME))
    await driver.refresh()
    keys = [Key("ImageVersion", scene.namespace, f"ubuntu-{number}") for number in numbers]
    for _ in range(2):
        await asyncio.gather(*map(driver.reconcilers["ImageVersion"], keys))
    assert puts(scene) == 1
    reasons = [(await ready(scene, driver, number))[0] for number in numbers]
    assert reasons.count("SourceBusy") == len(numbers) - 1


async def test_a_refused_build_frees_the_image_for_the_next(scene: Scene, driver: Driver) -> None:
    await parents(scene, driver)
    scene.azure.fault(Refuse(match="PUT .*/versions/1.0.0$", status=409, code="ScopeLocked", message="no", times=None))
    scene.apply(scenes.version(targetRegions=HOME), scenes.version("1.0.1", targetRegions=HOME))
    await looks(driver, 40, seconds=30)
    assert await scene.ready(driver, "ImageVersion", "ubuntu-1.0.1") == ("True", "Replicated")
    assert (await ready(scene, driver))[0] == "ScopeLocked"


async def test_another_process_and_another_namespace_wait_for_the_build_that_azure_shows(
    scene: Scene, driver: Driver, simulator: AzureSimulator
) -> None:
    await parents(scene, driver)
    scene.apply(scenes.version(targetRegions=HOME))
    await looks(driver, 1)
    assert puts(scene) == 1
    scene.apply(scenes.version("1.0.1", targetRegions=HOME))
    heir = await Driver.start(scene.cluster, simulator, scene.azure, scene.namespace)
    await looks(heir)
    reason, message = await ready(scene, heir, "1.0.1")
    assert (reason, VERSION in message) == ("SourceBusy", True)
    other = GalleryId(scenes.GALLERY.subscription, "images-rg", "other")
    await heir.close()
    elsewhere = scene.in_a_new_namespace()
    both = await Driver.start(scene.cluster, simulator, scene.azure, elsewhere.namespace, also=(scene.namespace,))
    theirs = scenes.version("1.0.2", targetRegions=HOME, imageDefinitionRef={"id": str(other.definition("ubuntu"))})
    body = {"osType": "Linux", "osState": "Generalized", "hyperVGeneration": "V2", "architecture": "x64"}
    identifier = {"publisher": "contoso", "offer": "other", "sku": "1"}
    scene.azure.create(
        [
            (str(other), {"location": "westeurope"}),
            (
                str(other.definition("ubuntu")),
                {"location": "westeurope", "properties": {**body, "identifier": identifier}},
            ),
        ]
    )
    elsewhere.apply(theirs)
    await looks(both)
    reason, message = await ready(elsewhere, both, "1.0.2")
    assert reason == "SourceBusy"
    assert message.endswith("waiting for an ImageVersion of another namespace")
    assert puts(scene) == 1
    await both.settle()
    assert await elsewhere.ready(both, "ImageVersion", "ubuntu-1.0.2") == ("True", "Replicated")
    assert puts(scene) == 3
    await both.close()


async def test_the_turn_of_one_that_was_deleted_meanwhile_goes_to_the_next(scene: Scene, driver: Driver) -> None:
    await parents(scene, driver)
    for number in ("1.0.0", "1.0.1", "1.0.2"):
        scene.apply(scenes.version(number, targetRegions=HOME))
        await looks(driver)
    scene.delete("ImageVersion", "ubuntu-1.0.1")
    while scene.properties()["provisioningState"] != "Succeeded":
        await driver.round()
        scene.azure.advance(timedelta(seconds=10))
    while (await ready(scene, driver))[0] != "Replicated":
        scene.azure.advance(timedelta(seconds=1))
        await driver.round()
    await looks(driver)
    assert puts_of(scene, "1.0.2") == 1, "it did not have to look by itself"
    assert puts_of(scene, "1.0.1") == 0


async def test_a_build_goes_on_without_its_object_and_is_waited_for(scene: Scene, driver: Driver) -> None:
    await parents(scene, driver)
    scene.apply(scenes.version(targetRegions=HOME, deletionPolicy="Retain"))
    await looks(driver)
    scene.apply(scenes.version("1.0.1", targetRegions=HOME))
    scene.delete("ImageVersion", VERSION)
    await looks(driver)
    assert [each["metadata"]["name"] for each in scene.objects("ImageVersion")] == ["ubuntu-1.0.1"]
    reason, message = await ready(scene, driver, "1.0.1")
    assert (reason, "waiting for version 1.0.0 of the same image definition" in message) == ("SourceBusy", True)
    await driver.settle()
    assert await scene.ready(driver, "ImageVersion", "ubuntu-1.0.1") == ("True", "Replicated")
    assert puts(scene) == 2, "neither build failed"


async def test_a_paused_build_holds_nobody_up_when_it_is_over(scene: Scene, driver: Driver) -> None:
    await parents(scene, driver)
    scene.apply(scenes.definition("other", identifier={"publisher": "contoso", "offer": "other", "sku": "1"}))
    scene.apply(scenes.version(targetRegions=HOME, imageDefinitionRef={"name": "other"}))
    while not puts(scene):
        await driver.round()
        scene.azure.advance(timedelta(seconds=1))
    scene.annotate("ImageVersion", VERSION, "gallery-operator.io/paused", "true")
    scene.annotate("ImageDefinition", "other", "gallery-operator.io/paused", "true")
    scene.apply(scenes.version("1.0.1", targetRegions=HOME))
    await looks(driver)
    reason, message = await ready(scene, driver, "1.0.1")
    assert (reason, f"waiting for ImageVersion '{VERSION}'" in message) == ("SourceBusy", True)
    await driver.settle()
    assert await scene.ready(driver, "ImageVersion", "ubuntu-1.0.1") == ("True", "Replicated")
    assert puts(scene) == 2


async def test_a_failed_build_and_the_next_one_do_not_disturb_each_other(scene: Scene, driver: Driver) -> None:
    await parents(scene, driver)
    scene.azure.fault(FailOperation(match="PUT .*/versions/1.0.0$", code="InternalError", message="broke"))
    scene.apply(scenes.version(targetRegions=HOME))
    await looks(driver)
    scene.apply(scenes.version("1.0.1", targetRegions=HOME))
    await driver.settle()
    for number in ("1.0.0", "1.0.1"):
        assert await scene.ready(driver, "ImageVersion", f"ubuntu-{number}") == ("True", "Replicated")
    assert (puts_of(scene, "1.0.0"), puts_of(scene, "1.0.1")) == (2, 1)


async def test_a_failed_build_is_not_tried_again_while_another_one_goes_on(scene: Scene, driver: Driver) -> None:
    await parents(scene, driver)
    scene.azure.fault(FailOperation(match="PUT .*/versions/1.0.0$", code="InternalError", message="broke", times=2))
    scene.apply(scenes.version(targetRegions=HOME, deletionPolicy="Retain"))
    while puts(scene) < 2 or scene.properties()["provisioningState"] != "Failed":
        await driver.round()
        scene.azure.advance(timedelta(seconds=30))
    await driver.round()
    scene.apply(scenes.version("1.0.1", targetRegions=HOME))
    await looks(driver, 6, seconds=40)
    assert scene.properties("1.0.1")["provisioningState"] == "Creating"
    reason, message = await ready(scene, driver)
    assert (reason, "waiting for ImageVersion 'ubuntu-1.0.1'" in message) == ("SourceBusy", True)
    await driver.settle()
    for number in ("1.0.0", "1.0.1"):
        assert await scene.ready(driver, "ImageVersion", f"ubuntu-{number}") == ("True", "Replicated")
    assert [number for _, number in scene.writes("PUT .*/versions/")] == ["1.0.0", "1.0.0", "1.0.1", "1.0.0"]
