"""No subscription that a spec names is overlooked."""

from __future__ import annotations

import pytest

from gallery_operator.domain.named_subscriptions import named_subscriptions

ONE = "11111111-2222-3333-4444-555555555555"
TWO = "66666666-2222-3333-4444-555555555555"


@pytest.mark.parametrize(
    ("spec", "named"),
    [
        ({"subscriptionId": ONE}, [("subscriptionId", ONE)]),
        ({"galleryRef": {"id": f"/subscriptions/{ONE}/resourceGroups/g"}}, [("galleryRef.id", ONE)]),
        (
            {"source": {"disks": {"data": [{"snapshot": {"id": f"/SUBSCRIPTIONS/{TWO}/x"}}]}}},
            [("source.disks.data[0].snapshot.id", TWO)],
        ),
        (
            {"identity": {"ids": [f"/subscriptions/{ONE}/a"]}},
            [("identity.ids[0]", ONE)],
        ),
        ({"tags": {"a": "/subscriptions"}, "description": f"see /subscriptions/{ONE}"}, []),
        ({"sharing": {"subscriptions": [ONE]}, "replicas": 3, "safety": None}, []),
        (f"/subscriptions/{ONE}", [("", ONE)]),
    ],
)
def test_every_subscription_is_found_with_its_field(spec: object, named: list[tuple[str, str]]) -> None:
    assert list(named_subscriptions(spec)) == named
