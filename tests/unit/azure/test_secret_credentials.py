"""Credentials in Secrets, with the real azure-identity against a token endpoint of the test's own."""

from __future__ import annotations

import base64
import logging
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import jwt
import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from gallery_operator.azure import secret_credentials
from gallery_operator.azure.secret_credentials import (
    CredentialInvalid,
    SecretCredential,
    open_credential,
    read_secret,
    secret_data,
)
from tests.unit.azure import certificates
from tests.unit.azure.conftest import Servers

TENANT = "11111111-2222-3333-4444-555555555555"
CLIENT = "66666666-7777-8888-9999-aaaaaaaaaaaa"
SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
SECRET = "a~client.secret_of-40-characters-or-so"
IDS = {"AZURE_TENANT_ID": TENANT.encode(), "AZURE_CLIENT_ID": CLIENT.encode()}


def read(**data: bytes) -> SecretCredential:
    return read_secret("team-a/azure", {**IDS, **data})


async def grant(_: web.Request) -> web.StreamResponse:
    return web.json_response({"access_token": "granted", "expires_in": 3600, "token_type": "Bearer"})


async def asked(servers: Servers, secret: SecretCredential, **options: Any) -> dict[str, str]:
    """Get a token with a Secret; return the form that the token endpoint received."""
    servers.arm.answer = grant
    async with await open_credential(secret, servers.cloud) as credential:
        assert (await credential.get_token(servers.cloud.scope, **options)).token == "granted"
    return {name: value for name, (value,) in parse_qs(servers.arm.bodies[-1].decode()).items()}


async def test_a_client_secret_gets_a_token_from_its_tenant(servers: Servers) -> None:
    form = await asked(servers, read(AZURE_CLIENT_SECRET=SECRET.encode()))

    assert servers.arm.seen[-1].path == f"/{TENANT}/oauth2/v2.0/token"
    assert (form["client_id"], form["client_secret"], form["scope"]) == (CLIENT, SECRET, servers.cloud.scope)


async def test_the_newline_at_the_end_of_a_file_is_not_part_of_a_value(servers: Servers) -> None:
    ids = {"AZURE_TENANT_ID": f"{TENANT}\n".encode(), "AZURE_CLIENT_ID": f" {CLIENT.upper()}\n".encode()}
    form = await asked(servers, read(**ids, AZURE_CLIENT_SECRET=f"{SECRET}\n".encode()))

    assert (form["client_id"], form["client_secret"]) == (CLIENT, SECRET)


@pytest.mark.parametrize("password", ["", "a password", "\u00fcml\u00e4ut"])
@pytest.mark.parametrize("make", [certificates.pem, certificates.pkcs12_file])
async def test_a_client_certificate_gets_a_token(servers: Servers, make: Any, password: str) -> None:
    form = await asked(
        servers,
        read(AZURE_CLIENT_CERTIFICATE=make(password=password), AZURE_CLIENT_CERTIFICATE_PASSWORD=password.encode()),
    )

    claims = jwt.decode(
        form["client_assertion"],
        certificates.rsa_key().public_key(),
        algorithms=["PS256", "RS256"],
        audience=f"{servers.cloud.authority_host}/{TENANT}/oauth2/v2.0/token",
    )
    assert (claims["iss"], claims["sub"]) == (CLIENT, CLIENT)


async def test_workload_identity_lends_the_operators_token_to_another_client(
    servers: Servers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "token"
    file.write_text("the-federated-token")
    monkeypatch.setenv("AZURE_FEDERATED_TOKEN_FILE", str(file))
    monkeypatch.setenv("AZURE_CLIENT_ID", "the operator's own")
    monkeypatch.setenv("AZURE_TENANT_ID", "the operator's own")

    form = await asked(servers, read(AUTH_MODE=b"WorkloadIdentity"))

    assert (form["client_id"], form["client_assertion"]) == (CLIENT, "the-federated-token")
    assert servers.arm.seen[-1].path == f"/{TENANT}/oauth2/v2.0/token"


async def test_workload_identity_needs_the_operators_token(monkeypatch: pytest.MonkeyPatch, servers: Servers) -> None:
    monkeypatch.delenv("AZURE_FEDERATED_TOKEN_FILE", raising=False)

    with pytest.raises(CredentialInvalid, match="Secret team-a/azure: AUTH_MODE is WorkloadIdentity, but the operator"):
        await open_credential(read(AUTH_MODE=b"workloadidentity"), servers.cloud)


@pytest.mark.parametrize(("client", "sent"), [(CLIENT.encode(), CLIENT), (b"", None)])
async def test_managed_identity_asks_the_endpoint_of_the_node(
    servers: Servers, monkeypatch: pytest.MonkeyPatch, client: bytes, sent: str | None
) -> None:
    for name in ("IDENTITY_ENDPOINT", "MSI_ENDPOINT", "AZURE_FEDERATED_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", servers.arm.url)

    async def answer(request: web.Request) -> web.StreamResponse:
        assert request.headers["Metadata"] == "true"
        return web.json_response(
            {"access_token": "granted", "expires_on": str(int(time.time()) + 3600), "resource": "arm"}
        )

    servers.arm.answer = answer
    data = {"AUTH_MODE": b"ManagedIdentity", "AZURE_CLIENT_ID": client}
    async with await open_credential(read_secret("team-a/azure", data), servers.cloud) as credential:
        assert (await credential.get_token(servers.cloud.scope)).token == "granted"

    request = servers.arm.seen[-1]
    assert request.path == "/metadata/identity/oauth2/token"
    assert request.query.get("client_id") == sent
    assert request.query["resource"] == servers.cloud.audience


@pytest.mark.parametrize("proof", [{"AZURE_CLIENT_SECRET": SECRET.encode()}, {"AZURE_CLIENT_CERTIFICATE": b"pem"}])
async def test_a_credential_gets_tokens_of_other_tenants_for_sources_there(
    servers: Servers, proof: dict[str, bytes]
) -> None:
    other = "99999999-2222-3333-4444-555555555555"
    if "AZURE_CLIENT_CERTIFICATE" in proof:
        proof = {"AZURE_CLIENT_CERTIFICATE": certificates.pem()}

    await asked(servers, read(**proof), tenant_id=other)

    assert servers.arm.seen[-1].path == f"/{other}/oauth2/v2.0/token"


async def test_a_secret_cannot_choose_the_authority(servers: Servers) -> None:
    form = await asked(
        servers, read(AZURE_CLIENT_SECRET=SECRET.encode(), AZURE_AUTHORITY_HOST=servers.foreign.url.encode())
    )

    assert form["client_secret"] == SECRET
    assert servers.foreign.seen == []


def test_the_subscription_is_the_default_of_galleries_that_name_none() -> None:
    secret = read(AZURE_CLIENT_SECRET=SECRET.encode(), AZURE_SUBSCRIPTION_ID=SUBSCRIPTION.encode())

    assert secret.subscription_id == SUBSCRIPTION
    assert read(AZURE_CLIENT_SECRET=SECRET.encode()).subscription_id is None


def test_a_tenant_may_be_given_by_its_domain() -> None:
    assert read(AZURE_CLIENT_SECRET=b"x", AZURE_TENANT_ID=b"Contoso.onmicrosoft.com").tenant_id == (
        "contoso.onmicrosoft.com"
    )


def test_managed_identity_needs_neither_tenant_nor_client() -> None:
    secret = read_secret("team-a/azure", {"AUTH_MODE": b"ManagedIdentity"})

    assert (secret.mode, secret.tenant_id, secret.client_id) == ("ManagedIdentity", None, None)


HOSTILE: list[tuple[dict[str, bytes], str]] = [
    ({}, "needs exactly one of AZURE_CLIENT_SECRET, AZURE_CLIENT_CERTIFICATE and AUTH_MODE; it has none of them"),
    ({"AZURE_CLIENT_SECRET": b""}, "it has none of them"),
    ({"AZURE_CLIENT_SECRET": b"  \n"}, "AZURE_CLIENT_SECRET is not set"),
    ({"AZURE_CLIENT_SECRET": b"x", "AUTH_MODE": b"WorkloadIdentity"}, "it has AZURE_CLIENT_SECRET and AUTH_MODE"),
    ({"AZURE_CLIENT_SECRET": b"x", "AZURE_CLIENT_CERTIFICATE": b"y"}, "AZURE_CLIENT_SECRET and AZURE_CLIENT_CERT"),
    ({"AZURE_CLIENT_SECRET": b"\xff\xfe\x00junk"}, "AZURE_CLIENT_SECRET is text in UTF-8"),
    ({"AZURE_CLIENT_SECRET": b"a\x00b"}, "AZURE_CLIENT_SECRET has no control characters"),
    ({"AZURE_CLIENT_SECRET": b"a\r\nX-Header: b"}, "AZURE_CLIENT_SECRET has no control characters"),
    ({"AZURE_CLIENT_SECRET": b"x" * 5000}, "AZURE_CLIENT_SECRET has at most 4096 bytes"),
    ({"AZURE_CLIENT_SECRET": b"x", "AZURE_TENANT_ID": b""}, "AZURE_TENANT_ID is not set"),
    ({"AZURE_CLIENT_SECRET": b"x", "AZURE_TENANT_ID": b"common"}, "AZURE_TENANT_ID is the tenant's UUID or a domain"),
    ({"AZURE_CLIENT_SECRET": b"x", "AZURE_TENANT_ID": b"../evil"}, "AZURE_TENANT_ID is the tenant's UUID or a domain"),
    ({"AZURE_CLIENT_SECRET": b"x", "AZURE_TENANT_ID": b"a.b/c?d"}, "AZURE_TENANT_ID is the tenant's UUID or a domain"),
    ({"AZURE_CLIENT_SECRET": b"x", "AZURE_TENANT_ID": b"a" * 254 + b".b"}, "AZURE_TENANT_ID is the tenant's UUID"),
    (
        {"AZURE_CLIENT_SECRET": b"x", "AZURE_TENANT_ID": "conto\u017fo.com".encode()},
        "AZURE_TENANT_ID is the tenant's UUID or a domain",
    ),
    ({"AZURE_CLIENT_SECRET": b"x", "AZURE_CLIENT_ID": b""}, "AZURE_CLIENT_ID is not set"),
    ({"AZURE_CLIENT_SECRET": b"x", "AZURE_CLIENT_ID": b"my-app"}, "AZURE_CLIENT_ID is a UUID such as"),
    ({"AZURE_CLIENT_SECRET": b"x", "AZURE_SUBSCRIPTION_ID": b"prod"}, "AZURE_SUBSCRIPTION_ID is a UUID such as"),
    ({"AUTH_MODE": b"Magic"}, "AUTH_MODE is WorkloadIdentity or ManagedIdentity"),
    ({"AUTH_MODE": b"\x80"}, "AUTH_MODE is text in UTF-8"),
    ({"AUTH_MODE": b"WorkloadIdentity", "AZURE_CLIENT_ID": b""}, "AZURE_CLIENT_ID is not set"),
    ({"AZURE_CLIENT_CERTIFICATE": b"x" * 300_000}, "AZURE_CLIENT_CERTIFICATE has at most 256 KiB"),
    (
        {"AZURE_CLIENT_CERTIFICATE": b"x", "AZURE_CLIENT_CERTIFICATE_PASSWORD": b"\xff"},
        "AZURE_CLIENT_CERTIFICATE_PASSWORD is text in UTF-8",
    ),
]


@pytest.mark.parametrize(("data", "why"), HOSTILE, ids=[why[:40] for _, why in HOSTILE])
def test_a_wrong_secret_is_refused_with_its_name_its_key_and_the_mend(data: dict[str, bytes], why: str) -> None:
    with pytest.raises(CredentialInvalid) as caught:
        read(**data)

    assert str(caught.value).startswith("Secret team-a/azure")
    assert why in str(caught.value)
    assert len(str(caught.value)) < 300
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


KEYS = ["AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", "AZURE_CLIENT_CERTIFICATE", "AUTH_MODE"]


@given(st.dictionaries(st.sampled_from([*KEYS, "AZURE_SUBSCRIPTION_ID"]), st.binary(min_size=6, max_size=200)))
def test_whatever_a_secret_holds_no_value_of_it_is_told(data: dict[str, bytes]) -> None:
    try:
        told = repr(read_secret("n/s", data))
    except CredentialInvalid as error:
        told = f"{error!s} {error!r}"

    for key in ("AZURE_CLIENT_SECRET", "AZURE_CLIENT_CERTIFICATE"):
        value = data.get(key, b"").decode(errors="ignore").strip()
        assert len(value) < 6 or value not in told


def test_the_secret_parts_of_a_credential_are_never_shown() -> None:
    secret = read(AZURE_CLIENT_CERTIFICATE=b"the-pem", AZURE_CLIENT_CERTIFICATE_PASSWORD=b"the-password")

    assert "the-pem" not in repr(secret)
    assert "the-password" not in repr(secret)
    assert SECRET not in repr(read(AZURE_CLIENT_SECRET=SECRET.encode()))


def test_values_are_concealed_in_whatever_azure_says_of_them() -> None:
    secret = read(AZURE_CLIENT_SECRET=SECRET.encode())

    said = f"Application {CLIENT.upper()} was not found in {TENANT}; you sent {SECRET}."
    assert secret.conceal(said) == (
        "Application <AZURE_CLIENT_ID> was not found in <AZURE_TENANT_ID>; you sent <AZURE_CLIENT_SECRET>."
    )


def bomb() -> bytes:
    """A PKCS#12 file that asks for two thousand million rounds of the key derivation of its checksum."""
    file = certificates.pkcs12_file(password="pw")
    rounds = bytes.fromhex("02020800")  # 2,048 as DER; the checksum's are the last number of the file
    assert file.endswith(rounds)
    return _lengthened(file, file.removesuffix(rounds) + bytes.fromhex("02047fffffff"))


def _lengthened(before: bytes, after: bytes) -> bytes:
    """Correct the DER lengths of those parts that end with the file, which has grown."""
    grown, position, more = bytearray(after), 0, len(after) - len(before)
    while before[position] == 0x30:
        short = before[position + 1] < 0x80
        size = 1 if short else before[position + 1] & 0x7F
        at = position + 1 if short else position + 2
        length = int.from_bytes(before[at : at + size])
        if at + size + length == len(before):
            grown[at : at + size] = (length + more).to_bytes(size)
            position = at + size
        else:
            position = at + size + length
        if before[position] == 0x02:  # the version, before everything else
            position += 2 + before[position + 1]
    return bytes(grown)


async def test_a_certificate_that_takes_for_ever_to_open_holds_nobody_up(
    servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(secret_credentials, "_OPENING", 2.0)
    secret = read(AZURE_CLIENT_CERTIFICATE=bomb(), AZURE_CLIENT_CERTIFICATE_PASSWORD=b"pw")
    began = time.monotonic()

    with pytest.raises(CredentialInvalid, match="AZURE_CLIENT_CERTIFICATE takes too much time or memory to open"):
        await open_credential(secret, servers.cloud)

    assert time.monotonic() - began < 10


async def test_a_certificate_that_asks_for_much_memory_does_not_get_it(servers: Servers) -> None:
    file = certificates.scrypt_pem(2**18)  # 256 MiB, half of the container
    secret = read(AZURE_CLIENT_CERTIFICATE=file, AZURE_CLIENT_CERTIFICATE_PASSWORD=b"pw")

    with pytest.raises(CredentialInvalid, match="AZURE_CLIENT_CERTIFICATE takes too much time or memory to open: use"):
        await open_credential(secret, servers.cloud)


def bad_certificates() -> Mapping[str, tuple[bytes, str]]:
    other = certificates.certificate(certificates.rsa_key(3072))
    whole = certificates.pem()
    key_only, _, certificate_only = whole.partition(b"-----BEGIN CERTIFICATE")
    form = "is no certificate with its private key in PEM or PKCS#12 form"
    return {
        "junk": (b"\x00\xff" * 500, form),
        "text": (b"hunter2-hunter2", form),
        "base64 of base64": (base64.b64encode(whole), form),
        "no certificate": (key_only, form),
        "no key": (b"-----BEGIN CERTIFICATE" + certificate_only, form),
        "encrypted": (certificates.pem(password="unknown"), form),
        "encrypted pkcs12": (certificates.pkcs12_file(password="unknown"), form),
        "elliptic curve": (certificates.pem(ec.generate_private_key(ec.SECP256R1())), "needs an RSA key of 2048"),
        "short key": (certificates.pem(certificates.rsa_key(1024)), "needs an RSA key of 2048"),
        "long key": (certificates.pem(certificates.rsa_key(4224)), "needs an RSA key of 2048 to 4096 bits"),
        "other key": (certificates.pem(of=other), "holds a certificate that does not belong to its private key"),
    }


@pytest.mark.parametrize("name", list(bad_certificates()))
async def test_a_wrong_certificate_is_refused_with_what_is_wrong(
    servers: Servers, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    data, why = bad_certificates()[name]
    caplog.set_level(logging.DEBUG)

    with pytest.raises(CredentialInvalid) as caught:
        await open_credential(read(AZURE_CLIENT_CERTIFICATE=data), servers.cloud)

    assert f"Secret team-a/azure: AZURE_CLIENT_CERTIFICATE {why}" in str(caught.value)
    assert "hunter2" not in str(caught.value) + caplog.text


async def test_a_password_that_a_certificate_does_not_need_is_told(servers: Servers) -> None:
    secret = read(AZURE_CLIENT_CERTIFICATE=certificates.pem(), AZURE_CLIENT_CERTIFICATE_PASSWORD=b"of the last one")

    with pytest.raises(CredentialInvalid, match="the password is wrong, missing or not needed"):
        await open_credential(secret, servers.cloud)


def test_a_secrets_data_are_decoded_and_what_is_none_is_left_out() -> None:
    secret = {"data": {"a": base64.b64encode(b"\x00\xff").decode(), "b": "not base64!", "c": None}}

    assert secret_data(secret) == {"a": b"\x00\xff"}
    assert secret_data({}) == {}
    assert secret_data({"data": None}) == {}
