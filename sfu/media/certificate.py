"""The certificate that a process shows in DTLS, and fingerprints of others' (RFC 8122)."""

import datetime as dt
import hmac
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

_DIGESTS: dict[str, hashes.HashAlgorithm] = {
    "sha-256": hashes.SHA256(),
    "sha-384": hashes.SHA384(),
    "sha-512": hashes.SHA512(),
}
# Who is meant is told by the fingerprint alone: nobody looks at the dates, but a wrong clock must not make them absurd.
_BACK = dt.timedelta(days=1)
_AHEAD = dt.timedelta(days=365)


@dataclass(frozen=True)
class Certificate:
    """A self-signed certificate with its key."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def fingerprint(self) -> tuple[str, str]:
        """As SDP has it: ("sha-256", "AB:CD:…")."""
        return "sha-256", fingerprint(self.certificate, "sha-256")


def make_certificate() -> Certificate:
    """ECDSA on P-256, which every browser takes (RFC 8827, section 6.5) and which is far cheaper to sign with than RSA."""
    key = ec.generate_private_key(ec.SECP256R1())
    # A constant name: a random one would tell processes apart to whoever watches the handshake.
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "WebRTC")])
    now = dt.datetime.now(tz=dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACK)
        .not_valid_after(now + _AHEAD)
        .sign(key, hashes.SHA256())
    )
    return Certificate(key, certificate)


def fingerprint(certificate: x509.Certificate, algorithm: str) -> str:
    """Upper-case hexadecimal with colons. KeyError: an algorithm that is not accepted here (SHA-1, MD5)."""
    return certificate.fingerprint(_DIGESTS[algorithm]).hex(":").upper()


def matches(certificate: x509.Certificate, expected: tuple[str, str]) -> bool:
    """Whether the certificate is the one that an offer names, in constant time. False for unknown algorithms too."""
    algorithm, value = expected[0].lower(), expected[1].upper()
    if algorithm not in _DIGESTS or not value.isascii():
        return False
    return hmac.compare_digest(fingerprint(certificate, algorithm), value)
