"""Which request a source's id becomes, whatever its resource group is called."""

from __future__ import annotations

from typing import Any, cast

import pytest

from gallery_operator.api.arm_ids import ArmId
from gallery_operator.azure.gateway import ArmGateway
from gallery_operator.controllers.surroundings import Surroundings
from tests.unit.azure.conftest import VERSION, ManualClock

SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"


class Asked:
    """An Azure that notes what it is asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []

    async def get(self, resource: ArmId, *, expand: str | None = None) -> dict[str, Any]:
        self.asked.append((str(resource), expand or ""))
        return {"id": str(resource)}

    async def read(self, _: str, path: str, api_version: str, policy: str, query: str = "") -> dict[str, Any]:
        self.asked.append((path, policy))
        return {"id": path}


@pytest.fixture
def azure() -> Asked:
    return Asked()


@pytest.fixture
def around(azure: Asked) -> Surroundings:
    return Surroundings(cast("ArmGateway", azure), ManualClock())


@pytest.mark.parametrize("group", ["images-rg", "galleries", "Galleries", "communityGalleries"])
@pytest.mark.parametrize("type_", ["images", "snapshots", "diskEncryptionSets"])
async def test_the_name_of_a_resource_group_does_not_make_a_gallery_of_it(
    azure: Asked, around: Surroundings, group: str, type_: str
) -> None:
    id_ = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{group}/providers/Microsoft.Compute/{type_}/golden"

    assert (await around.resource(id_)).body == {"id": id_}
    assert azure.asked == [(id_, "GetSource")]


async def test_an_image_version_comes_with_its_replication(azure: Asked, around: Surroundings) -> None:
    assert not (await around.resource(str(VERSION))).absent
    assert azure.asked == [(str(VERSION), "ReplicationStatus")]


async def test_a_community_version_is_asked_for_where_the_subscription_sees_it(
    azure: Asked, around: Surroundings
) -> None:
    id_ = "/CommunityGalleries/contoso-1/Images/web/Versions/1.0.0"

    await around.community(id_, SUBSCRIPTION, "westeurope")

    where = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Compute/locations/westeurope"
    image = f"{where}/communityGalleries/contoso-1/images/web"
    assert azure.asked == [(f"{image}/versions/1.0.0", "GetCommunityGallery"), (image, "GetCommunityGallery")]


@pytest.mark.parametrize("id_", ["", "/", "nothing", "/subscriptions/x/resourceGroups/galleries/providers/A/b/c/d/e"])
async def test_what_is_no_id_of_a_source_is_left_to_azure(azure: Asked, around: Surroundings, id_: str) -> None:
    assert not (await around.resource(id_)).readable
    assert azure.asked == []
