"""One build at a time from a managed image: a second one is accepted, and then fails to replicate."""

from __future__ import annotations

from dataclasses import dataclass, field

from dev.azure_simulator.paths import Json, ResourcePath
from dev.azure_simulator.store import Store


@dataclass
class Builds:
    """The builds from managed images that go on. Two at a time were seen to fail (hashicorp/terraform#2284)."""

    store: Store
    #: Id of the image in lower case -> the version that is built from it, and until when.
    _builds: dict[str, tuple[ResourcePath, float]] = field(default_factory=dict)

    def claim(self, path: ResourcePath, storage_profile: Json, now: float, until: float) -> str | None:
        """Begin the build of a version, which takes until then if it is from a managed image.

        Returns why it must fail, or None. [?] the text is the documented one for throttled sources.
        """
        image = _image(storage_profile)
        if not image:
            return None
        builder, ends = self._builds.get(image, (path, 0.0))
        if now < ends and builder != path and self.store.get(builder):
            source = storage_profile["source"]["id"]
            return (
                f"Too many requests on source '{source}'. Please reduce the number of requests on the source or wait "
                "some time before retrying"
            )
        self._builds[image] = (path, until)
        return None

    def clear(self) -> None:
        self._builds.clear()


def _image(storage_profile: Json) -> str:
    """Return the id of the managed image in lower case, or nothing."""
    source = str(storage_profile.get("source", {}).get("id", "")).rstrip("/").casefold()
    return source if "/providers/microsoft.compute/images/" in source else ""
