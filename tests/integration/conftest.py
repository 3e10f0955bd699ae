"""Fixtures of the integration tests."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from dev.azure_simulator import AzureSimulator
    from dev.control_plane import Cluster
    from tests.integration.admission.asking import Admission
    from tests.integration.credentials import Start
    from tests.integration.driving import Driver
    from tests.integration.scenes import Scene

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def crds(cluster: Cluster) -> Iterator[tuple[str, ...]]:
    """The names of our CRDs, installed and served. They are removed only where they were not there before."""
    files = sorted((ROOT / "crds").glob("*.yaml"))
    before = set(cluster.kubectl("get", "crds", "--output=name").split())
    each_file = [f"--filename={path}" for path in files]
    names = tuple(
        cluster.kubectl("apply", "--server-side", "--force-conflicts", "--output=name", *each_file).splitlines()
    )
    cluster.kubectl("wait", "--for=condition=Established", "--timeout=60s", *names)
    yield tuple(name.partition("/")[2] for name in names)
    if cluster.foreign and (ours := [name for name in names if name not in before]):
        cluster.kubectl("delete", "--wait=false", *ours)


@pytest.fixture(scope="session")
def admission(cluster: Cluster, crds: tuple[str, ...]) -> Iterator[Admission]:
    """The API server, asked what it thinks of manifests: nothing is stored but what updates start from."""
    from tests.integration.admission.asking import opened

    with opened(cluster) as admission:
        yield admission


@pytest.fixture(scope="session")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AzureSimulator]:
    """One Azure for all tests that drive reconcilers; each test begins with an empty one."""
    from dev.azure_simulator import AzureSimulator

    with AzureSimulator.start(tmp_path_factory.mktemp("azure")) as simulator:
        yield simulator


@pytest.fixture
def scene(
    cluster: Cluster,
    crds: tuple[str, ...],
    simulator: AzureSimulator,
    namespace: str,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Scene]:
    """A namespace with our kinds, an empty Azure, and the operator's credentials in the environment."""
    from dev.azure_simulator import Switchboard
    from tests.integration.scenes import Scene

    del crds
    for name, value in simulator.endpoints.environment().items():
        monkeypatch.setenv(name, value)
    azure = Switchboard(simulator.endpoints)
    azure.reset()
    scene = Scene(cluster, azure, namespace)
    yield scene
    azure.close()


@pytest.fixture
async def driver(scene: Scene, simulator: AzureSimulator) -> AsyncIterator[Driver]:
    """One process of the operator, driven by the test."""
    from tests.integration.driving import Driver

    driver = await Driver.start(scene.cluster, simulator, scene.azure, scene.namespace)
    yield driver
    await driver.close()


@pytest.fixture
async def start(scene: Scene, simulator: AzureSimulator) -> AsyncIterator[Start]:
    """Starts processes of the operator: for the scene's namespace, or for that of another scene."""
    from tests.integration.driving import Driver

    drivers: list[Driver] = []

    async def start(where: Scene = scene, **options: Any) -> Driver:
        drivers.append(await Driver.start(where.cluster, simulator, where.azure, where.namespace, **options))
        return drivers[-1]

    yield start
    for driver in drivers:
        await driver.close()


@pytest.fixture
def federated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The operator's pod has a token of its cluster."""
    import jwt

    claims = {"iss": "https://issuer.example", "sub": "system:serviceaccount:ops:operator"}
    token = jwt.encode({**claims, "exp": int(time.time()) + 3600}, "a key that nobody checks: 32 bytes.", "HS256")
    (tmp_path / "token").write_text(token)
    monkeypatch.setenv("AZURE_FEDERATED_TOKEN_FILE", str(tmp_path / "token"))
