"""Azure clouds: where Azure Resource Manager (ARM) answers, and who issues tokens for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from yarl import URL


@dataclass(frozen=True, slots=True)
class Cloud:
    """One Azure cloud. Endpoints are https origins without a trailing slash."""

    name: str
    arm_endpoint: str
    authority_host: str
    #: What a token is asked for; ARM's own endpoint in each of Azure's clouds.
    audience: str
    #: PEM file of the authority that signed the endpoints' certificates; None: the system's authorities.
    ca_file: Path | None = None
    #: Whether Microsoft publishes this cloud, so that Entra can be asked whether the authority is genuine.
    well_known: bool = True

    @property
    def scope(self) -> str:
        """The OAuth scope of a token for ARM."""
        return f"{self.audience}/.default"


PUBLIC = Cloud(
    name="Public",
    arm_endpoint="https://management.azure.com",
    authority_host="https://login.microsoftonline.com",
    audience="https://management.azure.com",
)
CHINA = Cloud(
    name="China",
    arm_endpoint="https://management.chinacloudapi.cn",
    authority_host="https://login.chinacloudapi.cn",
    audience="https://management.chinacloudapi.cn",
)
US_GOVERNMENT = Cloud(
    name="USGovernment",
    arm_endpoint="https://management.usgovcloudapi.net",
    authority_host="https://login.microsoftonline.us",
    audience="https://management.core.usgovcloudapi.net",
)

#: Azure's clouds by name. China is the one that 21Vianet operates.
CLOUDS: Mapping[str, Cloud] = MappingProxyType({cloud.name: cloud for cloud in (PUBLIC, CHINA, US_GOVERNMENT)})


def explicit_cloud(
    arm_endpoint: str, authority_host: str, *, audience: str | None = None, ca_file: Path | None = None
) -> Cloud:
    """Return a cloud that is reached at explicit endpoints, such as Azure Stack Hub, a sovereign cloud or a simulator.

    `audience` defaults to the ARM endpoint. Raises ValueError, naming the value, when an endpoint is no https origin:
    tokens travel to both, so nothing but TLS will do.
    """
    endpoint = _https_origin("ARM endpoint", arm_endpoint)
    return Cloud(
        name="Explicit",
        arm_endpoint=endpoint,
        authority_host=_https_origin("authority host", authority_host),
        audience=endpoint if audience is None else audience.rstrip("/"),
        ca_file=ca_file,
        well_known=False,
    )


def _https_origin(what: str, text: str) -> str:
    try:
        url = URL(text)
    except ValueError:
        url = URL()
    if url.scheme != "https" or not url.host or url.user is not None or url.path not in {"", "/"} or url.query_string:
        msg = f"the {what} is an https URL with nothing but a host and a port, not {text[:200]!r}"
        raise ValueError(msg)
    return str(url.origin())
