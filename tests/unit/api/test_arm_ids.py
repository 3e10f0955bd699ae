"""ARM ids are deterministic, and compared as ARM compares them."""

from __future__ import annotations

import pytest

from gallery_operator.api.arm_ids import DefinitionId, GalleryId, VersionId, parse_arm_id

GALLERY = GalleryId("s-1", "images-rg", "platform")
TEXT = "/subscriptions/s-1/resourceGroups/images-rg/providers/Microsoft.Compute/galleries/platform"


@pytest.mark.parametrize(
    ("arm_id", "text"),
    [
        (GALLERY, TEXT),
        (GALLERY.definition("ubuntu"), f"{TEXT}/images/ubuntu"),
        (GALLERY.definition("ubuntu").version("1.0.0"), f"{TEXT}/images/ubuntu/versions/1.0.0"),
    ],
)
def test_an_id_is_read_as_it_is_written(arm_id: GalleryId | DefinitionId | VersionId, text: str) -> None:
    assert str(arm_id) == text
    assert parse_arm_id(text) == arm_id


def test_an_id_is_read_in_whatever_case_arm_answers() -> None:
    assert str(parse_arm_id(TEXT.upper())) == TEXT.replace("s-1", "S-1").replace("images-rg", "IMAGES-RG").replace(
        "platform", "PLATFORM"
    )


@pytest.mark.parametrize(
    "text",
    ["", "platform", TEXT + "/", TEXT + "/images", TEXT + "/images/a/versions", TEXT + "/applications/a", "x" + TEXT],
)
def test_the_id_of_something_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not the ARM id"):
        parse_arm_id(text)
