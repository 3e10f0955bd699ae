"""VHDs in storage accounts: whether their address is in this cloud, and in the account that is named with it."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from gallery_operator.api.conditions import Reason
from gallery_operator.domain.plan import JSON, Blocked
from gallery_operator.domain.resources import as_dict
from gallery_operator.domain.sources import Reference

#: End of a blob endpoint's host name -> name of the cloud.
_CLOUDS: Final = {
    ".core.windows.net": "Public",
    ".storage.azure.net": "Public",
    ".core.chinacloudapi.cn": "China",
    ".core.usgovcloudapi.net": "USGovernment",
    ".core.cloudapi.de": "Germany",
}


def refusal(reference: Reference, cloud: str, account: JSON | None) -> Blocked | None:
    """Return why a version cannot be made from a VHD, as far as its address tells.

    :param cloud: the operator's cloud; one that is no name of Azure's is known by the account's own endpoint.
    :param account: the storage account as Azure describes it, if it could be read.
    """
    host, endpoint = _host(reference.uri or ""), _blob_host(account)
    there, here = _cloud_of(host), cloud if cloud in _CLOUDS.values() else _cloud_of(endpoint)
    if there is not None and here is not None and there != here:
        return Blocked(
            Reason.SOURCE_IN_ANOTHER_CLOUD,
            f"{reference.field}.uri: {host[:200]} is in another Azure cloud ({there}), and versions are not replicated "
            f"across clouds: copy the VHD into a storage account of this cloud ({here}) and publish from there",
        )
    name = reference.id.rstrip("/").rpartition("/")[2].casefold()
    if host.partition(".")[0] != name or (there is None and endpoint and host != endpoint):
        return Blocked(
            Reason.SOURCE_DIFFERS,
            f"{reference.field}: uri is on {host[:200]!r}, which is not storageAccountId's account {name!r}"
            f"{f' ({endpoint})' if endpoint else ''}: name the account that holds the VHD",
        )
    return None


def _host(uri: str) -> str:
    try:
        return (urlsplit(uri).hostname or "").casefold()
    except ValueError:
        return ""


def _blob_host(account: JSON | None) -> str:
    endpoints = as_dict(as_dict((account or {}).get("properties")).get("primaryEndpoints"))
    return _host(str(endpoints.get("blob") or ""))


def _cloud_of(host: str) -> str | None:
    return next((cloud for suffix, cloud in _CLOUDS.items() if host.endswith(suffix)), None)
