"""Credentials that a Kubernetes Secret holds: what its keys mean, and the azure-identity credential they make.

The keys are those of Azure Service Operator. A Secret says who somebody is and how that is proved, never where: the
cloud and its authority are the operator's, so that no Secret can send the operator's federated token elsewhere.

Whoever writes Secrets is not trusted with more than their own namespace. Every value is bounded and checked, and no
text made here holds one.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from azure.core.credentials_async import AsyncTokenCredential
from azure.identity.aio import (
    CertificateCredential,
    ClientSecretCredential,
    ManagedIdentityCredential,
    WorkloadIdentityCredential,
)

from gallery_operator.azure import certificate_reader
from gallery_operator.azure.clouds import Cloud
from gallery_operator.azure.concealing import PIECE, conceal
from gallery_operator.azure.credentials import identity_options

Mode = Literal["ClientSecret", "ClientCertificate", "WorkloadIdentity", "ManagedIdentity"]

TENANT_ID: Final = "AZURE_TENANT_ID"
CLIENT_ID: Final = "AZURE_CLIENT_ID"
CLIENT_SECRET: Final = "AZURE_CLIENT_SECRET"  # noqa: S105 - a key, not its value
CLIENT_CERTIFICATE: Final = "AZURE_CLIENT_CERTIFICATE"
CERTIFICATE_PASSWORD: Final = "AZURE_CLIENT_CERTIFICATE_PASSWORD"  # noqa: S105 - a key, not its value
SUBSCRIPTION_ID: Final = "AZURE_SUBSCRIPTION_ID"
AUTH_MODE: Final = "AUTH_MODE"

_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE | re.ASCII)
# ASCII: without it, [a-z] without regard to case takes letters such as the long s, too.
_DOMAIN: Final = re.compile(
    r"(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}", re.IGNORECASE | re.ASCII
)
_LONGEST_TEXT: Final = 4096
_LONGEST_CERTIFICATE: Final = 256 * 1024
_MODES: Final[Mapping[str, Mode]] = {"workloadidentity": "WorkloadIdentity", "managedidentity": "ManagedIdentity"}
_WAYS: Final = f"exactly one of {CLIENT_SECRET}, {CLIENT_CERTIFICATE} and {AUTH_MODE}"
_TOO_MUCH: Final = (
    "takes too much time or memory to open: use an RSA key of 2048 to 4096 bits, encrypted as openssl does"
)
#: Real seconds for opening a certificate; the process limits its own computing to less.
_OPENING: Final = 20.0


class CredentialInvalid(Exception):  # noqa: N818 - it becomes a condition's reason
    """A Secret cannot be used as a credential; the text names Secret, key and mend, and holds no value."""


@dataclass(frozen=True, slots=True)
class SecretCredential:
    """A Secret's content, checked as far as that is possible without Azure."""

    name: str
    """`<namespace>/<name>` of the Secret."""
    mode: Mode
    tenant_id: str | None
    client_id: str | None
    """None only for the managed identity that is the only one."""
    subscription_id: str | None
    """Of Galleries that name none."""
    secret: str | None = field(default=None, repr=False)
    certificate: bytes | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)

    def conceal(self, text: str) -> str:
        """Return `text` with each value of this Secret that is found in it replaced by its key."""
        for value, key in ((self.client_id, CLIENT_ID), (self.tenant_id, TENANT_ID)):
            if value and len(value) >= PIECE:
                text = re.sub(re.escape(value), f"<{key}>", text, flags=re.IGNORECASE)
        for value, key in ((self.secret, CLIENT_SECRET), (self.password, CERTIFICATE_PASSWORD)):
            if value:
                text = conceal(text, value, key)
        return text


def read_secret(name: str, data: Mapping[str, bytes]) -> SecretCredential:
    """Return what a Secret's decoded data mean.

    :param name: `<namespace>/<name>`, for messages.

    Raises CredentialInvalid.
    """
    values = _Values(name, data)
    mode = values.mode()
    managed = mode == "ManagedIdentity"
    return SecretCredential(
        name=name,
        mode=mode,
        tenant_id=None if managed else values.tenant(),
        client_id=values.uuid(CLIENT_ID, optional=managed),
        subscription_id=values.uuid(SUBSCRIPTION_ID, optional=True),
        secret=values.text(CLIENT_SECRET) if mode == "ClientSecret" else None,
        certificate=values.certificate() if mode == "ClientCertificate" else None,
        password=values.text(CERTIFICATE_PASSWORD, optional=True, strip=False) if mode == "ClientCertificate" else None,
    )


async def open_credential(secret: SecretCredential, cloud: Cloud) -> AsyncTokenCredential:
    """Return the credential that a Secret describes; nothing is asked of Azure yet. Close it after use.

    Raises CredentialInvalid when the certificate cannot be opened, or the operator's pod has no federated token.
    """
    options = identity_options(cloud)
    if secret.mode == "ManagedIdentity":
        # Few tries: the reconcile tries again by itself, and must not hold a worker where there is no such endpoint.
        return ManagedIdentityCredential(client_id=secret.client_id, retry_total=1, **options)
    options["additionally_allowed_tenants"] = ["*"]  # sources in other tenants need a token of theirs
    options["retry_total"] = 0  # the reconcile tries again by itself, and must not hold a worker meanwhile
    tenant, client = secret.tenant_id or "", secret.client_id or ""
    if secret.mode == "WorkloadIdentity":
        return WorkloadIdentityCredential(
            tenant_id=tenant, client_id=client, token_file_path=_federated_token_file(secret), **options
        )
    if secret.mode == "ClientSecret":
        return ClientSecretCredential(tenant, client, secret.secret or "", **options)
    pem = await _opened_certificate(secret)
    return CertificateCredential(tenant, client, certificate_data=pem, **options)


def _federated_token_file(secret: SecretCredential) -> str:
    file = os.environ.get("AZURE_FEDERATED_TOKEN_FILE", "")
    if not file:
        msg = (
            f"Secret {secret.name}: {AUTH_MODE} is WorkloadIdentity, but the operator's pod has no federated token: "
            "switch workload identity on where the operator is installed"
        )
        raise CredentialInvalid(msg)
    return file


async def _opened_certificate(secret: SecretCredential) -> bytes:
    """Return key and certificates as PEM without encryption, read by `certificate_reader`; raises CredentialInvalid."""
    program = [sys.executable, "-I", str(Path(certificate_reader.__file__))]
    asked = {"data": base64.b64encode(secret.certificate or b"").decode(), "password": secret.password}
    process = await asyncio.create_subprocess_exec(
        *program,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(_OPENING):
            answer, _ = await process.communicate(json.dumps(asked).encode())
    except TimeoutError:
        answer = b""
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode == 0:
        return answer
    why = answer.decode(errors="replace")[:300] if process.returncode == 1 else ""
    msg = f"Secret {secret.name}: {CLIENT_CERTIFICATE} {why or _TOO_MUCH}"
    raise CredentialInvalid(msg)


class _Values:
    """A Secret's data, read key by key."""

    def __init__(self, name: str, data: Mapping[str, bytes]) -> None:
        self._name = name
        self._data = data

    def mode(self) -> Mode:
        """Return the way of authentication that is chosen."""
        chosen = [key for key in (CLIENT_SECRET, CLIENT_CERTIFICATE, AUTH_MODE) if self._data.get(key)]
        if len(chosen) != 1:
            has = "it has " + (" and ".join(chosen) if chosen else "none of them")
            msg = f"Secret {self._name} needs {_WAYS}; {has}"
            raise CredentialInvalid(msg)
        if chosen != [AUTH_MODE]:
            return "ClientSecret" if chosen == [CLIENT_SECRET] else "ClientCertificate"
        mode = _MODES.get((self.text(AUTH_MODE) or "").casefold())
        if mode is None:
            raise self._wrong(AUTH_MODE, "is WorkloadIdentity or ManagedIdentity")
        return mode

    def tenant(self) -> str:
        """Return the tenant: its UUID, or one of its domains."""
        text = self.text(TENANT_ID)
        if text is None or not (_UUID.fullmatch(text) or _DOMAIN.fullmatch(text)):
            raise self._wrong(TENANT_ID, "is the tenant's UUID or a domain of it")
        return text.lower()

    def uuid(self, key: str, *, optional: bool = False) -> str | None:
        text = self.text(key, optional=optional)
        if text is not None and not _UUID.fullmatch(text):
            raise self._wrong(key, "is a UUID such as 00000000-0000-0000-0000-000000000000")
        return None if text is None else text.lower()

    def certificate(self) -> bytes:
        data = self._data[CLIENT_CERTIFICATE]
        if len(data) > _LONGEST_CERTIFICATE:
            raise self._wrong(CLIENT_CERTIFICATE, f"has at most {_LONGEST_CERTIFICATE // 1024} KiB")
        return data

    def text(self, key: str, *, optional: bool = False, strip: bool = True) -> str | None:
        """Return a value as text; None when it is optional and not there.

        Space at the ends is dropped (files end with a newline that nobody meant) unless it may be a password's.
        """
        data = self._data.get(key, b"")
        if len(data) > _LONGEST_TEXT:
            raise self._wrong(key, f"has at most {_LONGEST_TEXT} bytes")
        try:
            text = data.decode()
        except UnicodeDecodeError:
            raise self._wrong(key, "is text in UTF-8") from None
        text = text.strip() if strip else text.removesuffix("\n")
        if not text and not optional:
            raise self._wrong(key, "is not set, but needed")
        if not text.isprintable():
            raise self._wrong(key, "has no control characters")
        return text or None

    def _wrong(self, key: str, rule: str) -> CredentialInvalid:
        return CredentialInvalid(f"Secret {self._name}: {key} {rule}")


def secret_data(secret: Mapping[str, Any]) -> dict[str, bytes]:
    """Return the decoded data of a Secret as the API server delivers it; what is no base64 is left out."""
    decoded: dict[str, bytes] = {}
    for key, value in (secret.get("data") or {}).items():
        try:
            decoded[key] = base64.b64decode(value, validate=True)
        except (ValueError, TypeError):
            continue
    return decoded
