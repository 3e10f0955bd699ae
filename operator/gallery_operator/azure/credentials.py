"""The operator's own identity towards Azure.

Order of the credentials; the first that is configured is used:

1. Workload identity: the variables that AKS and the azure-workload-identity webhook set in the pod.
2. `DefaultAzureCredential` in its own order, less what does not fit a server: a service principal in environment
   variables (secret, certificate), managed identity, and for developers the Azure CLI's and azd's login.

Workload identity is asked before `DefaultAzureCredential`, not within, for two reasons: what the cluster attests beats
a secret that lies about, and within it azure-identity ignores `authority` and takes AZURE_AUTHORITY_HOST or the public
cloud's, so the pod's federated token could travel to another cloud than the one that was asked for. The variable
AZURE_TOKEN_CREDENTIALS chooses among the credentials as azure-identity documents it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import ClientAuthenticationError
from azure.identity.aio import ChainedTokenCredential, DefaultAzureCredential, WorkloadIdentityCredential

from gallery_operator.azure.clouds import Cloud
from gallery_operator.azure.errors import redact
from gallery_operator.azure.verdicts import ArmError, Transient, Waiting

_WORKLOAD_IDENTITY = "workloadidentitycredential"
_WORKLOAD_VARIABLES = ("AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_FEDERATED_TOKEN_FILE")


def operator_credential(cloud: Cloud) -> AsyncTokenCredential:
    """Return the operator's own credential for `cloud`; nothing is asked of Azure yet. Close it after use.

    Raises ValueError when AZURE_TOKEN_CREDENTIALS names no credential.
    """
    # Sources in other tenants need a token of theirs.
    options = {**identity_options(cloud), "additionally_allowed_tenants": ["*"]}
    chosen = os.environ.get("AZURE_TOKEN_CREDENTIALS", "").strip().casefold()
    if chosen == _WORKLOAD_IDENTITY:
        return WorkloadIdentityCredential(**options)
    rest = DefaultAzureCredential(
        exclude_workload_identity_credential=True,
        exclude_shared_token_cache_credential=True,
        exclude_visual_studio_code_credential=True,
        exclude_powershell_credential=True,
        **options,
    )
    if chosen in {"", "prod"} and all(os.environ.get(name) for name in _WORKLOAD_VARIABLES):
        return ChainedTokenCredential(WorkloadIdentityCredential(**options), rest)
    return rest


def identity_options(cloud: Cloud) -> dict[str, Any]:
    """Return what every credential of azure-identity has to know of the cloud."""
    options: dict[str, Any] = {"authority": cloud.authority_host}
    if not cloud.well_known:
        # Entra's public endpoint knows nothing about this authority; asking it would fail, and tell it of us.
        options["disable_instance_discovery"] = True
    if cloud.ca_file is not None:
        options["connection_verify"] = str(cloud.ca_file)
    return options


class SecretRefusedError(ClientAuthenticationError):
    """No token was given for the credential in a Secret (`<namespace>/<name>`).

    :param status: HTTP status that Microsoft Entra answered; None: it was not asked, or did not answer.
    """

    def __init__(self, secret: str, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.secret = secret
        self.status_code = status


def credential_error(error: ClientAuthenticationError, source_tenant: str | None = None) -> ArmError:
    """Return the error that a failed attempt to get a token means: somebody has to mend the identity, or to wait.

    :param source_tenant: the tenant of a version's source that the token was to be of.
    """
    secret = error.secret if isinstance(error, SecretRefusedError) else None
    whose = "the operator's credential" if secret is None else f"the credential in Secret {secret}"
    said = re.search(r"\bAADSTS\d{3,9}\b.*?(?=\s*Trace ID|\s*\r?\n|$)", str(error.message))
    status: int | None = error.status_code
    reason = redact(said[0]) if said else f"HTTP {status} without a reason"
    if status == HTTPStatus.TOO_MANY_REQUESTS or (status is not None and status >= HTTPStatus.INTERNAL_SERVER_ERROR):
        return ArmError(Transient("NoToken", f"Microsoft Entra gives no token for {whose} now: {reason}"))
    if source_tenant is not None:
        told = f"Microsoft Entra says {reason}" if said else "the identity gets none there."
        message = (
            f"No token of tenant {source_tenant} (spec.source.tenantId) with {whose}: {told} Name the source's tenant, "
            "and let an admin of it consent to the app of the credential, which has to be a multi-tenant one."
        )
    elif said or (secret is not None and status is not None):
        message = f"Microsoft Entra refuses {whose}: {reason}"
    elif secret is not None:
        message = f"No token for Azure with {whose}: the identity that it names is not available to the operator's pod."
    else:
        message = (
            "The operator has no credential for Azure. Set up workload identity (AZURE_CLIENT_ID, AZURE_TENANT_ID and "
            "AZURE_FEDERATED_TOKEN_FILE, set by its webhook), a managed identity, or a service principal."
        )
    return ArmError(Waiting("CredentialUnavailable", message))


@contextmanager
def reading_tokens() -> Iterator[None]:
    """Tell an answer of a token endpoint that is none, over which azure-identity stumbles, from a bug of ours."""
    try:
        yield
    except (KeyError, TypeError, ValueError):
        raise ArmError(Transient("NoToken", "Microsoft Entra answered something that is no token")) from None
