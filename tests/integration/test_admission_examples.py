"""Everything a reader may copy, from `examples/` and the docs, is taken by the API server."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from dev.control_plane import Cluster
from gallery_operator.api import names
from tests.integration.admission.asking import Admission

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "examples").rglob("*.yaml"))
DOCS = [ROOT / "docs" / f"{kind.lower()}.md" for kind in names.PLURALS]


def snippets() -> list[Any]:
    """Return the whole manifests in the docs of the three kinds."""
    result = []
    for page in DOCS:
        blocks = re.findall(r"^```yaml\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
        whole = [each for each in blocks if f"apiVersion: {names.API_VERSION}" in each]
        result += [pytest.param(each, id=f"{page.name} {number}") for number, each in enumerate(whole, start=1)]
    return result


def documents() -> list[dict[str, Any]]:
    return [each for path in EXAMPLES for each in yaml.safe_load_all(path.read_text(encoding="utf-8"))]


def dry_run(cluster: Cluster, admission: Admission, *arguments: str, text: str | None = None) -> str:
    where = (f"--namespace={admission.namespace}", "--dry-run=server", "--validate=strict")
    return cluster.kubectl("apply", *where, *arguments, input=text)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: str(path.relative_to(ROOT)))
def test_an_example_is_accepted(cluster: Cluster, admission: Admission, path: Path) -> None:
    shown = dry_run(cluster, admission, f"--filename={path}")
    assert shown.count("created (server dry run)") == len(list(yaml.safe_load_all(path.read_text(encoding="utf-8"))))


@pytest.mark.parametrize("text", snippets())
def test_a_manifest_in_the_docs_is_accepted(cluster: Cluster, admission: Admission, text: str) -> None:
    assert "created (server dry run)" in dry_run(cluster, admission, "--filename=-", text=text)


def test_every_page_of_a_kind_begins_with_an_example() -> None:
    for page in DOCS:
        assert re.search(
            r"^## Example\n.*?^```yaml\napiVersion", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
        ), page


def test_examples_refer_to_objects_that_examples_hold() -> None:
    every = documents()
    held = {(each["kind"], each["metadata"]["name"]) for each in every}
    refers = {("Gallery", each["spec"].get("galleryRef", {}).get("name")) for each in every} | {
        ("ImageDefinition", each["spec"].get("imageDefinitionRef", {}).get("name")) for each in every
    }
    assert {each for each in refers if each[1] is not None} <= held


def test_examples_are_a_manifest_of_every_kind_at_least() -> None:
    assert {each["kind"] for each in documents()} == set(names.PLURALS)
