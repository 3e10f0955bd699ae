"""What every test may use. The control plane is imported only when a test asks for it: unit tests start at once."""

from __future__ import annotations

import io
import logging
import os
import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from dev.control_plane import Cluster
    from dev.control_plane.binaries import Binaries


def pytest_collection_finish(session: pytest.Session) -> None:
    """Build the control plane's programs before the first test: no test's timeout allows for the minutes it takes."""
    fixtures = {name for item in session.items for name in getattr(item, "fixturenames", ())}
    needed = "programs" in fixtures or ("cluster" in fixtures and not os.environ.get("KUBECONFIG"))
    if not needed or session.config.option.collectonly:
        return
    from dev.control_plane.binaries import find_or_build

    with session.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        find_or_build()


@pytest.fixture(scope="session")
def programs() -> Binaries:
    """kube-apiserver and etcd, for tests that start control planes of their own."""
    from dev.control_plane.binaries import find_or_build

    return find_or_build(quiet=True)


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """The cluster of KUBECONFIG, or a control plane for this session: `.kubeconfig`, `.kubectl`, `.foreign`."""
    from dev.control_plane import use

    with use(quiet=True) as cluster:
        yield cluster


@pytest.fixture
def namespace(cluster: Cluster) -> Iterator[str]:
    """A new namespace for one test. It is deleted only from a foreign cluster: here nobody would finish that."""
    from kubernetes.client import CoreV1Api, V1Namespace, V1ObjectMeta

    name = f"test-{uuid.uuid4().hex[:10]}"
    CoreV1Api(cluster.client).create_namespace(V1Namespace(metadata=V1ObjectMeta(name=name)))
    yield name
    if cluster.foreign:
        cluster.kubectl("delete", "namespace", name, "--wait=false")


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """Everything that the operator logs at its most talkative level."""
    from gallery_operator.telemetry import logging as structured_logging

    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    structured_logging.configure("json", "DEBUG", stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)
