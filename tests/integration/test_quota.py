"""Azure's limits: seen before they are met, and waited for at them without a storm of retries."""

from __future__ import annotations

from datetime import timedelta

from dev.azure_simulator import Refuse, source_id
from gallery_operator.telemetry.metrics import Metrics
from tests.integration import scenes
from tests.integration.driving import JSON, Driver, condition
from tests.integration.scenes import Scene

HOME = [{"name": "westeurope"}]
SOURCE = {"disks": {"os": {"snapshot": {"id": source_id("Microsoft.Compute/snapshots", "ubuntu-os")}}}}
USAGES = r"GET .*/locations/westeurope/usages$"


def versions(scene: Scene, count: int) -> list[str]:
    """Apply so many versions; return their numbers."""
    numbers = [f"1.0.{patch}" for patch in range(count)]
    for number in numbers:
        scene.apply(scenes.version(number, source=SOURCE, targetRegions=HOME))
    return numbers


async def parents(scene: Scene, driver: Driver) -> None:
    scene.apply(scenes.gallery(), scenes.definition())
    await driver.settle()
    scene.azure.clear_journal()


async def looks(driver: Driver, times: int, *, seconds: float) -> None:
    for _ in range(times):
        await driver.round()
        driver.azure.advance(timedelta(seconds=seconds))


async def states(scene: Scene, driver: Driver, numbers: list[str]) -> dict[str, JSON]:
    return {number: condition(await scene.version(driver, number), "Ready") for number in numbers}


def gauge(driver: Driver, name: str, resource: str) -> float | None:
    metrics = driver.services.metrics
    assert isinstance(metrics, Metrics)
    labels = {"subscription": scenes.GALLERY.subscription, "location": "westeurope", "resource": resource}
    return metrics.registry.get_sample_value(f"gallery_operator_quota_{name}", labels)


async def test_at_the_limit_a_create_waits_with_the_numbers_and_sends_no_put(scene: Scene, driver: Driver) -> None:
    scene.azure.configure(quotas={"versions": 3})
    await parents(scene, driver)
    numbers = versions(scene, 5)
    await looks(driver, 30, seconds=30)
    found = await states(scene, driver, numbers)
    waiting = [number for number, ready in found.items() if ready["reason"] == "QuotaExceeded"]
    assert len(waiting) == 2
    for number in waiting:
        assert "3 of 3 galleryImageVersions in westeurope are used" in found[number]["message"]
        assert scene.azure.journal(f"PUT .*/versions/{number}$") == []
        assert condition(await scene.version(driver, number), "Stalled") == {}
    assert len(scene.azure.journal("PUT .*/versions/")) == 3
    assert len(scene.azure.journal(USAGES)) <= 6, "fifteen minutes of waiting"
    scene.azure.configure(quotas={"versions": 10})
    await driver.settle()
    assert {ready["reason"] for ready in (await states(scene, driver, numbers)).values()} == {"Replicated"}


async def test_a_deleted_version_makes_room_for_one_that_waits(scene: Scene, driver: Driver) -> None:
    scene.azure.configure(quotas={"versions": 1})
    await parents(scene, driver)
    scene.apply(scenes.version(source=SOURCE, targetRegions=HOME))
    await driver.settle()
    scene.apply(scenes.version("1.1.0", source=SOURCE, targetRegions=HOME))
    await looks(driver, 3, seconds=1)
    assert condition(await scene.version(driver, "1.1.0"), "Ready")["reason"] == "QuotaExceeded"
    scene.delete("ImageVersion", "ubuntu-1.0.0")
    await driver.settle()
    assert await scene.ready(driver, "ImageVersion", "ubuntu-1.1.0") == ("True", "Replicated")


async def test_galleries_and_definitions_wait_at_their_limits(scene: Scene, driver: Driver) -> None:
    scene.azure.configure(quotas={"galleries": 0})
    scene.apply(scenes.gallery())
    await looks(driver, 3, seconds=1)
    ready = condition(await driver.services.kube.get("Gallery", scene.namespace, "platform"), "Ready")
    assert (ready["reason"], "0 of 0 galleries in westeurope" in ready["message"]) == ("QuotaExceeded", True)
    scene.azure.configure(quotas={"galleries": 100, "definitions": 0})
    scene.apply(scenes.definition())
    await looks(driver, 10, seconds=120)
    assert await scene.ready(driver, "Gallery", "platform") == ("True", "Succeeded")
    ready = condition(await driver.services.kube.get("ImageDefinition", scene.namespace, "ubuntu"), "Ready")
    assert (ready["reason"], "0 of 0 galleryImages in westeurope" in ready["message"]) == ("QuotaExceeded", True)
    assert scene.azure.journal("PUT .*/images/ubuntu$") == []


async def test_a_limit_that_is_near_is_a_condition_and_a_metric_and_costs_an_idle_object_nothing(
    scene: Scene, driver: Driver
) -> None:
    scene.azure.configure(quotas={"versions": 5, "galleries": 1})
    await parents(scene, driver)
    numbers = versions(scene, 3)
    await driver.settle()
    await driver.pass_time(timedelta(hours=1))
    definition = await driver.services.kube.get("ImageDefinition", scene.namespace, "ubuntu")
    assert condition(definition, "QuotaNear") == {}
    gallery = await driver.services.kube.get("Gallery", scene.namespace, "platform")
    near = condition(gallery, "QuotaNear")
    assert (near["status"], near["message"]) == ("True", "all of 1 galleries in westeurope are used")
    versions(scene, 4)
    await driver.settle()
    await driver.pass_time(timedelta(hours=1))
    definition = await driver.services.kube.get("ImageDefinition", scene.namespace, "ubuntu")
    near = condition(definition, "QuotaNear")
    assert near["message"] == "at least 80 % of 5 galleryImageVersions in westeurope are used"
    assert condition(definition, "Ready")["status"] == "True"
    assert (gauge(driver, "used", "galleryImageVersions"), gauge(driver, "limit", "galleryImageVersions")) == (4, 5)
    await driver.refresh()
    before = {kind: driver.services.store.versions(kind) for kind in ("Gallery", "ImageDefinition", "ImageVersion")}
    scene.azure.clear_journal()
    await driver.pass_time(timedelta(hours=4))
    await driver.refresh()
    after = {kind: driver.services.store.versions(kind) for kind in before}
    assert after == before, "nothing is written"
    assert len(scene.azure.journal(USAGES)) <= 2 * 8, "per look of the gallery and of the definition, near the limit"
    for number in numbers:
        scene.delete("ImageVersion", f"ubuntu-{number}")
    await driver.settle()
    await driver.pass_time(timedelta(hours=1))
    definition = await driver.services.kube.get("ImageDefinition", scene.namespace, "ubuntu")
    assert condition(definition, "QuotaNear") == {}


async def test_idle_objects_of_one_place_share_one_list_per_resync(scene: Scene, driver: Driver) -> None:
    await parents(scene, driver)
    for name in ("debian", "suse"):
        scene.apply(scenes.definition(name, identifier={"publisher": "contoso", "offer": name, "sku": "1"}))
    await driver.settle()
    scene.azure.clear_journal()
    await driver.pass_time(timedelta(hours=4))
    lists = scene.azure.journal(USAGES)
    looks = scene.azure.journal("GET .*/images/ubuntu$")
    assert 0 < len(lists) <= len(looks) + 1
    assert scene.azure.journal("GET .*/locations$") == []


async def test_without_the_right_to_read_usages_azure_judges(scene: Scene, driver: Driver) -> None:
    scene.azure.fault(Refuse(match=USAGES, status=403, code="AuthorizationFailed", message="no", times=None))
    scene.azure.configure(quotas={"versions": 0})
    await parents(scene, driver)
    scene.apply(scenes.version(source=SOURCE, targetRegions=HOME))
    await looks(driver, 6, seconds=15)
    ready = condition(await scene.version(driver), "Ready")
    assert (ready["reason"], "exceeding approved" in ready["message"]) == ("QuotaExceeded", True)
    assert gauge(driver, "used", "galleryImageVersions") is None


async def test_what_azure_refuses_without_telling_usages_is_tried_by_one_version_at_a_time(
    scene: Scene, driver: Driver
) -> None:
    scene.azure.fault(Refuse(match=USAGES, status=403, code="AuthorizationFailed", message="no", times=None))
    await parents(scene, driver)
    scene.azure.configure(quotas={"versions": 0})
    numbers = versions(scene, 6)
    await driver.live(timedelta(hours=1))
    assert len(scene.azure.journal("PUT .*/versions/")) <= 13, "one in five minutes"
    assert {ready["reason"] for ready in (await states(scene, driver, numbers)).values()} == {"QuotaExceeded"}
    scene.azure.configure(quotas={"versions": 10})
    await driver.settle()
    assert {ready["reason"] for ready in (await states(scene, driver, numbers)).values()} == {"Replicated"}


async def test_usages_are_read_anew_when_azure_refuses_what_seemed_to_have_room(scene: Scene, driver: Driver) -> None:
    await parents(scene, driver)
    scene.azure.configure(quotas={"versions": 0})
    numbers = versions(scene, 6)
    await driver.live(timedelta(minutes=10))
    assert len(scene.azure.journal("PUT .*/versions/")) == 1
    for ready in (await states(scene, driver, numbers)).values():
        assert "0 of 0 galleryImageVersions in westeurope are used" in ready["message"]
