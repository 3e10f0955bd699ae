"""Manifests that the chart renders."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

Manifest = dict[str, Any]


class Rendered:
    """What one rendering made: manifests by kind and name."""

    def __init__(self, templates: Mapping[str, str]) -> None:
        self.notes = next((text for path, text in templates.items() if path.endswith("NOTES.txt")), "")
        texts = [text for path, text in sorted(templates.items()) if path.endswith(".yaml")]
        self.manifests: list[Manifest] = [each for text in texts for each in yaml.safe_load_all(text) if each]

    def of(self, kind: str) -> list[Manifest]:
        return [each for each in self.manifests if each["kind"] == kind]

    def one(self, kind: str) -> Manifest:
        """Return the only manifest of a kind."""
        (only,) = self.of(kind)
        return only

    def named(self, kind: str, name: str) -> Manifest:
        """Return the only manifest of a kind with a name."""
        (only,) = [each for each in self.of(kind) if each["metadata"]["name"] == name]
        return only

    def kinds(self) -> set[str]:
        return {each["kind"] for each in self.manifests}

    def pod(self) -> Manifest:
        """Return the pod's spec."""
        spec: Manifest = self.one("Deployment")["spec"]["template"]["spec"]
        return spec

    def environment(self) -> dict[str, str]:
        """Return the variables of the operator's container."""
        (container,) = self.pod()["containers"]
        return {each["name"]: each["value"] for each in container["env"]}
