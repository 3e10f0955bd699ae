"""The world of a benchmark: a real API server, the Azure simulator, and operators one after the other."""

from __future__ import annotations

import asyncio
import re
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.landscape import JSON, NAMESPACE, Landscape
from bench.process import Operator
from dev.azure_simulator import AzureSimulator, Entry, Switchboard
from dev.control_plane import ControlPlane, Kubectl
from gallery_operator.api import names
from gallery_operator.kube.connection import Connection, Identity

_CRDS = Path(__file__).parents[1] / "crds"
#: Objects that are created at the same time.
_CREATORS = 16
_PAGE = 500
_WRITES = re.compile(
    r'^apiserver_request_total\{.*group="(?:events\.k8s\.io|' + re.escape(names.GROUP) + r')".*'
    r'verb="(?:APPLY|DELETE|DELETECOLLECTION|PATCH|POST|PUT)".*\} (\S+)$',
    re.MULTILINE,
)


@dataclass
class World:
    """What a scenario acts in. `real_time`: the operator uses the system's clock, as in a cluster."""

    plane: ControlPlane
    simulator: AzureSimulator
    switchboard: Switchboard
    folder: Path
    real_time: bool

    @classmethod
    @contextmanager
    def open(cls, *, speed: float = 1.0) -> Iterator[World]:
        """Start everything but an operator, with the CRDs installed, and stop it at the end."""
        with (
            tempfile.TemporaryDirectory(prefix="gallery-operator-bench-") as folder,
            ControlPlane.start(quiet=True) as plane,
            AzureSimulator.start(speed=speed) as simulator,
        ):
            switchboard = Switchboard(simulator.endpoints)
            switchboard.configure(page_size=50)
            world = cls(plane, simulator, switchboard, Path(folder), speed == 1.0)
            world.install()
            yield world
            switchboard.close()

    def install(self) -> None:
        """Install the CRDs."""
        files = [f"--filename={path}" for path in sorted(_CRDS.glob("*.yaml"))]
        created = self.kubectl("apply", "--server-side", "--output=name", *files).split()
        self.kubectl("wait", "--for=condition=Established", "--timeout=60s", *created)

    @property
    def kubectl(self) -> Kubectl:
        return Kubectl(self.plane.kubeconfig)

    def landscape(self, versions: int, per_definition: int) -> Landscape:
        """Return a landscape in this cluster and subscription."""
        cluster_id = self.kubectl.json("get", "namespace", "kube-system")["metadata"]["uid"]
        return Landscape(versions, per_definition, self.simulator.endpoints.subscription_id, cluster_id)

    def operator(self, *options: str) -> Operator:
        """Start an operator; the caller stops it."""
        environment = self.simulator.endpoints.environment() | {
            "GALLERY_OPERATOR_KUBECONFIG": str(self.plane.kubeconfig),
        }
        if self.real_time:
            del environment["GALLERY_OPERATOR_CLOCK_FILE"]
        return Operator(environment, self.folder / "operator.log", *options)

    # --- Kubernetes ---

    def create(self, objects: Iterable[JSON]) -> None:
        """Create objects, many at a time."""
        asyncio.run(self._create(list(objects)))

    def versions(self) -> list[JSON]:
        """Return all ImageVersion objects."""
        return asyncio.run(self._list_versions())

    def kubernetes_writes(self) -> int:
        """Return how often anyone wrote an object of ours or an Event so far, as the API server counts."""
        return int(sum(float(count) for count in _WRITES.findall(self.kubectl("get", "--raw=/metrics"))))

    async def _create(self, objects: Sequence[JSON]) -> None:
        connection = Connection(Identity(self.plane.kubeconfig), in_flight=_CREATORS)
        await connection.open()
        pending = iter(objects)

        async def work() -> None:
            for each in pending:
                await connection.send("POST", _path(each["kind"]), body=each)

        try:
            await asyncio.gather(*(work() for _ in range(_CREATORS)))
        finally:
            await connection.close()

    async def _list_versions(self) -> list[JSON]:
        connection = Connection(Identity(self.plane.kubeconfig))
        await connection.open()
        query = {"limit": str(_PAGE)}
        found: list[JSON] = []
        try:
            while True:
                page = await connection.send("GET", _path("ImageVersion"), query=query)
                found += page["items"]
                query["continue"] = page["metadata"].get("continue") or ""
                if not query["continue"]:
                    return found
        finally:
            await connection.close()

    # --- Azure ---

    def mark(self) -> int:
        """Return a mark for `traffic`: what was asked of ARM before it is left out."""
        return max((entry.number for entry in self.switchboard.journal()), default=0)

    def traffic(self, mark: int = 0) -> Traffic:
        """Return what was asked of ARM since the mark."""
        return Traffic(self.switchboard.journal(after=mark))


@dataclass(frozen=True)
class Traffic:
    """Requests to ARM."""

    entries: Sequence[Entry]

    @property
    def writes(self) -> list[Entry]:
        """PUTs, PATCHes and DELETEs."""
        return [each for each in self.entries if each.method != "GET"]

    @property
    def version_puts(self) -> list[Entry]:
        """PUTs of versions that Azure accepted."""
        return [each for each in self.writes if "/versions/" in each.path and each.status in {200, 201}]

    @property
    def reads(self) -> int:
        """How many GETs there were."""
        return len(self.entries) - len(self.writes)

    @property
    def version_reads(self) -> int:
        """How many GETs of single versions there were."""
        return sum(each.method == "GET" and "/versions/" in each.path for each in self.entries)

    @property
    def lists(self) -> int:
        """How many lists of versions were begun; their further pages do not count."""
        first = (each for each in self.entries if each.path.endswith("/versions") and "$skiptoken" not in each.query)
        return sum(1 for _ in first)


def is_ready(version: JSON) -> bool:
    """Tell whether an object says Ready of its present spec."""
    status: dict[str, Any] = version.get("status") or {}
    ready = [each for each in status.get("conditions") or [] if each["type"] == "Ready"]
    observed = status.get("observedGeneration") == version["metadata"]["generation"]
    return observed and bool(ready) and ready[0]["status"] == "True"


def _path(kind: str) -> str:
    return f"/apis/{names.API_VERSION}/namespaces/{NAMESPACE}/{names.PLURALS[kind]}"
