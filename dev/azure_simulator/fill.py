"""Many resources at once, for benchmarks and for a look at a full gallery."""

from __future__ import annotations

from collections.abc import Iterator

from dev.azure_simulator import seeds
from dev.azure_simulator.paths import Json

_PER_DEFINITION = 1000


def resources(versions: int, *, group: str = "images-rg", gallery: str = "filled") -> Iterator[tuple[str, Json]]:
    """Yield a gallery with `versions` image versions, 1,000 per definition, as (id, PUT body), parents first."""
    gallery_id = (
        f"/subscriptions/{seeds.SUBSCRIPTION_ID}/resourceGroups/{group}/providers/Microsoft.Compute/galleries/{gallery}"
    )
    yield gallery_id, {"location": "westeurope", "properties": {}}
    for number in range(versions):
        definition, patch = divmod(number, _PER_DEFINITION)
        definition_id = f"{gallery_id}/images/image-{definition}"
        if patch == 0:
            yield definition_id, _definition(f"image-{definition}")
        yield f"{definition_id}/versions/1.0.{patch}", _version()


def _definition(sku: str) -> Json:
    identifier = {"publisher": "simulated", "offer": "filled", "sku": sku}
    properties = {"osType": "Linux", "osState": "Generalized", "hyperVGeneration": "V2", "identifier": identifier}
    return {"location": "westeurope", "properties": properties}


def _version() -> Json:
    source = seeds.source_id("Microsoft.Compute/images", "ubuntu-2404-20261101")
    targets = [{"name": "westeurope", "regionalReplicaCount": 1, "storageAccountType": "Standard_LRS"}]
    properties = {"publishingProfile": {"targetRegions": targets}, "storageProfile": {"source": {"id": source}}}
    return {"location": "westeurope", "properties": properties}
