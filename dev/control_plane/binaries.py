"""kube-apiserver and etcd: found in KUBEBUILDER_ASSETS or the user's cache, or else built once from pinned modules."""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout
from platformdirs import user_cache_path

from dev.control_plane import toolchain
from dev.control_plane.progress import step

MODULE = Path(__file__).parent

#: The variable by which envtest finds its binaries: a folder with kube-apiserver and etcd.
ASSETS_VARIABLE = "KUBEBUILDER_ASSETS"

VERSION_PACKAGE = "k8s.io/component-base/version"


class BuildError(Exception):
    """The binaries could not be had; the message says why."""


@dataclass(frozen=True)
class Binaries:
    """Where the two programs are."""

    kube_apiserver: Path
    etcd: Path

    @classmethod
    def inside(cls, folder: Path) -> Binaries:
        return cls(folder / "kube-apiserver", folder / "etcd")

    def missing(self) -> list[Path]:
        return [path for path in (self.kube_apiserver, self.etcd) if not os.access(path, os.X_OK)]


def find_or_build(*, quiet: bool = False) -> Binaries:
    """Return the binaries, building them (once per user, several minutes) where there are none.

    Raises BuildError when KUBEBUILDER_ASSETS names a folder without them, or when the build fails.
    """
    assets = os.environ.get(ASSETS_VARIABLE)
    if assets:
        binaries = Binaries.inside(Path(assets))
        if missing := binaries.missing():
            raise BuildError(f"{ASSETS_VARIABLE}={assets} lacks {', '.join(path.name for path in missing)}")
        return binaries
    go = toolchain.on_path()
    folder = _cache_folder(go.version if go else toolchain.pinned_version())
    binaries = Binaries.inside(folder)
    if binaries.missing():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _locked(folder, quiet=quiet):
            if binaries.missing():  # nobody else has built them while this process waited for the lock
                _build(folder, go, quiet=quiet)
    return binaries


def versions() -> tuple[str, str]:
    """Return the versions of kube-apiserver and etcd (`v1.36.3`, `v3.6.8`) that go.mod pins."""
    text = (MODULE / "go.mod").read_text()
    kubernetes, etcd = (
        re.findall(rf"^\s*{re.escape(module)} (v\S+)", text, re.MULTILINE)[0]
        for module in ("k8s.io/kubernetes", "go.etcd.io/etcd/server/v3")
    )
    return kubernetes, etcd


def _cache_folder(go_version: str) -> Path:
    """Return the folder for what the present go.mod, go.sum, Go and platform give."""
    parts = [(MODULE / name).read_bytes() for name in ("go.mod", "go.sum")]
    parts += [part.encode() for part in (go_version, platform.system(), platform.machine())]
    digest = hashlib.sha256(b"\0".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()
    return user_cache_path("gallery-operator") / "control-plane" / f"{versions()[0]}-{digest[:16]}"


def _beside(folder: Path, ending: str) -> Path:
    return folder.with_name(f"{folder.name}.{ending}")  # with_suffix would cut the version at its dot


@contextmanager
def _locked(folder: Path, *, quiet: bool) -> Iterator[None]:
    """Hold the lock of `folder` among all processes of the machine; the kernel drops it when its holder dies."""
    lock = FileLock(_beside(folder, "lock"))
    try:
        lock.acquire(blocking=False)
    except Timeout:
        with step("Waiting for another build of the control plane", quiet=quiet):
            lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _build(folder: Path, go: toolchain.Go | None, *, quiet: bool) -> None:
    """Build next to `folder`, then rename: who sees `folder` sees it whole."""
    scratch = _beside(folder, "building")
    shutil.rmtree(scratch, ignore_errors=True)  # of a build that was killed
    scratch.mkdir()
    try:
        if go is None:
            with step(f"Fetching Go {toolchain.pinned_version()} (once)", quiet=quiet):
                go = toolchain.install(scratch)
        kubernetes, etcd = versions()
        text = f"Building kube-apiserver {kubernetes} and etcd {etcd} (several minutes, once)"
        with step(text, quiet=quiet):
            _compile(go, scratch / "bin")
        shutil.rmtree(folder, ignore_errors=True)  # incomplete, or it would not be built again
        (scratch / "bin").rename(folder)
    except toolchain.ToolchainError as error:
        raise BuildError(str(error)) from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _compile(go: toolchain.Go, target: Path) -> None:
    """Compile the tools of go.mod into `target`, named as the rest of the world names them."""
    kubernetes, _ = versions()
    major, minor, _ = kubernetes.removeprefix("v").split(".", 2)
    values = {"gitVersion": kubernetes, "gitMajor": major, "gitMinor": minor}
    linker_flags = ["-s", "-w", *(f"-X={VERSION_PACKAGE}.{name}={value}" for name, value in values.items())]
    options = ["-trimpath", "-mod=readonly", "-buildvcs=false", f"-ldflags={' '.join(linker_flags)}"]
    target.mkdir()
    done = subprocess.run(
        [str(go.command), "build", *options, f"-o={target}/", "tool"],
        cwd=MODULE,
        env=go.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        tail = "\n".join(done.stdout.strip().splitlines()[-20:])
        raise BuildError(f"go build failed with Go {go.version}:\n{tail}")
    (target / "server").rename(target / "etcd")  # its package is go.etcd.io/etcd/server/v3
