"""Security settings of an image version: UEFI keys and secrets provisioning."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field

from gallery_operator.api.base import ApiModel, model_rules, rule

#: By a pattern, since thousands of them may stand in a spec: the API server refuses the cost of a CEL rule for each.
_Base64 = Annotated[str, Field(max_length=4096, pattern=r"^[A-Za-z0-9+/]+={0,2}$")]


class UefiKey(ApiModel):
    """A key or a list of hashes."""

    type: Literal["sha256", "x509"]
    """sha256: hashes of binaries; x509: certificates."""
    value: Annotated[list[_Base64], Field(min_length=1, max_length=256)]
    """Hashes or certificates (DER) in base64, without line breaks."""


UefiKeys = Annotated[list[UefiKey], Field(max_length=8)]


#: Azure's limit of hashes in a version (azure-gallery-api.md §4).
_HASHES: Final = 256
_LISTS: Final = ("kek", "db", "dbx")
_COUNTED: Final = " + ".join(
    [
        "(has(self.pk) && self.pk.type == 'sha256' ? self.pk.value.size() : 0)",
        *(
            f"(has(self.{name}) ? self.{name}.map(k, k.type == 'sha256' ? k.value.size() : 0).sum() : 0)"
            for name in _LISTS
        ),
    ]
)


class UefiKeySignatures(ApiModel):
    """Keys beside those of the templates."""

    model_config = model_rules(
        rule(f"{_COUNTED} <= {_HASHES}", f"all keys of type sha256 together have at most {_HASHES} values: drop some"),
        rule("has(self.pk) || has(self.kek) || has(self.db) || has(self.dbx)", "set pk, kek, db or dbx"),
    )

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

    model_config = model_rules(
        rule(
            "has(self.signatureTemplateNames) || has(self.additionalSignatures)",
            "set signatureTemplateNames, additionalSignatures or both",
        )
    )

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
