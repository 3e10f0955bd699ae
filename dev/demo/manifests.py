"""A folder of manifests, as a user keeps one: begun as a copy of examples/quickstart, then edited as the story goes."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import yaml

QUICKSTART = Path(__file__).parents[2] / "examples" / "quickstart"
#: The name of the first version's object, less its number.
PREFIX = "ubuntu-24-04-"


class Manifests:
    """The copy of examples/quickstart in `home`."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.folder = home / "examples" / "quickstart"
        shutil.copytree(QUICKSTART, self.folder)

    def file(self, version: str) -> Path:
        """Return the file of an image version."""
        return self.folder / f"imageversion-{version}.yaml"

    def spec(self, version: str) -> Any:
        """Return the spec of an image version."""
        return self._read(version)["spec"]

    def new_version(self, version: str, image: str, *, like: str) -> Path:
        """Write a further version: `like` another one, from another managed image."""
        manifest = self._read(like)
        manifest["metadata"]["name"] = f"{PREFIX}{version}"
        spec = manifest["spec"]
        spec["version"] = version
        source = spec["source"]["managedImage"]
        source["id"] = f"{source['id'].rpartition('/')[0]}/{image}"
        spec.pop("endOfLifeDate", None)
        return self._write(version, manifest)

    def edit(self, version: str, **spec: Any) -> Path:
        """Change fields of an image version's spec."""
        manifest = self._read(version)
        manifest["spec"] |= spec
        return self._write(version, manifest)

    def _read(self, version: str) -> Any:
        return yaml.safe_load(self.file(version).read_text())

    def _write(self, version: str, manifest: Any) -> Path:
        path = self.file(version)
        path.write_text(yaml.safe_dump(manifest, sort_keys=False))
        return path
