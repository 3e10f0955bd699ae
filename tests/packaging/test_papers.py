"""README and docs say what the code does."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from dev.control_plane import Kubectl
from gallery_operator.api.conditions import Reason
from gallery_operator.settings import Settings
from gallery_operator.telemetry.metrics import Metrics
from tests.packaging.running import ROOT
from tests.packaging.test_chart import READ_CLUSTER_ID, RULES

PAPERS = sorted(
    path
    for folder in (".", "docs", "examples", "deploy/helm/gallery-operator")
    for path in (ROOT / folder).glob("*.md")
)
EVERY_PAPER = pytest.mark.parametrize("paper", PAPERS, ids=lambda path: str(path.relative_to(ROOT)))


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def cells(name: str) -> list[list[str]]:
    lines = [line for line in text(name).splitlines() if line.startswith("| `")]
    return [[each.strip() for each in line.strip("|").split(" | ")] for line in lines]


def codes(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def anchors(path: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in headings}


@EVERY_PAPER
def test_links_lead_somewhere(paper: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", paper.read_text(encoding="utf-8")):
        if "://" in target:
            continue
        name, _, anchor = target.partition("#")
        path = (paper.parent / name).resolve() if name else paper
        assert path.exists(), target
        assert not anchor or anchor in anchors(path), target


@EVERY_PAPER
def test_lines_are_short_enough_to_read_side_by_side(paper: Path) -> None:
    assert [line for line in paper.read_text(encoding="utf-8").splitlines() if len(line) > 120] == []


@EVERY_PAPER
def test_yaml_and_json_in_the_papers_can_be_read(paper: Path) -> None:
    for language, block in re.findall(r"```(yaml|json)\n(.*?)```", paper.read_text(encoding="utf-8"), re.DOTALL):
        assert json.loads(block) if language == "json" else list(yaml.safe_load_all(block))


@EVERY_PAPER
def test_make_targets_in_the_papers_exist(paper: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", text("Makefile"), re.MULTILINE))
    assert set(re.findall(r"(?:`|\$ )make ([a-z-]+)", paper.read_text(encoding="utf-8"))) <= targets


def test_contributing_lists_every_make_target() -> None:
    targets = set(re.findall(r"^([a-z-]+):.*## ", text("Makefile"), re.MULTILINE))
    assert {each.removeprefix("make ") for row in cells("CONTRIBUTING.md") for each in codes(row[0])[:1]} >= targets - {
        "setup"
    }


def test_every_setting_is_documented_with_its_default() -> None:
    rows = {
        codes(flag)[0]: (codes(variable)[0], default) for flag, variable, default, _ in cells("docs/configuration.md")
    }
    assert set(rows) == {f"--{name.replace('_', '-')}" for name in Settings.model_fields}
    for name, field in Settings.model_fields.items():
        variable, default = rows[f"--{name.replace('_', '-')}"]
        assert variable == f"GALLERY_OPERATOR_{name.upper()}"
        if field.default in (None, ""):
            assert not codes(default) or codes(default) == ["kube-system"], name
        else:
            shown = str(field.default).lower() if isinstance(field.default, bool) else str(field.default)
            assert codes(default) == [shown], name


def test_every_reason_has_advice() -> None:
    rows = [row for row in cells("docs/troubleshooting.md") if len(row) == 3]
    listed = [each for row in rows for each in codes(row[0])]
    assert sorted(listed) == sorted(Reason)
    assert all(row[2] for row in rows)


def test_every_metric_is_documented_and_no_other() -> None:
    metrics = Metrics()
    metrics.watch_running(dict)
    metrics.watch_resources(dict)
    real = {f"{each.name}_total" if each.type == "counter" else each.name for each in metrics.registry.collect()}
    documented = {re.sub(r"\{.*", "", each) for row in cells("docs/operations.md") for each in codes(row[0])}
    ours = {each for each in real if not each.startswith("process_")}
    assert {each for each in documented if re.match(r"[a-z_]+$", each)} == ours


def test_the_rights_in_kubernetes_are_documented() -> None:
    section = text("docs/installation.md").partition("## Rights in Kubernetes")[2]
    documented = {
        verb for line in section.splitlines() if line.startswith("| ") for verb in re.findall(r"[a-z]+", line)
    }
    for rule in [*RULES, READ_CLUSTER_ID]:
        assert set(rule["verbs"]) <= documented


def test_the_rights_in_azure_are_documented_and_a_wildcard_only_reads() -> None:
    section = text("docs/installation.md").partition("### Its rights in Azure")[2].partition("## 3.")[0]
    for name in ("access", "galleries", "sources", "subscription"):
        role = json.loads(text(f"deploy/azure/role-{name}.json"))
        assert role["NotActions"] == []
        for action in role["Actions"]:
            assert "*" not in action.removesuffix("/*/read")
            assert f"`{action.removeprefix('Microsoft.Compute/').rsplit('/', 1)[0]}/" in section, action


def test_the_overlay_of_the_installation_guide_can_be_built(tmp_path: Path) -> None:
    (overlay,) = re.findall(r"```yaml\n(apiVersion: kustomize.*?)```", text("docs/installation.md"), re.DOTALL)
    folder = tmp_path / "overlay"
    folder.mkdir()
    (tmp_path / "deploy").symlink_to(ROOT / "deploy")
    (folder / "kustomization.yaml").write_text(overlay, encoding="utf-8")
    kubectl = Kubectl(tmp_path / "no-kubeconfig")
    built = {each["kind"]: each for each in yaml.safe_load_all(kubectl("kustomize", str(folder)))}
    assert built["ServiceAccount"]["metadata"]["annotations"] == {"azure.workload.identity/client-id": "CLIENT_ID"}
    template = built["Deployment"]["spec"]["template"]
    assert template["metadata"]["labels"]["azure.workload.identity/use"] == "true"
    (container,) = template["spec"]["containers"]
    assert container["image"] == "REGISTRY.azurecr.io/gallery-operator:0.1.0"
    assert container["env"][-1] == {"name": "GALLERY_OPERATOR_SUBSCRIPTION_ID", "value": "SUBSCRIPTION_ID"}


def test_the_workflow_calls_make_targets_that_exist() -> None:
    workflow = yaml.safe_load(text(".github/workflows/ci.yml"))
    called = {step["run"] for job in workflow["jobs"].values() for step in job["steps"] if "run" in step}
    assert {"make lint", "make test", "make demo"} <= called
    assert "dev/control_plane/go.*" in text(".github/workflows/ci.yml")


def test_ci_run_says_what_it_lacks() -> None:
    done = subprocess.run(
        [ROOT / ".ci" / "run"],
        env={"PATH": "/usr/bin:/bin", "PYTHON": "no-such-python"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "needs Python 3.11 or newer" in done.stderr


def test_the_license_is_the_whole_of_apache_2() -> None:
    known = "cfc7749b96f63bd31c3c42b5c471bf756814053e847c10f3eb003417bc523d30"
    assert hashlib.sha256((ROOT / "LICENSE").read_bytes()).hexdigest() == known
