"""Security settings of an image version: UEFI keys and secrets provisioning."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from gallery_operator.api.base import ApiModel


class UefiKey(ApiModel):
    """A key or a list of hashes."""

    type: Literal["sha256", "x509"]
    """sha256: hashes of binaries; x509: certificates."""
    value: Annotated[list[Annotated[str, Field(max_length=4096)]], Field(min_length=1, max_length=256)]
    """Base64 values; at most 256 hashes."""


UefiKeys = Annotated[list[UefiKey], Field(max_length=8)]


class UefiKeySignatures(ApiModel):
    """Keys beside those of the templates."""

    pk: UefiKey | None = None
    """The platform key."""
    kek: UefiKeys | None = None
    """Key exchange keys."""
    db: UefiKeys | None = None
    """Allowed signatures."""
    dbx: UefiKeys | None = None
    """Forbidden signatures."""


class UefiSettings(ApiModel):
    """The UEFI keys of virtual machines made from the image."""

    signature_template_names: (
        Annotated[
            list[
                Literal["NoSignatureTemplate", "MicrosoftUefiCertificateAuthorityTemplate", "MicrosoftWindowsTemplate"]
            ],
            Field(max_length=3, json_schema_extra={"x-kubernetes-list-type": "set"}),
        ]
        | None
    ) = None
    """Templates with default keys."""
    additional_signatures: UefiKeySignatures | None = None
    """Keys beside those of the templates."""


class SecretsComponent(ApiModel):
    """A component that takes part in provisioning secrets."""

    name: Literal["OS", "CloudInit", "AzureGuestAgent", "SecretsProvisioningLibrary"]
    """The component."""
    version: Annotated[str, Field(max_length=64)] | None = None
    """Its version."""


class SecretsProvisioning(ApiModel):
    """Whether virtual machines made from the image can be given secrets."""

    is_supported: bool
    """Whether the image supports it."""
    os_name: Annotated[str, Field(max_length=64)] | None = None
    """The operating system, for example mariner."""
    components: (
        Annotated[
            list[SecretsComponent],
            Field(
                max_length=8,
                json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
            ),
        ]
        | None
    ) = None
    """The components that take part."""
