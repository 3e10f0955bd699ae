"""One simulator for all tests of this folder; every test finds it empty, without faults, its clock at normal speed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from azure.identity import ClientSecretCredential
from azure.mgmt.compute import ComputeManagementClient

from dev.azure_simulator import AzureSimulator, Settings, Switchboard
from tests.simulator.azure_cli import AzureCli
from tests.simulator.support import Http, credential_options, definition, gallery, options


@dataclass(frozen=True)
class Paths:
    """ARM ids of a gallery, a definition and versions that tests use."""

    gallery: str

    @property
    def definition(self) -> str:
        return f"{self.gallery}/images/ubuntu"

    @property
    def versions(self) -> str:
        return f"{self.definition}/versions"

    @property
    def version(self) -> str:
        return f"{self.versions}/1.0.0"


@pytest.fixture(scope="session")
def simulator() -> Iterator[AzureSimulator]:
    with AzureSimulator.start(settings=Settings(page_size=3)) as running:
        yield running


@pytest.fixture(scope="session")
def session_http(simulator: AzureSimulator) -> Http:
    return Http(simulator.endpoints)


@pytest.fixture(scope="session")
def session_switchboard(simulator: AzureSimulator) -> Switchboard:
    return Switchboard(simulator.endpoints)


@pytest.fixture
def azure(session_switchboard: Switchboard) -> Switchboard:
    """The switchboard of a simulator that holds nothing but its seeds."""
    session_switchboard.reset()
    session_switchboard.set_speed(1)
    return session_switchboard


@pytest.fixture
def http(azure: Switchboard, session_http: Http) -> Http:
    """A raw client of that simulator."""
    return session_http


@pytest.fixture
def client(azure: Switchboard, simulator: AzureSimulator) -> Iterator[ComputeManagementClient]:
    """The real SDK; its long-running operations are done at the next poll once the clock allows."""
    azure.configure(retry_after=0)
    credential = ClientSecretCredential(**credential_options(simulator))
    with ComputeManagementClient(credential, **options(simulator)) as made:
        yield made


@pytest.fixture
def paths(http: Http) -> Paths:
    return Paths(f"{http.galleries}/shared")


@pytest.fixture
def parents(azure: Switchboard, paths: Paths) -> Paths:
    """The paths, with gallery and definition in existence."""
    azure.create([(paths.gallery, gallery()), (paths.definition, definition())])
    return paths


@pytest.fixture(scope="session")
def az(simulator: AzureSimulator, tmp_path_factory: pytest.TempPathFactory) -> AzureCli:
    """The Azure CLI, logged in once; for tests that GALLERY_AZ lets run (`azure_cli.needs_az`)."""
    return AzureCli(simulator.endpoints, tmp_path_factory.mktemp("az"))
