"""What is refused of sharing, of a gallery's identity, and of role assignments."""

from __future__ import annotations

from typing import Final

from tests.integration.admission.asking import UNSET, Refusal
from tests.integration.admission.manifests import COMMUNITY, COMPUTE, IDENTITIES, SUBSCRIPTION

UUID: Final = "an id is a UUID such as 11111111-2222-3333-4444-555555555555"

_KIND: Final = "Gallery"
_GROUPS: Final = "subscriptions and tenants need permissions: Groups"
_COMMUNITY: Final = (
    "permissions: Community needs community (publisherUri, publisherContact, eula, publicNamePrefix), and community "
    "needs permissions: Community"
)
_KEPT: Final = (
    "Forbidden: sharing.community is immutable: create another Gallery and publish there, then delete this one"
)
_TWICE: Final = "an id is listed twice (its case does not matter): keep one of them"
_ONE: Final = "aaaaaaaa-0000-0000-0000-000000000001"


def _many(count: int) -> list[str]:
    return [f"00000000-0000-0000-0000-{number:012}" for number in range(count)]


def _sharing(that: str, sharing: object, at: str, says: str) -> Refusal:
    return Refusal(_KIND, that, {"sharing": sharing}, f"spec.sharing{at}", says)


_GROUPED: Final = [
    refusal
    for field, limit in (("subscriptions", 30), ("tenants", 5))
    for refusal in (
        _sharing(f"private with {field}", {"permissions": "Private", field: [_ONE]}, ".permissions", _GROUPS),
        _sharing(f"sharing with {field} without saying Groups", {field: [_ONE]}, ".permissions", _GROUPS),
        _sharing(
            f"a community with {field}",
            {"permissions": "Community", "community": COMMUNITY, field: [_ONE]},
            ".permissions",
            _GROUPS,
        ),
        _sharing(
            f"{limit + 1} {field}",
            {"permissions": "Groups", field: _many(limit + 1)},
            f".{field}",
            f"must have at most {limit} items",
        ),
        _sharing(
            f"one of the {field} twice",
            {"permissions": "Groups", field: [_ONE, _ONE]},
            f".{field}",
            _TWICE,
        ),
        _sharing(
            f"one of the {field} twice, in two cases",
            {"permissions": "Groups", field: [_ONE, _ONE.upper()]},
            f".{field}",
            _TWICE,
        ),
        *(
            _sharing(f"{text!r} among {field}", {"permissions": "Groups", field: [text]}, f".{field}[0]", UUID)
            for text in ("contoso.com", f"/subscriptions/{_ONE}", "")
        ),
    )
]

_COMMUNITIES: Final = [
    _sharing("a community without its publisher", {"permissions": "Community"}, ".community", _COMMUNITY),
    *(
        _sharing(
            f"a publisher with permissions {permissions}",
            {"permissions": permissions, "community": COMMUNITY},
            ".community",
            _COMMUNITY,
        )
        for permissions in ("Private", "Groups")
    ),
    _sharing("a publisher without permissions", {"community": COMMUNITY}, ".community", _COMMUNITY),
    *(
        _sharing(
            f"the prefix {text!r}",
            {"permissions": "Community", "community": {**COMMUNITY, "publicNamePrefix": text}},
            ".community.publicNamePrefix",
            "publicNamePrefix has 5 to 16 letters and digits",
        )
        for text in ("ubun", "contoso-images", "contoso images", "")
    ),
    *(
        _sharing(
            f"the publisher's page {text!r}",
            {"permissions": "Community", "community": {**COMMUNITY, "publisherUri": text}},
            ".community.publisherUri",
            "a URI looks like https://example.com/images",
        )
        for text in ("example.com", "ftp://example.com", "")
    ),
    *(
        Refusal(_KIND, f"changing {field} of a community", {f"sharing.community.{field}": other}, at, _KEPT, "other")
        for field, other in (
            ("publisherUri", "https://example.org"),
            ("publisherContact", "other@example.com"),
            ("eula", "https://example.org/eula"),
            ("publicNamePrefix", "fabrikamImages"),
        )
        for at in ("spec.sharing.community",)
    ),
    Refusal(
        _KIND,
        "taking the publisher from a community",
        {"sharing.community": UNSET},
        "spec.sharing.community",
        _COMMUNITY,
        "other",
    ),
]

_IDENTITY: Final = "userAssignedIdentities and a type with UserAssigned come together"
_IDENTITY_ID: Final = (
    "a user-assigned identity looks like /subscriptions/<id>/resourceGroups/<group>/providers/"
    "Microsoft.ManagedIdentity/userAssignedIdentities/<name>"
)
_MINE: Final = f"{IDENTITIES}/gallery"


def _identity(that: str, identity: object, says: str) -> Refusal:
    return Refusal(_KIND, that, {"identity": identity}, "spec.identity.userAssignedIdentities", says)


_IDENTITIES: Final = [
    *(
        _identity(f"identity {type_} without one", {"type": type_}, _IDENTITY)
        for type_ in ("UserAssigned", "SystemAssigned, UserAssigned")
    ),
    *(
        _identity(f"identity {type_} with one", {"type": type_, "userAssignedIdentities": [_MINE]}, _IDENTITY)
        for type_ in ("None", "SystemAssigned")
    ),
    *(
        _identity(f"{text!r} as identity", {"type": "UserAssigned", "userAssignedIdentities": [text]}, _IDENTITY_ID)
        for text in (_ONE, "gallery", f"{COMPUTE}/galleries/gallery")
    ),
    _identity(
        "an identity twice, in two cases",
        {"type": "UserAssigned", "userAssignedIdentities": [_MINE, _MINE.upper()]},
        "an identity is listed twice (its case does not matter): keep one of them",
    ),
]

GALLERY_REFUSALS: Final = [*_GROUPED, *_COMMUNITIES, *_IDENTITIES]


def access(kind: str) -> list[Refusal]:
    """Return the refusals of role assignments."""
    reader = {"principalId": _ONE, "role": "Reader"}
    of_another = "/providers/Microsoft.Authorization/roleAssignments/acdd72a7-3385-48ef-bd42-f606fba81ae7"
    twice = "a principal is given a role twice (case does not matter): keep one of them"
    return [
        *(
            Refusal(
                kind,
                f"{text!r} as principal",
                {"access": [{**reader, "principalId": text}]},
                "spec.access[0].principalId",
                UUID,
            )
            for text in ("images@example.com", "")
        ),
        *(
            Refusal(
                kind,
                f"{text!r} as role",
                {"access": [{**reader, "role": text}]},
                "spec.access[0].role",
                "a role is its name (Reader), its UUID, or the id of its role definition",
            )
            for text in (of_another, f"/subscriptions/{SUBSCRIPTION}", "Reader/Contributor")
        ),
        Refusal(kind, "a role twice", {"access": [reader, reader]}, "spec.access", twice),
        Refusal(
            kind, "a role twice, in two cases", {"access": [reader, {**reader, "role": "reader"}]}, "spec.access", twice
        ),
        Refusal(
            kind,
            "a principal twice, in two cases",
            {"access": [reader, {**reader, "principalId": _ONE.upper()}]},
            "spec.access",
            twice,
        ),
        Refusal(
            kind,
            "an unknown type of principal",
            {"access": [{**reader, "principalType": "Robot"}]},
            "spec.access[0].principalType",
            'supported values: "User", "Group", "ServicePrincipal", "ForeignGroup", "Device"',
        ),
    ]
