"""Killed at any point: the next process finishes, and Azure was asked once.

A process dies before its n-th write to Azure or Kubernetes, which is after the effect of the one before, for every n
that a story has; another one, which remembers nothing, goes on. Whatever n is, the end is the same.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from dev.azure_simulator import AzureSimulator
from tests.integration import scenes
from tests.integration.driving import JSON, Counter, Driver, Killed
from tests.integration.scenes import Scene

Act = Callable[[Scene, Driver], Awaitable[None]]


async def _create(scene: Scene, driver: Driver) -> None:
    del driver
    scene.apply(scenes.version(), scenes.definition(), scenes.gallery())


async def _update(scene: Scene, driver: Driver) -> None:
    del driver
    scene.apply(scenes.version(excludeFromLatest=True))


async def _two_versions(scene: Scene, driver: Driver) -> None:
    scene.apply(scenes.definition(lifecycle={"stages": {"delete": "0d"}}), scenes.gallery(), scenes.version("1.0.1"))
    scene.apply(scenes.version(endOfLifeDate=scenes.text(driver.services.clock.now() + timedelta(hours=2))))


async def _expire(scene: Scene, driver: Driver) -> None:
    del driver
    scene.azure.advance(timedelta(hours=3))


async def _delete(scene: Scene, driver: Driver) -> None:
    del driver
    for kind, name in (("Gallery", "platform"), ("ImageDefinition", "ubuntu"), ("ImageVersion", "ubuntu-1.0.0")):
        scene.delete(kind, name)


#: Seconds: so short that a poll or two see the end of each operation.
QUICK = {
    "version_create": 12,
    "version_update": 12,
    "version_delete": 12,
    "home_region": 5,
    "further_region": 5,
    "added_region": 5,
    "region_stagger": 1,
}


async def _restorable(scene: Scene, driver: Driver) -> None:
    scene.apply(scenes.definition(), scenes.gallery(softDelete={"enabled": True}), scenes.version())
    await driver.settle()
    scene.delete("ImageVersion", "ubuntu-1.0.0")


async def _apply_again(scene: Scene, driver: Driver) -> None:
    del driver
    scene.apply(scenes.version())


def _stored(east: str) -> JSON:
    targets = [{"name": "westeurope"}, {"name": "eastus2", "storageAccountType": east}]
    return scenes.version(targetRegions=targets, safety={"allowRegionRemoval": True})


async def _on_standard_storage(scene: Scene, driver: Driver) -> None:
    del driver
    scene.apply(scenes.definition(), scenes.gallery(), _stored("Standard_LRS"))


async def _on_premium_storage(scene: Scene, driver: Driver) -> None:
    del driver
    scene.apply(_stored("Premium_LRS"))


#: What happened before, what happens now, and the writes that Azure is to see of it.
STORIES: dict[str, tuple[Act | None, Act, list[tuple[str, str]]]] = {
    "create": (None, _create, [("PUT", "platform"), ("PUT", "ubuntu"), ("PUT", "1.0.0")]),
    "update": (_create, _update, [("PUT", "1.0.0")]),
    "retire": (_two_versions, _expire, [("DELETE", "1.0.0")]),
    "bring back": (_restorable, _apply_again, [("PATCH", "1.0.0")]),
    "change storage": (_on_standard_storage, _on_premium_storage, [("PUT", "1.0.0")] * 2),
    "delete": (_create, _delete, [("DELETE", "1.0.0"), ("DELETE", "ubuntu"), ("DELETE", "platform")]),
}


async def _tell(story: str, scene: Scene, simulator: AzureSimulator, kill_at: int) -> bool:
    """Tell a story in which a process is killed once; return whether the story was long enough for that."""
    before, act, expected = STORIES[story]
    driver = await Driver.start(scene.cluster, simulator, scene.azure, scene.namespace)
    if before is not None:
        await before(scene, driver)
        await driver.settle()
    await act(scene, driver)
    await driver.close()
    scene.azure.clear_journal()

    counter = Counter()
    doomed = await Driver.start(
        scene.cluster, simulator, scene.azure, scene.namespace, counter=counter, kill_at=kill_at
    )
    killed = False
    try:
        await doomed.settle()
    except Killed:
        killed = True
    await doomed.close()
    heir = await Driver.start(scene.cluster, simulator, scene.azure, scene.namespace)
    await heir.settle()
    assert scene.writes() == expected, f"killed before write {kill_at}"
    await _check_end(story, scene, heir)
    await heir.close()
    return killed


async def _check_end(story: str, scene: Scene, driver: Driver) -> None:
    if story == "delete":
        assert scene.azure.resources() == []
        assert [
            await scene.get(driver, *each) for each in (("Gallery", "platform"), ("ImageVersion", "ubuntu-1.0.0"))
        ] == [
            None,
            None,
        ]
    else:
        if story == "change storage":
            regions = scene.properties()["publishingProfile"]["targetRegions"]
            assert [each["storageAccountType"] for each in regions] == ["Standard_LRS", "Premium_LRS"]
        reason = "Retired" if story == "retire" else "Replicated"
        assert await scene.ready(driver, "ImageVersion", "ubuntu-1.0.0") == ("True", reason)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("story", STORIES)
async def test_killed_at_any_write_each_operation_is_done_once(
    story: str, scene: Scene, simulator: AzureSimulator
) -> None:
    kill_at = 1
    while True:
        scene.azure.reset()
        scene.azure.configure(durations=QUICK)
        stage = scene.in_a_new_namespace()
        killed = await _tell(story, stage, simulator, kill_at)
        if not killed:
            break
        kill_at += 1
    assert kill_at > len(STORIES[story][2]), "it was killed before each write to Azure, at least"
