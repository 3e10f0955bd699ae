"""The real Azure CLI, logged in to a simulator."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from dev.azure_simulator import Endpoints, Switchboard
from dev.azure_simulator.settings import Durations

#: The az executable that GALLERY_AZ names; empty: the tests are skipped.
EXECUTABLE = os.environ.get("GALLERY_AZ", "")
#: Seconds that one command may take. A start of az costs one to five of them.
_TIMEOUT = 120

needs_az = pytest.mark.skipif(not EXECUTABLE, reason="needs the Azure CLI: make test-az")
#: Gallery, definition and version of the fixture `parents`, as az wants them named.
GALLERY = ("-g", "images-rg", "-r", "shared")
DEFINITION = (*GALLERY, "-i", "ubuntu")


class AzureCli:
    """Runs az with a configuration of its own: a cloud named `simulator`, and a login as service principal."""

    def __init__(self, endpoints: Endpoints, folder: Path) -> None:
        self._environment = {
            **os.environ,
            "AZURE_CONFIG_DIR": str(folder),
            "AZURE_CORE_COLLECT_TELEMETRY": "no",
            "REQUESTS_CA_BUNDLE": str(endpoints.ca_file),
        }
        self("config", "set", "core.instance_discovery=false")
        self("cloud", "register", "-n", "simulator", "--endpoint-resource-manager", endpoints.url)
        self("cloud", "set", "-n", "simulator")
        secret = ("-u", endpoints.client_id, "-p", endpoints.client_secret, "--tenant", endpoints.tenant_id)
        self("login", "--service-principal", *secret)

    def __call__(self, *arguments: str) -> Any:
        """Return what az prints, read as JSON; None when it prints nothing. Fails with its words when it fails."""
        done = self._run(arguments)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout.strip() else None

    def refused(self, *arguments: str) -> str:
        """Return the error that az prints. Fails when it does not fail."""
        done = self._run(arguments)
        assert done.returncode != 0, done.stdout
        return done.stderr

    def _run(self, arguments: Iterable[str]) -> subprocess.CompletedProcess[str]:
        command = [EXECUTABLE, *arguments, "--only-show-errors", "--output", "json"]
        return subprocess.run(
            command, env=self._environment, capture_output=True, text=True, timeout=_TIMEOUT, check=False
        )


def let_operations_end_at_once(azure: Switchboard) -> None:
    """Otherwise az sleeps between its polls: 30 s, where Azure names no Retry-After."""
    azure.configure(durations=Durations().scaled(0).model_dump())
