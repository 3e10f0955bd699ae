"""Fixtures of the packaging tests: they install CRDs and ClusterRoles, so they never touch anyone's cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import helm_python

    from dev.azure_simulator import AzureSimulator
    from dev.control_plane import ControlPlane, Kubectl
    from dev.control_plane.binaries import Binaries
    from tests.packaging.rendering import Rendered


@pytest.fixture(scope="session")
def chart() -> Iterator[helm_python.Chart]:
    """The chart, loaded."""
    import helm_python

    from deploy.manifests import CHART

    with helm_python.Chart.load(CHART) as chart:
        yield chart


@pytest.fixture(scope="session")
def render(chart: helm_python.Chart) -> Callable[..., Rendered]:
    """Renders the chart with some values."""
    from tests.packaging.rendering import Rendered

    def rendered(name: str = "gallery-operator", namespace: str = "operators", **values: Any) -> Rendered:
        return Rendered(chart.render(values, name=name, namespace=namespace))

    return rendered


@pytest.fixture(scope="module")
def plane(programs: Binaries) -> Iterator[ControlPlane]:
    """A control plane of a module's own, whatever KUBECONFIG says."""
    from dev.control_plane import ControlPlane

    del programs  # built before the first test
    with ControlPlane.start(quiet=True) as plane:
        yield plane


@pytest.fixture(scope="module")
def kubectl(plane: ControlPlane) -> Kubectl:
    """kubectl as an admin of `plane`."""
    from dev.control_plane import Kubectl

    return Kubectl(plane.kubeconfig)


@pytest.fixture(scope="module")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AzureSimulator]:
    """An Azure whose clock runs fast: replication takes seconds."""
    from dev.azure_simulator import AzureSimulator

    folder: Path = tmp_path_factory.mktemp("azure")
    with AzureSimulator.start(folder, speed=600) as simulator:
        yield simulator
