"""Certificate and key for HTTPS, read again on SIGHUP."""

import ssl
from pathlib import Path

from sfu.errors import LocalError


class TlsFiles:
    """A context whose certificate can change: connections that exist keep the one they began with."""

    def __init__(self, certificate: Path, key: Path) -> None:
        self.context = _context()
        self.load(certificate, key)

    def load(self, certificate: Path, key: Path) -> None:
        """Take over the files. Raises LocalError, and then changes nothing."""
        # What fails halfway must not leave a certificate with another's key.
        _load(_context(), certificate, key)
        _load(self.context, certificate, key)


def _context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    return context


def _load(context: ssl.SSLContext, certificate: Path, key: Path) -> None:
    for name, path in (("certificate", certificate), ("key", key)):
        try:
            path.read_bytes()
        except OSError as error:
            raise LocalError(f"tls.{name}: {path} cannot be read: {error.strerror}") from None
    try:
        # A question for a passphrase would wait on a terminal that nobody watches.
        context.load_cert_chain(certificate, key, password=_no_passphrase)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise LocalError(f"tls.key: {key} is not the key of {certificate}") from None
        raise LocalError(f"tls: {certificate} and {key} are not a certificate and its key in PEM") from None
    except ValueError:
        raise LocalError(f"tls.key: {key} is encrypted with a passphrase; give one without") from None


def _no_passphrase() -> str:
    raise ValueError("encrypted")
