"""Every manifest of the page on sources is published, from sources that are as the page says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from dev.azure_simulator import Blob, DataDisk, Source
from tests.integration import scenes
from tests.integration.driving import JSON, Driver, condition
from tests.integration.scenes import Scene

PAGE = (Path(__file__).parents[2] / "docs" / "sources.md").read_text(encoding="utf-8")

HOME = [{"name": "westeurope"}]
#: What the page's sources are like, by their names.
SOURCES: dict[str, Any] = {
    "web": {"location": "westeurope"},
    "contosoimages": {
        "location": "westeurope",
        "blobs": (Blob(name="vhds/web.vhd"), Blob(name="vhds/web-local.vhd", sizeGB=30)),
    },
    "builder": {"location": "westeurope"},
    "appliance": {"location": "westeurope", "osState": "Specialized", "dataDisks": (DataDisk(lun=0, sizeGB=64),)},
    "appliance-os": {"location": "westeurope"},
    "appliance-data": {"location": "westeurope", "isDataDisk": True, "sizeGB": 64},
    "shared": {"location": "westeurope"},
    "1.0.0": {"location": "westeurope"},
}


def manifests() -> list[JSON]:
    blocks = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return [each for block in blocks for each in yaml.safe_load_all(block)]


PARENTS = [each for each in manifests() if each["kind"] != "ImageVersion"]
VERSIONS = {each["metadata"]["name"]: each for each in manifests() if each["kind"] == "ImageVersion"}


def ids(value: Any) -> Iterator[str]:
    """Yield the ARM ids of sources in a manifest, versions of our own gallery excepted."""
    if isinstance(value, dict):
        for each in value.values():
            yield from ids(each)
    elif isinstance(value, list):
        for each in value:
            yield from ids(each)
    elif (
        isinstance(value, str)
        and re.match("/(subscriptions|CommunityGalleries)/", value)
        and "/galleries/" not in value
    ):
        yield value


@pytest.fixture
def sources(scene: Scene) -> Iterator[None]:
    """Azure has the sources of the page."""
    named = {each for version in VERSIONS.values() for each in ids(version["spec"]["source"])}
    for each in named:
        scene.azure.add_source(Source(id=each, **SOURCES[each.rpartition("/")[2]]))
    yield
    for each in named:
        scene.azure.remove(each)


def test_the_page_has_a_recipe_for_each_kind_of_source_and_for_the_three_ways_in() -> None:
    kinds = {kind for version in VERSIONS.values() for kind in version["spec"]["source"]}
    assert kinds == {"managedImage", "virtualMachine", "galleryImageVersion", "communityGalleryImage", "disks"}
    disks = {kind for version in VERSIONS.values() for kind in disk_kinds(version["spec"]["source"])}
    assert disks == {"snapshot", "managedDisk", "vhd"}
    headings = re.findall(r"^## \d\. (.+)$", PAGE, re.MULTILINE)
    assert headings[:3] == ["A managed image", "An unmanaged image", "A local VHD"]
    assert len(re.findall(r"az storage blob upload .*?--type page", PAGE, re.DOTALL)) == 1


def disk_kinds(source: JSON) -> set[str]:
    disks = source.get("disks", {})
    every = [disks["os"], *disks.get("data", ())] if disks else []
    return {kind for each in every for kind in ("snapshot", "managedDisk", "vhd") if kind in each}


async def test_every_recipe_is_published_as_it_stands(scene: Scene, driver: Driver, sources: None) -> None:
    del sources
    scene.apply(*PARENTS, *VERSIONS.values())
    await driver.settle()
    states = {name: await scene.ready(driver, "ImageVersion", name) for name in VERSIONS}
    assert states == dict.fromkeys(VERSIONS, ("True", "Replicated"))
    puts = [each.path for each in scene.azure.journal("PUT .*/versions/")]
    assert len(puts) == len(set(puts)) == len(VERSIONS), "each was put once"


ANOTHER_CLOUD = "https://contosoimages.blob.core.usgovcloudapi.net/vhds/web.vhd"


async def test_a_recipe_from_another_cloud_gets_the_pages_answer(scene: Scene, driver: Driver, sources: None) -> None:
    del sources
    version = VERSIONS["ubuntu-1.1.0"]
    vhd = {**version["spec"]["source"]["disks"]["os"]["vhd"], "uri": ANOTHER_CLOUD}
    spec = {**version["spec"], "source": {"disks": {"os": {"vhd": vhd}}}}
    scene.apply(*PARENTS, {**version, "spec": spec})
    await driver.settle()
    ready = condition(await driver.services.kube.get("ImageVersion", scene.namespace, "ubuntu-1.1.0"), "Ready")
    assert ready["reason"] == "SourceInAnotherCloud"
    answer = "copy the VHD into a storage account of"
    assert answer in ready["message"]
    assert answer in " ".join(PAGE.split()).replace("Copy", "copy")


async def test_a_specialized_disk_can_be_published_and_not_as_a_generalized_one(
    scene: Scene, driver: Driver, sources: None
) -> None:
    del sources
    machine = VERSIONS["appliance-1.0.0"]["spec"]["source"]
    scene.apply(*PARENTS, VERSIONS["appliance-1.1.0"], scenes.version(source=machine, targetRegions=HOME))
    await driver.settle()
    assert await scene.ready(driver, "ImageVersion", "appliance-1.1.0") == ("True", "Replicated")
    ready = condition(await scene.version(driver), "Ready")
    assert (ready["reason"], "osState is Specialized" in ready["message"]) == ("SourceDiffers", True)
