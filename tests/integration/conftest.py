"""Fixtures of the integration tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from dev.control_plane import Cluster
    from tests.integration.admission.asking import Admission

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
