"""Client certificates for tests."""

from __future__ import annotations

import base64
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


def scrypt_pem(rounds: int) -> bytes:
    """An encrypted key, which cannot be read, and its certificate: 1 KiB of memory for each round of scrypt."""
    kdf = _der(0x30, _oid("2b06010401da47040b"), _der(0x30, _der(4, b"salt"), _number(rounds), _number(8), _number(1)))
    cipher = _der(0x30, _oid("60864801650304012a"), _der(4, bytes(16)))
    scheme = _der(0x30, _oid("2a864886f70d01050d"), _der(0x30, kdf, cipher))
    body = base64.encodebytes(_der(0x30, scheme, _der(4, bytes(64))))
    begin, end = b"-----BEGIN ENCRYPTED PRIVATE KEY-----\n", b"-----END ENCRYPTED PRIVATE KEY-----\n"
    return begin + body + end + certificate().public_bytes(Encoding.PEM)


def _der(tag: int, *parts: bytes) -> bytes:
    content = b"".join(parts)
    size = b"" if len(content) < 0x80 else b"\x81"
    return bytes([tag]) + size + bytes([len(content)]) + content


def _oid(encoded: str) -> bytes:
    return _der(6, bytes.fromhex(encoded))


def _number(value: int) -> bytes:
    return _der(2, value.to_bytes(value.bit_length() // 8 + 1))


def registered(file: bytes, password: str) -> str:
    """The certificate of a PKCS#12 file as PEM: what an application in Azure is told of it."""
    _, found, _ = pkcs12.load_key_and_certificates(file, password.encode())
    assert found is not None
    return found.public_bytes(Encoding.PEM).decode()
