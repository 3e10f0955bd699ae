"""Where the story plays: a cluster, an Azure, an operator, and ways to look at all three."""

from __future__ import annotations

import shlex
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

from dev.azure_simulator import AzureSimulator, Endpoints, Entry, Switchboard
from dev.azure_simulator.regions import normalise
from dev.control_plane import Cluster, Kubectl
from dev.control_plane.kubeconfig import write_private
from dev.demo.installation import Installation
from dev.demo.manifests import PREFIX, Manifests
from dev.demo.narrator import Narrator
from dev.demo.operator_process import OperatorProcess
from dev.demo.watch import Watch

#: How many times as fast as real time operator and simulator run.
SPEED = 250.0
#: Seconds that something may take before it counts as not happening; a loaded machine is slow.
PATIENCE = 45.0
#: Seconds between two looks.
_INTERVAL = 0.15

KINDS = "gallery,imagedefinition,imageversion"
JSON = dict[str, Any]
T = TypeVar("T")
#: Region -> state, progress, replicas.
Regions = dict[str, tuple[str, int, int]]


class StoryError(Exception):
    """Something does not hold that should."""

    def __init__(self, fact: str, expected: object, found: object) -> None:
        super().__init__(f"{fact}: expected {expected!r}, found {found!r}")
        self.fact, self.expected, self.found = fact, str(expected), str(found)


@dataclass(frozen=True)
class Setting:
    """What is made for one telling of the story."""

    folder: Path
    installation: Installation


class Stage:
    """What the steps of the story work with."""

    def __init__(self, kubectl: Kubectl, endpoints: Endpoints, setting: Setting, narrator: Narrator) -> None:
        """`kubectl` works in the story's namespace."""
        self.kubectl = kubectl
        self.endpoints = endpoints
        self.folder = setting.folder
        self.tell = narrator
        self.azure = Switchboard(endpoints)
        self.manifests = Manifests(setting.folder)
        self.installation = setting.installation
        self.account = setting.folder / "operator.kubeconfig"
        self.operator = OperatorProcess(
            self.installation.environment()
            | endpoints.environment()
            | {"GALLERY_OPERATOR_KUBECONFIG": str(self.account), "GALLERY_OPERATOR_LOG_FORMAT": "text"},
            setting.folder / "operator.log",
        )
        self._followed: dict[str, Watch] = {}

    def close(self) -> None:
        """Stop what was started; objects that are left lose their finalizers, since nobody is to heed them any more."""
        for watch in self._followed.values():
            watch.close()
        self.operator.stop()
        self.azure.close()
        for name in self.kubectl("get", KINDS, "--output=name", check=False).split():
            self.kubectl("patch", name, "--type=merge", '--patch={"metadata":{"finalizers":null}}', check=False)
            self.kubectl("delete", name, "--ignore-not-found", "--wait=false")

    # --- doing ---

    def run(self, command: str, *, table: bool = False, fact: str | None = None) -> str:
        """Run a kubectl command and show it as a user would type it; `fact` is told when it ends well."""
        self.tell.command(f"kubectl {command}")
        arguments = [str(self.folder / each) if each.startswith("examples/") else each for each in shlex.split(command)]
        with ThreadPoolExecutor(1) as pool, self.tell.waiting(command, self.table if table else None) as look:
            running = pool.submit(self.kubectl, *arguments)
            while not running.done():
                look()
                time.sleep(_INTERVAL)
        if fact is not None:
            self.tell.fact(fact)
        return running.result()

    def advance(self, **by: float) -> None:
        """Let time pass at once: `hours=1`, `days=7`."""
        stretch = timedelta(**by)
        self.tell.note(f"… {_spoken(stretch)} later …")
        self.azure.advance(stretch)

    @contextmanager
    def slow_motion(self) -> Iterator[None]:
        """Let operator and Azure run in real time."""
        self.azure.set_speed(1)
        try:
            yield
        finally:
            self.azure.set_speed(SPEED)

    def follow(self, version: str, jsonpath: str) -> None:
        """Note, from now to the end of the story, every value that a field of an image version has."""
        self._followed[version] = Watch(self.kubectl, "imageversions", f"{PREFIX}{version}", jsonpath)

    def followed(self, version: str) -> list[str]:
        """Return the values noted so far."""
        return self._followed[version].seen()

    # --- verifying ---

    def verify(self, fact: str, found: object, expected: object) -> None:
        """Tell a fact. Raises StoryError when it does not hold."""
        if found != expected:
            raise StoryError(fact, expected, found)
        self.tell.fact(fact)

    def eventually(self, fact: str, probe: Callable[[], object], expected: object, *, table: bool = False) -> None:
        """Tell a fact as soon as it holds; show the `table` till then. Raises StoryError when it never does."""
        self._await(fact, probe, lambda found: found == expected, expected, table=table)

    def eventually_told(self, fact: str, lines: Callable[[], Sequence[str]], part: str) -> str:
        """Tell a fact as soon as a line contains `part`; return the line. Raises StoryError when none ever does."""
        found = self._await(fact, lines, lambda found: any(part in each for each in found), f"a line with {part!r}")
        return next(each for each in found if part in each)

    def _await(
        self, fact: str, probe: Callable[[], T], holds: Callable[[T], bool], expected: object, *, table: bool = False
    ) -> T:
        deadline = time.monotonic() + PATIENCE
        with self.tell.waiting(fact, self.table if table else None) as look:
            while not holds(found := probe()):
                self.operator.check()
                if time.monotonic() > deadline:
                    raise StoryError(fact, expected, found)
                look()
                time.sleep(_INTERVAL)
        self.tell.fact(fact)
        return found

    # --- looking at Kubernetes ---

    def table(self) -> str:
        return self.kubectl("get", "imageversions", check=False)

    def revisions(self) -> dict[str, str]:
        """Return the resourceVersion of each object: it changes with every write."""
        return {
            each["metadata"]["name"]: each["metadata"]["resourceVersion"]
            for each in self.kubectl.json("get", KINDS)["items"]
        }

    def version(self, version: str) -> JSON:
        """Return the object of an image version; an empty one when there is none."""
        return self._object("imageversions", f"{PREFIX}{version}")

    def status(self, version: str) -> JSON:
        """Return the status of an image version."""
        return _status(self.version(version))

    def definition_status(self) -> JSON:
        """Return the status of the image definition."""
        return _status(self._object("imagedefinitions", "ubuntu-24-04"))

    def condition(self, version: str, type_: str = "Ready") -> tuple[str, str]:
        """Return status and reason of a condition of an image version, once it speaks of the present spec."""
        resource = self.version(version)
        status = _status(resource)
        if status.get("observedGeneration") != resource.get("metadata", {}).get("generation"):
            return ("Unknown", "the operator has not looked yet")
        found = [each for each in status.get("conditions", ()) if each["type"] == type_]
        return (found[0]["status"], found[0]["reason"]) if found else ("Unknown", "no such condition")

    def regions(self, version: str) -> Regions:
        """Return state, progress and replicas of each region, as the status has them."""
        rows = self.status(version).get("replication", {}).get("regions", ())
        return {row["name"]: (row["state"], row["progress"], row["replicas"]) for row in rows}

    def _object(self, kind: str, name: str) -> JSON:
        items = self.kubectl.json("get", kind, f"--field-selector=metadata.name={name}")["items"]
        return items[0] if items else {}

    def events(self, name: str) -> list[str]:
        """Return the Events of an object: `Reason: message`."""
        found = self.kubectl.json("get", "events", f"--field-selector=involvedObject.name={name}")["items"]
        return [f"{each['reason']}: {each['message']}" for each in found]

    def warnings(self) -> list[str]:
        """Return the Events of type Warning."""
        found = self.kubectl.json("get", "events", "--field-selector=type=Warning")["items"]
        return [f"{each['involvedObject']['name']}: {each['reason']}: {each['message']}" for each in found]

    # --- looking at Azure ---

    @property
    def gallery_id(self) -> str:
        group = f"/subscriptions/{self.endpoints.subscription_id}/resourceGroups/images-rg"
        return f"{group}/providers/Microsoft.Compute/galleries/platform"

    def version_id(self, version: str) -> str:
        return f"{self.gallery_id}/images/ubuntu-24-04/versions/{version}"

    def gallery_tags(self) -> dict[str, str]:
        """Return the gallery's tags in Azure."""
        tags: dict[str, str] = (self.azure.resource(self.gallery_id) or {}).get("tags", {})
        return tags

    def exists_in_azure(self, version: str) -> bool:
        return self.azure.resource(self.version_id(version)) is not None

    def state_in_azure(self, version: str) -> str | None:
        """Return the provisioning state of an image version; None when Azure has none."""
        return self._properties(version).get("provisioningState")

    def profile_in_azure(self, version: str) -> JSON:
        """Return the publishing profile of an image version; an empty one when Azure has none."""
        profile: JSON = self._properties(version).get("publishingProfile", {})
        return profile

    def regions_in_azure(self, version: str) -> Regions:
        """Return state, progress and replicas of each region, as Azure has them."""
        properties = self._properties(version)
        targets = properties.get("publishingProfile", {}).get("targetRegions", ())
        replicas = {normalise(each["name"]): each["regionalReplicaCount"] for each in targets}
        rows = properties.get("replicationStatus", {}).get("summary", ())
        states = {normalise(row["region"]): (row["state"], row["progress"]) for row in rows}
        return {name: (*state, replicas[name]) for name, state in states.items()}

    def _properties(self, version: str) -> JSON:
        properties: JSON = (self.azure.resource(self.version_id(version)) or {}).get("properties", {})
        return properties

    def mark(self) -> int:
        """Return the number of the latest request in the journal."""
        entries = self.azure.journal()
        return entries[-1].number if entries else 0

    def writes(self, mark: int = 0, match: str = "") -> list[str]:
        """Return what was written since `mark`: `PUT 1.0.0`."""
        entries = self.azure.journal(match, after=mark)
        return [f"{each.method} {_name(each)}" for each in entries if each.method not in {"GET", "HEAD"}]


def _spoken(stretch: timedelta) -> str:
    """Return a stretch of time in words: 14 days and 1 hour."""
    counts = {"day": stretch.days, "hour": stretch.seconds // 3600}
    return " and ".join(f"{count} {unit}{'s'[: count != 1]}" for unit, count in counts.items() if count)


def _name(entry: Entry) -> str:
    return entry.path.rstrip("/").rpartition("/")[2]


def _status(resource: JSON) -> JSON:
    status: JSON = resource.get("status", {})
    return status


@contextmanager
def opened(cluster: Cluster, narrator: Narrator, *, namespace: str) -> Iterator[Stage]:
    """Set up the stage in a new namespace of the cluster, and clear it away in the end.

    Raises KubectlError when the namespace exists already.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gallery-operator-demo-")))
        simulator = stack.enter_context(AzureSimulator.start(folder / "azure", speed=SPEED))
        kubectl = Kubectl(_kubeconfig(cluster, namespace, folder / "kubeconfig"))
        there = bool(kubectl("get", "crd", "imageversions.gallery-operator.io", "--ignore-not-found", "--output=name"))
        installation = Installation(kubectl, namespace, crds=not (cluster.foreign and there))
        kubectl("create", "namespace", namespace)
        if cluster.foreign:
            stack.callback(kubectl, "delete", "namespace", namespace, "--wait=false")
            stack.callback(installation.remove)
        stage = Stage(kubectl, simulator.endpoints, Setting(folder, installation), narrator)
        stack.callback(stage.close)
        yield stage


def _kubeconfig(cluster: Cluster, namespace: str, target: Path) -> Path:
    """Write a kubeconfig file whose commands go to `namespace`, so that no command needs to name it."""
    write_private(target, cluster.kubectl("config", "view", "--raw", "--flatten", "--minify"))
    Kubectl(target)("config", "set-context", "--current", f"--namespace={namespace}")
    return target
