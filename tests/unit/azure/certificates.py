"""Client certificates for tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)
from cryptography.x509.oid import NameOID

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


def rsa_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    """The key of that size: one for all tests, since making one takes long."""
    return _rsa_key(bits)


@cache
def _rsa_key(bits: int) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def certificate(key: Key | None = None) -> x509.Certificate:
    """A certificate of its own signing, valid for a day."""
    key = key or rsa_key()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "gallery-publisher")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(days=1))
    return builder.sign(key, hashes.SHA256())


def pem(key: Key | None = None, *, password: str = "", of: x509.Certificate | None = None) -> bytes:
    """Private key and certificate as PEM; the key encrypted when there is a password."""
    key = key or rsa_key()
    encryption = BestAvailableEncryption(password.encode()) if password else NoEncryption()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)
    return private + (of or certificate(key)).public_bytes(Encoding.PEM)


def pkcs12_file(key: Key | None = None, *, password: str = "", rounds: int = 1000) -> bytes:
    """Private key and certificate as PKCS#12, whose key derivation is repeated `rounds` times."""
    encryption: KeySerializationEncryption = NoEncryption()
    if password:
        builder: Any = PrivateFormat.PKCS12.encryption_builder()
        encryption = builder.kdf_rounds(rounds).build(password.encode())
    key = key or rsa_key()
    return pkcs12.serialize_key_and_certificates(b"test", key, certificate(key), None, encryption)


def registered(file: bytes, password: str) -> str:
    """The certificate of a PKCS#12 file as PEM: what an application in Azure is told of it."""
    _, found, _ = pkcs12.load_key_and_certificates(file, password.encode())
    assert found is not None
    return found.public_bytes(Encoding.PEM).decode()
