"""The table of docs/performance.md on what a change costs in ARM calls is true."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

from tests.integration import scenes
from tests.integration.driving import JSON, RESYNC, Driver
from tests.integration.scenes import Scene

PAGE = (Path(__file__).parents[2] / "docs" / "performance.md").read_text(encoding="utf-8")
TABLE = PAGE.partition("## What a change costs")[2].partition("\n## ")[0]

#: Everything is done at the first poll: how many polls there are is up to Azure.
AT_ONCE = {"version_create": 1, "version_update": 1, "version_delete": 1, "home_region": 1}
HOME: list[JSON] = [{"name": "westeurope"}]
PRINCIPAL = "11111111-2222-3333-4444-555555555555"
READER: list[JSON] = [{"principalId": PRINCIPAL, "role": "Reader"}]


def said() -> dict[str, tuple[int, str]]:
    """Return what the page says: change -> number of reads, and what is written."""
    rows = re.findall(r"^\| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", TABLE, re.MULTILINE)[1:]
    return {change: (sum(map(int, re.findall(r"\d+", reads))), writes) for change, reads, writes in rows}


def counted(scene: Scene) -> tuple[int, str]:
    """Return the same from the journal, which begins anew. Reads of what was written, after that, are polls."""
    calls = scene.azure.journal()
    scene.azure.clear_journal()
    written = [each for each in calls if each.method != "GET"]
    assert len(written) < 2, written
    if not written:
        return len(calls), "none"
    [write] = written
    polled = {write.path, write.path.removesuffix("/share")}
    polls = [each for each in calls if each.number > write.number and each.path in polled]
    assert polls or "roleAssignments" in write.path
    return len(calls) - len(polls) - 1, f"1 {write.method}"


async def test_a_change_costs_what_the_page_says(scene: Scene, driver: Driver) -> None:
    scene.azure.configure(durations=AT_ONCE)
    scene.azure.add_principal(PRINCIPAL)
    shared = {"sharing": {"permissions": "Groups", "subscriptions": []}}
    seen = {}
    for change, manifest in {
        "the first gallery": scenes.gallery(**shared),
        "an image definition": scenes.definition(),
        "a version": scenes.version(targetRegions=HOME),
        "a version's regions, replicas or tags": scenes.version(targetRegions=HOME, tags={"team": "web"}),
        "a definition's field": scenes.definition(tags={"team": "web"}),
        "a gallery's field": scenes.gallery(**shared, tags={"team": "web"}),
        "a subscription to share with": scenes.gallery(
            tags={"team": "web"},
            sharing={"permissions": "Groups", "subscriptions": ["00000000-0000-0000-0000-00000000000a"]},
        ),
        "an entry of `access`": scenes.definition(tags={"team": "web"}, access=READER),
    }.items():
        scene.apply(manifest)
        await driver.settle()
        seen[change] = counted(scene)
    await driver.pass_time(timedelta(seconds=RESYNC * 1.3))
    seen["none, a resync"] = counted(scene)
    scene.apply(scenes.gallery(**shared), scenes.definition(access=[]))
    await driver.settle()
    scene.azure.clear_journal()
    for change, kind, name in (
        ("a version's end", "ImageVersion", "ubuntu-1.0.0"),
        ("an image definition's end", "ImageDefinition", "ubuntu"),
        ("a gallery's end", "Gallery", "platform"),
    ):
        scene.delete(kind, name)
        await driver.settle()
        seen[change] = counted(scene)
    assert seen == said()
