"""A program: reads a client certificate from stdin and writes it, decrypted, to stdout.

PKCS#12 and encrypted PEM say themselves how often their key derivation is to be repeated; two thousand million times
take half an hour, in which Python does nothing else. So a certificate that a namespace's user made is opened in a
process of its own, whose time and memory are limited. It knows nothing of the operator, so that it starts quickly.

Input: JSON with `data` (base64) and `password` (text or null). Output: PEM of the private key and the certificates.
Exit code 1 and a sentence on stdout: why it cannot be used. The sentence holds nothing of what was read.
"""

from __future__ import annotations

import base64
import json
import resource
import sys
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, pkcs12

_CPU_SECONDS = 5
#: Bytes of data. Python and a key take 20 MB; what scrypt takes, the file says. Two of these processes beside the
#: operator have to fit in its container: one that exceeds the container's limit takes the operator with it.
_MEMORY = 96 * 1024 * 1024
#: Bits. Entra takes 2,048 and more. azure-identity checks a key twice in the operator's own process, in which nothing
#: else happens meanwhile: half a second for 4,096 bits, ten for 8,192.
_KEY_SIZES = range(2048, 4097)
_PEM = b"-----BEGIN"


class Unusable(Exception):  # noqa: N818 - it says so
    """The certificate cannot be used; the text says why."""


def decrypted(data: bytes, password: str | None) -> bytes:
    """Return private key and certificates as PEM without encryption; raises Unusable."""
    secret = password.encode() if password else None
    try:
        key, certificates = _read_pem(data, secret) if _PEM in data else _read_pkcs12(data, secret)
    except (ValueError, TypeError, UnicodeError):
        msg = (
            "is no certificate with its private key in PEM or PKCS#12 form, or the password is wrong, missing or not "
            "needed"
        )
        raise Unusable(msg) from None
    if not isinstance(key, RSAPrivateKey) or key.key_size not in _KEY_SIZES:
        msg = f"needs an RSA key of {_KEY_SIZES.start} to {_KEY_SIZES.stop - 1} bits: Microsoft Entra takes no other"
        raise Unusable(msg)
    if certificates[0].public_key() != key.public_key():
        msg = "holds a certificate that does not belong to its private key; the key's own certificate comes first"
        raise Unusable(msg)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return pem + b"".join(each.public_bytes(Encoding.PEM) for each in certificates)


def _read_pem(data: bytes, password: bytes | None) -> tuple[Any, list[x509.Certificate]]:
    return serialization.load_pem_private_key(data, password), x509.load_pem_x509_certificates(data)


def _read_pkcs12(data: bytes, password: bytes | None) -> tuple[Any, list[x509.Certificate]]:
    key, certificate, others = pkcs12.load_key_and_certificates(data, password)
    if certificate is None:
        raise ValueError
    return key, [certificate, *others]


def main() -> int:
    """Run the program."""
    resource.setrlimit(resource.RLIMIT_CPU, (_CPU_SECONDS, _CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_DATA, (_MEMORY, _MEMORY))
    asked = json.load(sys.stdin)
    try:
        answer = decrypted(base64.b64decode(asked["data"]), asked["password"])
    except Unusable as error:
        sys.stdout.write(str(error))
        return 1
    sys.stdout.buffer.write(answer)
    return 0


if __name__ == "__main__":
    sys.exit(main())
