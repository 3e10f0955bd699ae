"""The control plane is a real one, and it never outlives its user."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import ssl
import subprocess
import sys
import textwrap
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from dev.control_plane import (
    BuildError,
    Cluster,
    ControlPlane,
    Kubectl,
    KubectlError,
    StartError,
    binaries,
    kubeconfig_for_service_account,
    toolchain,
    use,
)
from dev.control_plane.binaries import Binaries, find_or_build

ROOT = Path(__file__).parents[2]


def until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    """Return when `condition` holds; fail when it does not within `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.05)


def alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def gone(processes: list[psutil.Process]) -> bool:
    return not any(alive(process) for process in processes)


def names(processes: list[psutil.Process]) -> list[str]:
    """Return the programs' names, without the supervisor's."""
    return sorted(name for process in processes if "python" not in (name := process.name()))


@contextlib.contextmanager
def up_command(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """Run `python -m dev.control_plane up` and yield its process and the kubeconfig it names."""
    command = [sys.executable, "-m", "dev.control_plane", "up", *arguments]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        try:
            yield process, Path(line.strip().removeprefix("export KUBECONFIG="))
        finally:
            process.kill()


def config_map(name: str, **data: str) -> str:
    return json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data})


# --- what it can do ---


def test_a_config_map_is_created_read_changed_and_deleted_with_kubectl(cluster: Cluster, namespace: str) -> None:
    kubectl = cluster.kubectl
    kubectl("apply", "-n", namespace, "-f", "-", input=config_map("colours", sky="blue"))
    assert kubectl.json("get", "configmap", "colours", "-n", namespace)["data"] == {"sky": "blue"}

    kubectl("apply", "-n", namespace, "-f", "-", input=config_map("colours", sky="grey", sea="green"))
    assert kubectl.json("get", "configmap", "colours", "-n", namespace)["data"] == {"sky": "grey", "sea": "green"}

    kubectl("delete", "configmap", "colours", "-n", namespace)
    with pytest.raises(KubectlError, match="NotFound"):
        kubectl("get", "configmap", "colours", "-n", namespace)


def test_server_side_apply_refuses_a_field_that_another_manager_owns(cluster: Cluster, namespace: str) -> None:
    def apply(manager: str, colour: str) -> None:
        manifest = config_map("colours", sky=colour)
        cluster.kubectl(
            "apply", "--server-side", f"--field-manager={manager}", "-n", namespace, "-f", "-", input=manifest
        )

    apply("morning", "red")
    with pytest.raises(KubectlError, match='conflict with "morning"'):
        apply("evening", "black")
    assert cluster.kubectl.json("get", "configmap", "colours", "-n", namespace)["data"] == {"sky": "red"}


def test_kubectl_learns_from_the_servers_openapi_that_a_field_is_unknown(cluster: Cluster, namespace: str) -> None:
    manifest = json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "odd"}, "colour": "blue"})
    with pytest.raises(KubectlError, match=r'unknown field \\?"colour\\?"'):
        cluster.kubectl("apply", "-n", namespace, "-f", "-", input=manifest)
    for version in ("/openapi/v2", "/openapi/v3"):
        assert json.loads(cluster.kubectl("get", "--raw", version))


def test_a_service_account_may_do_exactly_what_rbac_grants_it(cluster: Cluster, namespace: str, tmp_path: Path) -> None:
    cluster.kubectl("create", "serviceaccount", "reader", "-n", namespace)
    file = kubeconfig_for_service_account(cluster.kubeconfig, namespace, "reader", tmp_path / "reader")
    assert file.stat().st_mode & 0o777 == 0o600
    reader = Kubectl(file)
    with pytest.raises(KubectlError, match=f'"system:serviceaccount:{namespace}:reader" cannot list'):
        reader("get", "configmaps")

    cluster.kubectl("create", "role", "reader", "--verb=list", "--resource=configmaps", "-n", namespace)
    cluster.kubectl(
        "create", "rolebinding", "reader", "--role=reader", f"--serviceaccount={namespace}:reader", "-n", namespace
    )
    until(lambda: reader("auth", "can-i", "list", "configmaps", check=False).strip() == "yes")
    assert "items" in reader.json("get", "configmaps")
    with pytest.raises(KubectlError, match="cannot create"):
        reader("create", "configmap", "mine")


def test_a_kubeconfig_variable_wins_over_a_control_plane_of_our_own(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(cluster.kubeconfig))
    with use() as given:
        assert given == Cluster(cluster.kubeconfig, foreign=True)

    second = tmp_path / "second"
    second.write_text(json.dumps({"apiVersion": "v1", "kind": "Config"}))
    monkeypatch.setenv("KUBECONFIG", os.pathsep.join([str(second), str(cluster.kubeconfig)]))
    with use() as merged:
        assert merged.kubectl("get", "--raw", "/readyz") == "ok"
        assert merged.kubeconfig.stat().st_mode & 0o777 == 0o600

    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "nowhere"))
    with pytest.raises(FileNotFoundError, match="nowhere"), use():
        pass


# --- how it lives and ends ---


@pytest.mark.usefixtures("programs")
def test_it_serves_and_stops_without_leaving_a_process_or_a_file() -> None:
    before = set(psutil.Process().children(recursive=True))
    with ControlPlane.start(quiet=True) as plane:
        context = ssl.create_default_context(cafile=str(plane.ca_file))
        with urllib.request.urlopen(f"{plane.url}/readyz", context=context, timeout=10) as answer:
            assert answer.read() == b"ok"
        assert plane.kubeconfig.stat().st_mode & 0o777 == 0o600
        started = [child for child in psutil.Process().children(recursive=True) if child not in before]
        assert names(started) == ["etcd", "kube-apiserver"]
    assert gone(started)
    assert not plane.kubeconfig.parent.exists()
    plane.stop()


@pytest.mark.usefixtures("programs")
def test_two_that_start_at_once_are_strangers_to_each_other() -> None:
    with contextlib.ExitStack() as stack, ThreadPoolExecutor(2) as pool:
        starting = [pool.submit(ControlPlane.start, quiet=True) for _ in range(2)]
        first, second = (Kubectl(stack.enter_context(start.result()).kubeconfig) for start in starting)
        first("create", "namespace", "only-in-the-first")
        assert first("get", "--raw", "/readyz") == second("get", "--raw", "/readyz") == "ok"
        with pytest.raises(KubectlError, match="NotFound"):
            second("get", "namespace", "only-in-the-first")


@pytest.mark.usefixtures("programs")
def test_killing_the_process_that_started_it_leaves_no_orphan_and_no_data() -> None:
    with up_command() as (process, kubeconfig):
        assert Kubectl(kubeconfig)("get", "--raw", "/readyz") == "ok"
        family = psutil.Process(process.pid).children(recursive=True)
        assert names(family) == ["etcd", "kube-apiserver"]
        process.send_signal(signal.SIGKILL)
        until(lambda: gone(family))
        until(lambda: not kubeconfig.parent.exists())


@pytest.mark.usefixtures("programs")
@pytest.mark.skipif(sys.platform != "linux", reason="relies on Linux's parent-death signal")
def test_killing_its_supervisor_leaves_no_orphan() -> None:
    with up_command() as (process, _):
        (supervisor,) = psutil.Process(process.pid).children()
        programs = supervisor.children()
        assert names(programs) == ["etcd", "kube-apiserver"]
        supervisor.kill()
        until(lambda: gone(programs))
        assert process.wait(30) == 1


@pytest.mark.usefixtures("programs")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_up_command_ends_cleanly(number: signal.Signals) -> None:
    with up_command() as (process, kubeconfig):
        family = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(number)
        assert process.wait(60) == 0
        assert gone(family)
        assert not kubeconfig.parent.exists()


@pytest.mark.usefixtures("programs")
def test_a_folder_of_the_users_choice_keeps_its_data_from_run_to_run(tmp_path: Path) -> None:
    folder = tmp_path / ("deep" * 30)  # a path too long for a Unix socket
    with ControlPlane.start(folder, quiet=True) as plane:
        Kubectl(plane.kubeconfig)("create", "namespace", "lasting")
    with ControlPlane.start(folder, quiet=True) as plane:
        Kubectl(plane.kubeconfig)("get", "namespace", "lasting")


# --- what goes wrong ---


def test_a_failed_start_shows_the_logs(programs: Binaries, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = textwrap.dedent("""\
        #!/bin/sh
        echo no leader today
        exit 3
    """)
    (tmp_path / "etcd").write_text(program)
    (tmp_path / "etcd").chmod(0o755)
    (tmp_path / "kube-apiserver").symlink_to(programs.kube_apiserver)
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(tmp_path))
    with pytest.raises(StartError, match="no leader today"):
        ControlPlane.start(quiet=True)


def test_an_assets_folder_without_the_programs_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(tmp_path))
    with pytest.raises(BuildError, match=f"{tmp_path} lacks kube-apiserver, etcd"):
        find_or_build(quiet=True)


# --- where the programs come from ---


@pytest.fixture
def fake_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Return a function that puts a `go` of a given version on PATH; it "builds" and notes that in a file.

    Its build takes a moment, so that whoever else wants one comes while it goes on.
    """
    monkeypatch.delenv("KUBEBUILDER_ASSETS", raising=False)
    monkeypatch.setattr(binaries, "user_cache_path", lambda name: tmp_path / "cache" / name)
    journal = tmp_path / "journal"

    def put(version: str) -> Path:
        program = textwrap.dedent(f"""\
            #!/bin/sh
            if [ "$1" = env ]; then echo go{version}; exit; fi
            echo "$@" >> {journal}
            for argument; do case $argument in -o=*) target=${{argument#-o=}} ;; esac; done
            [ "$target" ] || exit 9
            sleep 0.2
            for name in kube-apiserver server; do echo '#!' > $target$name; chmod +x $target$name; done
        """)
        folder = tmp_path / "bin"
        folder.mkdir(exist_ok=True)
        (folder / "go").write_text(program)
        (folder / "go").chmod(0o755)
        monkeypatch.setenv("PATH", os.pathsep.join([str(folder), "/usr/bin", "/bin"]))
        return journal

    return put


def test_two_that_need_the_programs_at_once_build_them_once(fake_go: Callable[[str], Path]) -> None:
    journal = fake_go("1.26.9")
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda _: find_or_build(quiet=True), range(2))
    assert first == second == find_or_build(quiet=True)
    assert not first.missing()
    assert len(journal.read_text().splitlines()) == 1
    assert not list(first.etcd.parent.parent.glob("*.building"))


def test_another_go_builds_its_own_programs(fake_go: Callable[[str], Path]) -> None:
    fake_go("1.26.9")
    first = find_or_build(quiet=True)
    fake_go("1.27.0")
    assert find_or_build(quiet=True) != first


@pytest.mark.parametrize("version", ["1.25.9", "1.26rc1", "", "1.9"])
def test_an_old_or_unreleased_go_is_passed_over(fake_go: Callable[[str], Path], version: str) -> None:
    fake_go(version)
    assert toolchain.on_path() is None


def test_a_build_that_fails_says_what_go_said_and_leaves_nothing(
    fake_go: Callable[[str], Path], tmp_path: Path
) -> None:
    fake_go("1.26.9")
    with (tmp_path / "bin" / "go").open("a") as program:
        program.write("echo 'module lookup failed' >&2\nexit 1\n")
    with pytest.raises(BuildError, match="module lookup failed"):
        find_or_build(quiet=True)
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_dir() and path.name.startswith("v")]


def test_go_mod_replaces_every_staging_module_by_the_kubernetes_release_it_pins() -> None:
    kubernetes, _ = binaries.versions()
    minor_and_patch = kubernetes.removeprefix("v1.")
    text = (binaries.MODULE / "go.mod").read_text()
    replaced = [line.split() for line in text.splitlines() if line.startswith("\tk8s.io/") and "=>" in line]
    assert len(replaced) > 30
    assert {(old == new, version) for old, _, new, version in replaced} == {(True, f"v0.{minor_and_patch}")}
