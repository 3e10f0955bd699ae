"""Fields of our API that say no property of Azure's gallery resources: what they are for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_POLICIES: Final = {
    "deletionPolicy": "what becomes of the Azure resource when the object is deleted",
    "managementPolicy": "whether the operator writes to Azure",
    "driftPolicy": "whether changes of others are put right or shown",
}
_ACCESS: Final = "role assignments: their own API, Microsoft.Authorization/roleAssignments"

#: Kind -> field, with all that is below it -> what it is for.
OWN: Final[Mapping[str, Mapping[str, str]]] = {
    "Gallery": {
        "azureName": "the gallery's name in its ARM id",
        "subscriptionId": "the subscription in the ARM id",
        "resourceGroup": "the resource group in the ARM id",
        "access": _ACCESS,
        "credentialRef": "whose credential is used",
        **_POLICIES,
    },
    "ImageDefinition": {
        "galleryRef": "the gallery in the ARM id",
        "azureName": "the definition's name in its ARM id",
        "access": _ACCESS,
        "lifecycle": "when versions leave `latest` and when they are deleted",
        **_POLICIES,
    },
    "ImageVersion": {
        "imageDefinitionRef": "the gallery and the definition in the ARM id",
        "version": "the version's name in its ARM id",
        "source.tenantId": "the tenant of a second token, in the header `x-ms-authorization-auxiliary`",
        **_POLICIES,
    },
}
