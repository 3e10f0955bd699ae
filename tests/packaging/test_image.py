"""The container image, as far as one can judge without building it, and the installed command."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
import venv
from pathlib import Path

import pytest
import yaml

from gallery_operator import __version__
from tests.packaging.running import ROOT

LOCKS = ("runtime", "dev")


def instructions() -> list[tuple[str, str]]:
    """Return the Dockerfile's instructions and their arguments, continued lines joined."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    lines = re.sub(r"\\\n", " ", text).splitlines()
    split = [line.split(maxsplit=1) for line in lines if line.strip() and not line.startswith("#")]
    return [(name, " ".join(rest.split())) for name, rest in split]


def of(name: str) -> list[str]:
    return [rest for each, rest in instructions() if each == name]


def test_every_stage_starts_from_one_pinned_image() -> None:
    (argument,) = [each for each in of("ARG") if each.startswith("PYTHON_IMAGE=")]
    assert re.fullmatch(r"PYTHON_IMAGE=python:3\.\d+\.\d+-slim-\w+", argument)
    assert [each.partition(" ")[0] for each in of("FROM")] == ["${PYTHON_IMAGE}"] * 2


def test_the_image_runs_as_a_numbered_user_without_rights() -> None:
    user, _, group = instructions()[-4][1].partition(":")
    assert instructions()[-4][0] == "USER"
    assert int(user) > 1000
    assert int(group) > 1000


def test_the_images_python_is_one_the_package_supports_and_ci_tests() -> None:
    minor = re.search(r"python:(3\.\d+)\.", of("ARG")[0])
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8"))
    assert minor is not None
    assert minor[1] in workflow["jobs"]["test"]["strategy"]["matrix"]["python"]


def test_only_packages_of_the_lock_file_are_installed_with_their_hashes() -> None:
    (install,) = [each for each in of("RUN") if "pip" in each and "install" in each]
    assert "--require-hashes" in install
    assert "--only-binary=:all:" in install
    assert install.endswith("--requirement runtime.lock")
    assert not [each for each in of("RUN") if re.search(r"\b(curl|wget|apt-get|apk)\b", each)]


def test_the_image_takes_from_the_checkout_only_what_it_needs() -> None:
    kept = (ROOT / ".dockerignore").read_text(encoding="utf-8").split("\n")
    allowed = {line.removeprefix("!") for line in kept if line.startswith("!")}
    copied = {each.split()[0] for each in of("COPY") if not each.startswith("--from")}
    assert kept[1] == "*"
    assert copied == allowed
    assert all((ROOT / each).exists() for each in copied)


@pytest.mark.parametrize("lock", LOCKS)
def test_locks_pin_every_package_by_hash_and_name_no_index(lock: str) -> None:
    text = (ROOT / "requirements" / f"{lock}.lock").read_text(encoding="utf-8")
    packages = re.sub(r"\\\n", " ", text).splitlines()
    assert len(packages) > 20
    assert [
        each for each in packages if not re.match(r"^[a-z0-9.-]+(\[[a-z,]+\])?==\S+ .*--hash=sha256:[0-9a-f]{64}", each)
    ] == []
    assert not re.search(r"https?://|--index|--find-links", text)


def test_the_runtime_lock_holds_the_projects_dependencies() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    text = (ROOT / "requirements" / "runtime.lock").read_text(encoding="utf-8")
    locked = set(re.findall(r"^([a-z0-9.-]+==\S+)", text, re.MULTILINE))
    assert set(project["dependencies"]) <= locked
    assert project["version"] == __version__


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of commands of an environment with our wheel in it and nothing else of this checkout."""
    folder = tmp_path_factory.mktemp("installed")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder / "dist")]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = (folder / "dist").glob("*.whl")
    environment = folder / "venv"
    venv.create(environment, with_pip=False)
    pip = [sys.executable, "-m", "pip", "--python", str(environment / "bin" / "python")]
    subprocess.run(
        [*pip, "install", "--quiet", "--no-deps", "--no-index", "--disable-pip-version-check", str(wheel)],
        check=True,
        capture_output=True,
    )
    return environment / "bin"


def run(command: Path, *arguments: str, packages: str = "") -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": packages, "COLUMNS": "120"}
    return subprocess.run(
        [command, *arguments], env=environment, cwd=command.parent, capture_output=True, text=True, check=False
    )


def site_packages() -> str:
    return next(each for each in sys.path if each.endswith("site-packages"))


def test_the_installed_command_tells_its_version(installed: Path) -> None:
    done = run(installed / "gallery-operator", "version", packages=site_packages())
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{__version__}\n", "")


def test_the_installed_command_explains_every_flag(installed: Path) -> None:
    done = run(installed / "gallery-operator", "run", "--help", packages=site_packages())
    assert done.returncode == 0
    assert "--subscription-id" in done.stdout


def test_the_installed_command_refuses_a_wrong_setting(installed: Path) -> None:
    done = run(installed / "gallery-operator", "run", "--workers", "0", packages=site_packages())
    assert done.returncode == 2
    assert "--workers (GALLERY_OPERATOR_WORKERS)" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_wheel_holds_the_product_only(installed: Path) -> None:
    packages = next((installed.parent / "lib").glob("python*/site-packages"))
    assert {each.name for each in packages.iterdir()} == {
        "gallery_operator",
        f"gallery_operator-{__version__}.dist-info",
    }
