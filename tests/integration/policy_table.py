"""The table of docs/policies.md as data, and its play: every combination that it names, of every kind, at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import product
from pathlib import Path
from typing import Final

from dev.azure_simulator import AzureSimulator, source_id
from gallery_operator.api import names
from gallery_operator.api.arm_ids import GalleryId
from tests.integration import scenes
from tests.integration.driving import JSON, RESYNC, Driver, condition
from tests.integration.scenes import Scene

PAGE: Final = Path(__file__).parents[2] / "docs" / "policies.md"
KINDS: Final = ("Gallery", "ImageDefinition", "ImageVersion")
EVENTS: Final = ("On create", "On edit", "On drift", "On delete")
#: What each column may say of the circumstances.
VALUES: Final = {
    "Before": ("nothing", "unowned", "foreign"),
    "managementPolicy": ("Manage", "Observe"),
    "driftPolicy": ("Correct", "Report"),
    "deletionPolicy": ("unset", "Delete", "Retain"),
    "Paused": ("no", "at once", "later"),
}

_SHELF: Final = GalleryId(scenes.GALLERY.subscription, "images-rg", "shelf")
_SNAPSHOT: Final = source_id("Microsoft.Compute/snapshots", "ubuntu-os")
_FOREIGN: Final = {names.OWNER_TAG: "another-cluster/team/object"}
#: Long enough for everything that is to happen; an object that waits for something looks at Azure again and again.
_A_WHILE: Final = timedelta(minutes=8)
_QUICK: Final = {"version_create": 12, "version_update": 12, "version_delete": 12, "home_region": 5}


@dataclass(frozen=True, eq=False)
class Row:
    """A row of the table."""

    number: int
    circumstances: dict[str, tuple[str, ...]]
    expected: dict[str, str]

    def __str__(self) -> str:
        said = [each for each in map(_or, self.circumstances.values()) if each]
        return f"{self.number}: {', '.join(said)}"


def _or(values: tuple[str, ...]) -> str:
    return "any" if values in VALUES.values() else " or ".join(values)


@dataclass(frozen=True)
class Case:
    """One combination, of one kind."""

    row: Row
    kind: str
    number: int
    before: str
    observes: bool
    reports: bool
    deletion: str
    paused: str

    @property
    def name(self) -> str:
        return f"case-{self.number}"

    @property
    def id(self) -> str:
        """The ARM id of its resource."""
        if self.kind == "Gallery":
            return str(GalleryId(_SHELF.subscription, "images-rg", f"case_{self.number}"))
        if self.kind == "ImageDefinition":
            return str(_SHELF.definition(self.name))
        return str(_SHELF.definition("base").version(f"1.0.{self.number}"))

    def manifest(self, team: str, *, edited: bool) -> JSON:
        """Return its manifest; `team` is a tag that the spec names."""
        policies: JSON = {
            "managementPolicy": "Observe" if self.observes else "Manage",
            "driftPolicy": "Report" if self.reports else "Correct",
            **({} if self.deletion == "unset" else {"deletionPolicy": self.deletion}),
        }
        held = self.paused == "at once" or (self.paused == "later" and edited)
        metadata = {"name": self.name, "annotations": {names.PAUSED: "true"} if held else {}}
        spec = {**self._spec(), **policies, "tags": {"team": team}}
        return {"apiVersion": names.API_VERSION, "kind": self.kind, "metadata": metadata, "spec": spec}

    def _spec(self) -> JSON:
        if self.kind == "Gallery":
            return {"resourceGroup": "images-rg", "location": "westeurope"}
        if self.kind == "ImageDefinition":
            spec: JSON = scenes.definition()["spec"]
            return {
                **spec,
                "galleryRef": {"id": str(_SHELF)},
                "identifier": self._identifier(),
                "location": "westeurope",
            }
        return {
            "imageDefinitionRef": {"id": str(_SHELF.definition("base"))},
            "version": f"1.0.{self.number}",
            "source": {"disks": {"os": {"snapshot": {"id": _SNAPSHOT}}}},
            "location": "westeurope",
        }

    def _identifier(self) -> JSON:
        return {"publisher": "contoso", "offer": "policies", "sku": str(self.number)}

    def existing(self, tags: dict[str, str]) -> JSON:
        """Return the body by which someone else makes its resource."""
        properties: JSON = {}
        if self.kind == "ImageDefinition":
            properties = _definition(self._identifier())
        elif self.kind == "ImageVersion":
            properties = {
                "publishingProfile": {"targetRegions": [{"name": "westeurope"}]},
                "storageProfile": {"osDiskImage": {"source": {"id": _SNAPSHOT}}},
            }
        return {"location": "westeurope", "tags": tags, "properties": properties}


def _definition(identifier: JSON) -> JSON:
    return {
        "osType": "Linux",
        "osState": "Generalized",
        "hyperVGeneration": "V2",
        "architecture": "x64",
        "identifier": identifier,
    }


# --- the page --------------------------------------------------------------------------------------------------------


def rows() -> list[Row]:
    """Return the rows of the page's table."""
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("| Before |"))
    head = _cells(lines[start])
    found: list[Row] = []
    for number, line in enumerate(lines[start + 2 :], 1):
        if not line.startswith("|"):
            return found
        cells = dict(zip(head, _cells(line), strict=True))
        circumstances = {name: _values(name, cells[name]) for name in VALUES}
        found.append(Row(number, circumstances, {event: cells[event] for event in EVENTS}))
    return found


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def _values(column: str, cell: str) -> tuple[str, ...]:
    values = VALUES[column] if cell == "any" else tuple(cell.split(", "))
    assert set(values) <= set(VALUES[column]), f"{column}: {cell}"
    return values


def cases(table: Iterable[Row]) -> list[Case]:
    """Return every combination that the rows name, of every kind."""
    found: list[Case] = []
    for row in table:
        for before, management, drift, deletion, paused in product(*row.circumstances.values()):
            found += [
                Case(row, kind, len(found), before, management == "Observe", drift == "Report", deletion, paused)
                for kind in KINDS
            ]
    return found


# --- the play --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Seen:
    """What there was of a case after an event."""

    obj: JSON | None
    resource: JSON | None
    writes: tuple[str, ...] = ()
    """Methods of the writes that Azure accepted because of this event."""

    @property
    def tags(self) -> dict[str, str]:
        found: dict[str, str] = (self.resource or {}).get("tags", {})
        return found

    def __str__(self) -> str:
        conditions = ((self.obj or {}).get("status") or {}).get("conditions", ())
        said = [f"{each['type']}={each['status']} {each['reason']} {each['message']}" for each in conditions]
        return f"writes {self.writes}, tags {self.tags}, {'no object' if self.obj is None else said}"

    def says(self, type_: str) -> tuple[str, str]:
        """Return status and reason of a condition; empty texts when there is none."""
        found = condition(self.obj or {}, type_)
        return found.get("status", ""), found.get("reason", "")


History = dict[tuple[Case, str], Seen]


class Play:
    """All cases, in one namespace, through all events."""

    def __init__(self, scene: Scene, driver: Driver, all_cases: list[Case]) -> None:
        self._scene, self._driver, self._cases = scene, driver, all_cases
        self.history: History = {}

    @classmethod
    async def run(cls, scene: Scene, simulator: AzureSimulator, all_cases: list[Case]) -> History:
        """Play it, and return what was seen; `before` is the state in which the objects are applied."""
        scene.azure.configure(durations=_QUICK, quotas={"galleries": 10_000})
        driver = await Driver.start(scene.cluster, simulator, scene.azure, scene.namespace)
        try:
            play = cls(scene, driver, all_cases)
            await play._perform()
            return play.history
        finally:
            await driver.close()

    async def _perform(self) -> None:
        azure, driver = self._scene.azure, self._driver
        azure.create([(str(_SHELF), {"location": "westeurope", "properties": {}})])
        base = _definition({"publisher": "contoso", "offer": "policies", "sku": "base"})
        azure.create([(str(_SHELF.definition("base")), {"location": "westeurope", "properties": base})])
        azure.create((each.id, each.existing(_tags_before(each))) for each in self._cases if each.before != "nothing")
        self._see("before")
        self._scene.apply(*(each.manifest("one", edited=False) for each in self._cases))
        await driver.live(_A_WHILE)
        self._see("On create")
        self._scene.apply(*(each.manifest("two", edited=True) for each in self._cases))
        await driver.live(_A_WHILE)
        self._see("On edit")
        for case, resource in self._resources().items():
            if resource is None:
                azure.create([(case.id, case.existing({"team": "theirs"}))])
            else:
                azure.tamper(case.id, {"tags": {**resource.get("tags", {}), "team": "theirs"}})
        azure.advance(timedelta(seconds=RESYNC * 1.3))
        await driver.live(_A_WHILE)
        self._see("On drift")
        for case in self._cases:
            self._scene.delete(case.kind, case.name)
        await driver.live(_A_WHILE)
        self._see("On delete")
        for case in self._cases:
            if self.history[case, "On delete"].obj is not None:
                self._scene.strip_finalizers(case.kind, case.name)

    def _see(self, event: str) -> None:
        writes: defaultdict[str, list[str]] = defaultdict(list)
        for each in self._scene.azure.journal():
            if each.method in {"PUT", "PATCH", "POST", "DELETE"} and each.status in range(200, 300):
                writes[each.path.casefold()].append(each.method)
        self._scene.azure.clear_journal()
        objects = {(kind, each["metadata"]["name"]): each for kind in KINDS for each in self._scene.objects(kind)}
        for case, resource in self._resources().items():
            sent = tuple(writes.get(case.id.casefold(), ()))
            self.history[case, event] = Seen(objects.get((case.kind, case.name)), resource, sent)

    def _resources(self) -> dict[Case, JSON | None]:
        there = {each.casefold() for each in self._scene.azure.resources()}
        look = self._scene.azure.resource
        return {case: look(case.id) if case.id.casefold() in there else None for case in self._cases}


def _tags_before(case: Case) -> dict[str, str]:
    return {"team": "before", **(_FOREIGN if case.before == "foreign" else {})}


# --- what happened ---------------------------------------------------------------------------------------------------


#: Whether a word fits what was seen before an event and after it.
Verdict = Callable[[Seen, Seen], bool]


def word(history: History, case: Case, event: str) -> str:
    """Return the table's word for what happened to a case on an event, or what was seen when no word fits."""
    order = ("before", *EVENTS)
    before, now = history[case, order[order.index(event) - 1]], history[case, event]
    return next((each for each, holds in _WORDS[event].items() if holds(before, now)), f"none of these: {now}")


def _idle(now: Seen) -> bool:
    return now.writes == () and now.says("Stalled") == now.says("Drifted") == ("", "")


def _ours(now: Seen) -> bool:
    return now.tags.get(names.OWNER_TAG, "").startswith("test-cluster/") and names.FINALIZER in _finalizers(now)


def _finalizers(now: Seen) -> list[str]:
    found: list[str] = (now.obj or {})["metadata"].get("finalizers", [])
    return found


def _written(now: Seen, team: str) -> bool:
    ready = now.says("Ready")[0] == "True" and now.says("Drifted") == now.says("Stalled") == ("", "")
    return now.writes == ("PUT",) and now.tags.get("team") == team and ready


def _created(before: Seen, now: Seen) -> bool:
    return before.resource is None and _written(now, "one") and _ours(now) and names.ADOPTED_TAG not in now.tags


def _adopted(before: Seen, now: Seen) -> bool:
    marked = now.tags.get(names.ADOPTED_TAG) == "true"
    return before.resource is not None and _written(now, "one") and _ours(now) and marked


def _refused(before: Seen, now: Seen) -> bool:
    stalled = now.says("Ready") == ("False", "OwnershipConflict") and now.says("Stalled")[0] == "True"
    return now.writes == () and stalled and before.resource is not None


def _observed(_: Seen, now: Seen) -> bool:
    as_it_is = ("False", "NotFound") if now.resource is None else ("True", "Observed")
    return _idle(now) and now.says("Ready") == as_it_is and not _ours_at_all(now)


def _ours_at_all(now: Seen) -> bool:
    return names.FINALIZER in _finalizers(now) or now.tags.get(names.OWNER_TAG, "").startswith("test-cluster/")


def _held(before: Seen, now: Seen) -> bool:
    as_it_was = before.obj is None or now.says("Ready") == before.says("Ready")
    return now.writes == () and now.says("Paused")[0] == "True" and as_it_was


def _reported(_: Seen, now: Seen) -> bool:
    shown = now.says("Ready") == ("True", "Drifted") and now.says("Drifted")[0] == "True"
    return now.writes == () and shown and now.tags["team"] == "theirs"


def _kept(before: Seen, now: Seen) -> bool:
    return now.writes == () and now.resource == before.resource


_RESTS: Final[dict[str, Verdict]] = {"held": _held, "refused": _refused, "observed": _observed}

#: Event -> word -> whether it is the word for what was seen.
_WORDS: Final[dict[str, dict[str, Verdict]]] = {
    "On create": {**_RESTS, "created": _created, "adopted": _adopted},
    "On edit": {**_RESTS, "applied": lambda _, now: _written(now, "two")},
    "On drift": {**_RESTS, "corrected": lambda _, now: _written(now, "two"), "reported": _reported},
    "On delete": {
        "deleted": lambda _, now: now.obj is None and now.resource is None and now.writes == ("DELETE",),
        "left": lambda before, now: now.obj is None and _kept(before, now) and now.resource is not None,
        "held": lambda before, now: now.obj is not None and _kept(before, now),
    },
}


def combinations() -> Iterator[tuple[str, ...]]:
    """Yield every combination of circumstances."""
    yield from product(*VALUES.values())
