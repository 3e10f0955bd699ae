"""What is refused of a Gallery."""

from __future__ import annotations

from typing import Final

from tests.integration.admission.asking import UNSET, Refusal
from tests.integration.admission.shared import LONG_NAME, OBJECT_NAME, REGION, immutable, policies
from tests.integration.admission.sharing import GALLERY_REFUSALS, UUID, access

_KIND: Final = "Gallery"
_MEND: Final = "create another Gallery and publish there, then delete this one"
_NAME: Final = "a gallery's name has letters, digits, and inside also underscores and periods; no dash"
_GROUP: Final = "a resource group's name has letters, digits, - _ . ( ) and does not end with a period"

REFUSALS: Final = [
    *policies(_KIND),
    *GALLERY_REFUSALS,
    *access(_KIND),
    *(
        Refusal(_KIND, f"the name {name!r} in Azure", {"azureName": name}, "spec.azureName", _NAME)
        for name in ("platform-images", "_platform", "platform.", "plat form", "")
    ),
    Refusal(_KIND, "a long metadata.name without azureName", {}, "spec.azureName", LONG_NAME, name="a" * 81),
    *(
        Refusal(_KIND, f"the subscription {text!r}", {"subscriptionId": text}, "spec.subscriptionId", UUID)
        for text in ("Pay-As-You-Go", "11111111222233334444555555555555", "")
    ),
    *(
        Refusal(_KIND, f"the resource group {text!r}", {"resourceGroup": text}, "spec.resourceGroup", _GROUP)
        for text in ("images.", "..", "images/rg", "images rg")
    ),
    Refusal(_KIND, "a location with a dash", {"location": "west-europe"}, "spec.location", REGION),
    Refusal(_KIND, "an empty location", {"location": ""}, "spec.location", "should be at least 1 chars long"),
    Refusal(
        _KIND,
        "unknown permissions",
        {"sharing": {"permissions": "Public"}},
        "spec.sharing.permissions",
        'Unsupported value: "Public": supported values: "Private", "Groups", "Community"',
    ),
    *(
        Refusal(_KIND, f"a Secret {text!r}", {"credentialRef": {"name": text}}, "spec.credentialRef.name", OBJECT_NAME)
        for text in ("Azure", "team-b/azure", "../azure", "")
    ),
    *immutable(_KIND, _MEND, {"resourceGroup": "other-rg", "location": "northeurope"}, required=True),
    *immutable(_KIND, _MEND, {"azureName": "other", "subscriptionId": "11111111-2222-3333-4444-555555555555"}),
    Refusal(
        _KIND,
        "unsetting softDelete",
        {"softDelete": UNSET},
        "spec.softDelete",
        "softDelete cannot be cleared: set enabled: false instead",
        "full",
    ),
]
