"""Renders the plain manifests of deploy/kustomize from the Helm chart: `python -m deploy.manifests`.

The chart is the one source. What only Helm understands (its labels and annotations) is left out.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import helm_python
import yaml

_DEPLOY: Final = Path(__file__).parent
CHART: Final = _DEPLOY / "helm" / "gallery-operator"
KUSTOMIZE: Final = _DEPLOY / "kustomize"
NAMESPACE: Final = "gallery-operator-system"

_HEAD: Final = "# Rendered from the chart in deploy/helm by `make manifests`; do not edit.\n"
_HELM_LABELS: Final = ("helm.sh/chart", "app.kubernetes.io/managed-by")
#: A namespace that admits nothing but pods of the restricted Pod Security Standard.
_NAMESPACE: Final[dict[str, Any]] = {
    "apiVersion": "v1",
    "kind": "Namespace",
    "metadata": {
        "name": NAMESPACE,
        "labels": {
            "app.kubernetes.io/part-of": "gallery-operator",
            "pod-security.kubernetes.io/enforce": "restricted",
        },
    },
}


def render() -> dict[str, str]:
    """Return the text of each manifest by its file name."""
    with helm_python.Chart.load(CHART) as chart:
        templates = chart.render({"crds": {"keep": False}}, name="gallery-operator", namespace=NAMESPACE)
    crds: list[Any] = []
    others: list[Any] = [_NAMESPACE]
    for path in sorted(templates):
        if path.endswith(".yaml"):
            target = crds if path.endswith("/crds.yaml") else others
            target += [_without_helm(each) for each in yaml.safe_load_all(templates[path]) if each]
    return {"crds.yaml": _dump(crds), "operator.yaml": _dump(others)}


def _without_helm(manifest: dict[str, Any]) -> dict[str, Any]:
    pod = manifest.get("spec", {}).get("template", {})
    for metadata in (manifest["metadata"], pod.get("metadata", {})):
        for label in _HELM_LABELS:
            metadata.get("labels", {}).pop(label, None)
    return manifest


def _dump(manifests: list[Any]) -> str:
    return _HEAD + yaml.safe_dump_all(manifests, sort_keys=False, width=118, allow_unicode=True)


def main() -> None:
    """Write every manifest."""
    for name, text in render().items():
        (KUSTOMIZE / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
