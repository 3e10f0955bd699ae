"""The end of a version's life: out of latest, out of Azure, kept as Retired, gone; and what must never be retired."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from gallery_operator.api import names
from tests.integration import scenes
from tests.integration.driving import Driver, condition
from tests.integration.scenes import Scene

DAY = timedelta(days=1)
STAGES = {"stages": {"excludeFromLatest": "0d", "delete": "7d"}, "removeRetiredAfter": "1d"}


def later(driver: Driver, by: timedelta) -> str:
    return scenes.text(driver.services.clock.now() + by)


async def publish(scene: Scene, driver: Driver, *numbers: str, lifecycle: Mapping[str, object] | None = None) -> None:
    scene.apply(scenes.definition(lifecycle=lifecycle or STAGES), scenes.gallery())
    scene.apply(*(scenes.version(number) for number in numbers))
    await driver.settle()


async def latest(scene: Scene, driver: Driver, *numbers: str) -> list[bool]:
    return [(await scene.version(driver, number))["status"].get("latest", False) for number in numbers]


async def test_latest_moves_to_the_new_version_on_both_and_on_the_definition(scene: Scene, driver: Driver) -> None:
    await publish(scene, driver, "1.0.9")
    assert await latest(scene, driver, "1.0.9") == [True]
    scene.apply(scenes.version("1.0.10"))
    await driver.settle()
    assert await latest(scene, driver, "1.0.9", "1.0.10") == [False, True]
    definition = await driver.services.kube.get("ImageDefinition", scene.namespace, "ubuntu")
    assert definition["status"]["latestVersion"] == "1.0.10"
    assert definition["status"]["versions"] == {"total": 2, "succeeded": 2, "inProgress": 0, "failed": 0}


async def test_a_version_stays_latest_while_it_is_only_changed(scene: Scene, driver: Driver) -> None:
    await publish(scene, driver, "1.0.0", "1.0.1")
    scene.apply(scenes.version("1.0.1", replicas=3))
    told = set()
    for _ in range(12):
        await driver.round()
        scene.azure.advance(timedelta(seconds=30))
        told.add((await latest(scene, driver, "1.0.1"))[0])
    assert told == {True}
    assert (await scene.version(driver, "1.0.1"))["status"]["provisioningState"] == "Succeeded"


async def test_a_version_lives_and_ends_as_its_definition_says(scene: Scene, driver: Driver) -> None:
    await publish(scene, driver, "1.0.0", "1.0.1")
    end = later(driver, DAY)
    scene.apply(scenes.version("1.0.0", endOfLifeDate=end))
    await driver.settle()
    definition = await driver.services.kube.get("ImageDefinition", scene.namespace, "ubuntu")
    assert definition["status"]["nextActions"][0] == {"version": "1.0.0", "action": "ExcludeFromLatest", "at": end}

    await driver.pass_time(1.1 * DAY, step=0.5 * DAY)
    assert scene.properties("1.0.0")["publishingProfile"]["excludeFromLatest"] is True
    status = (await scene.version(driver, "1.0.0"))["status"]
    assert (status["endOfLife"]["stage"], status["endOfLife"]["nextAction"]) == ("Expired", "Delete")

    await driver.pass_time(7 * DAY, step=DAY)
    assert scene.azure.resource(scenes.arm_id("1.0.0")) is None
    tombstone = await scene.get(driver, "ImageVersion", "ubuntu-1.0.0")
    if tombstone is not None:  # its last day as a tombstone may be over
        assert await scene.ready(driver, "ImageVersion", "ubuntu-1.0.0") == ("True", "Retired")
    await driver.pass_time(1.5 * DAY, step=0.5 * DAY)
    assert await scene.get(driver, "ImageVersion", "ubuntu-1.0.0") is None
    assert scene.azure.resource(scenes.arm_id("1.0.1")) is not None

    scene.azure.clear_journal()
    scene.apply(scenes.version("1.0.0", endOfLifeDate=end))
    await driver.round()
    await driver.round()
    assert await scene.ready(driver, "ImageVersion", "ubuntu-1.0.0") == ("True", "Retired")
    assert scene.writes("versions/1.0.0") == [], "an expired image is not published anew"


async def test_the_object_stays_as_a_tombstone_without_removal(scene: Scene, driver: Driver) -> None:
    await publish(scene, driver, "1.0.0", "1.0.1", lifecycle={"stages": {"delete": "0d"}})
    scene.apply(scenes.version("1.0.0", endOfLifeDate=later(driver, DAY)))
    await driver.settle()
    await driver.pass_time(40 * DAY, step=10 * DAY)
    retired = await scene.version(driver, "1.0.0")
    assert await scene.ready(driver, "ImageVersion", "ubuntu-1.0.0") == ("True", "Retired")
    assert retired["status"]["endOfLife"]["stage"] == "Retired"
    assert names.RETIRED in retired["metadata"]["annotations"]
    assert scene.writes("versions/1.0.0") == [("PUT", "1.0.0"), ("PUT", "1.0.0"), ("DELETE", "1.0.0")]

    scene.apply(scenes.version("1.0.0", endOfLifeDate=later(driver, 50 * DAY)))
    scene.annotate("ImageVersion", "ubuntu-1.0.0", names.RETIRED, None)
    await driver.settle()
    assert await scene.ready(driver, "ImageVersion", "ubuntu-1.0.0") == ("True", "Replicated")


async def test_the_last_good_version_stays_and_says_why(scene: Scene, driver: Driver) -> None:
    await publish(scene, driver, "1.0.0")
    scene.apply(scenes.version("1.0.0", endOfLifeDate=later(driver, DAY)))
    await driver.settle()
    await driver.pass_time(30 * DAY, step=10 * DAY)
    status = (await scene.version(driver))["status"]
    assert "last good version" in status["endOfLife"]["keptBecause"]
    assert condition(await scene.version(driver), "EndOfLife")["reason"] == "Kept"
    assert await scene.ready(driver, "ImageVersion", "ubuntu-1.0.0") == ("True", "Replicated")
    assert scene.properties()["publishingProfile"]["excludeFromLatest"] is False
    scene.apply(scenes.version("1.0.1"))
    await driver.settle()
    assert scene.azure.resource(scenes.arm_id("1.0.0")) is None, "once it is replaced, it goes"


async def test_when_all_expire_at_once_the_highest_stays(scene: Scene, driver: Driver) -> None:
    lifecycle = {"endOfLife": {"after": "30d"}, **STAGES}
    await publish(scene, driver, "1.0.0", "1.1.0", "1.2.0", lifecycle=lifecycle)
    await driver.pass_time(60 * DAY, step=20 * DAY)
    left = [each.rsplit("/", 1)[1] for each in scene.azure.resources() if "/versions/" in each]
    assert left == ["1.2.0"]
    assert await latest(scene, driver, "1.2.0") == [True]


async def test_keep_and_blocked_deletion_hold_a_version(scene: Scene, driver: Driver) -> None:
    await publish(scene, driver, "1.0.0", "1.0.1", "1.0.2", lifecycle={"stages": {"delete": "-2d"}})
    end = later(driver, 3 * DAY)
    scene.annotate("ImageVersion", "ubuntu-1.0.0", names.KEEP, "true")
    scene.apply(
        scenes.version("1.0.0", endOfLifeDate=end, annotations={names.KEEP: "true"}),
        scenes.version("1.0.1", endOfLifeDate=end, safety={"blockDeletionBeforeEndOfLife": True}),
    )
    await driver.settle()
    await driver.pass_time(1.5 * DAY, step=DAY / 2)
    reasons = [(await scene.version(driver, each))["status"]["endOfLife"]["keptBecause"] for each in ("1.0.0", "1.0.1")]
    assert "annotated" in reasons[0]
    assert "blocked before its end of life" in reasons[1]
    await driver.pass_time(3 * DAY, step=DAY)
    assert scene.azure.resource(scenes.arm_id("1.0.0")) is not None
    assert scene.azure.resource(scenes.arm_id("1.0.1")) is None


async def test_a_definition_past_its_end_takes_no_new_versions(scene: Scene, driver: Driver) -> None:
    scene.apply(scenes.definition(endOfLifeDate=later(driver, DAY)), scenes.gallery(), scenes.version("1.0.0"))
    await driver.settle()
    await driver.pass_time(2 * DAY, step=DAY)
    scene.apply(scenes.version("1.0.1"))
    await driver.settle()
    stalled = condition(await scene.version(driver, "1.0.1"), "Stalled")
    assert stalled["reason"] == "DefinitionEndOfLife"
    assert "takes no new versions" in stalled["message"]
    assert scene.azure.resource(scenes.arm_id("1.0.1")) is None
    assert scene.azure.resource(scenes.arm_id("1.0.0")) is not None


async def test_a_tombstone_goes_in_time_although_its_definition_is_gone_from_azure(
    scene: Scene, driver: Driver
) -> None:
    report = {"driftPolicy": "Report"}
    scene.apply(scenes.gallery(**report), scenes.definition(lifecycle=STAGES, **report), scenes.version())
    await driver.settle()
    scene.annotate("ImageVersion", "ubuntu-1.0.0", names.RETIRED, f"{later(driver, timedelta(0))} found broken")
    scene.apply(scenes.version("1.0.1"))
    await driver.settle()
    assert await scene.ready(driver, "ImageVersion", "ubuntu-1.0.0") == ("True", "Retired")
    scene.delete("ImageVersion", "ubuntu-1.0.1")
    await driver.settle()
    scene.azure.remove(str(scenes.DEFINITION))
    await driver.pass_time(timedelta(days=2))
    assert await scene.get(driver, "ImageVersion", "ubuntu-1.0.0") is None


async def test_an_image_definition_announces_only_what_policies_let_happen(scene: Scene, driver: Driver) -> None:
    lifecycle = {"endOfLife": {"after": "30d"}, "stages": {"delete": "1d"}}
    scene.apply(scenes.gallery(), scenes.definition(lifecycle=lifecycle))
    scene.apply(*(scenes.version(number) for number in ("1.0.0", "1.0.1", "1.0.2")))
    await driver.settle()
    scene.apply(scenes.version("1.0.0", managementPolicy="Observe"), scenes.version("1.0.1", deletionPolicy="Retain"))
    await driver.settle()
    await driver.pass_time(timedelta(hours=1))
    definition = await driver.services.kube.get("ImageDefinition", scene.namespace, "ubuntu")
    assert [(each["version"], each["action"]) for each in definition["status"]["nextActions"]] == [("1.0.2", "Delete")]
