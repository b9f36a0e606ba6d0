import asyncio
import ssl
from pathlib import Path

import pytest

from sfu.errors import LocalError
from sfu.http.server import Server
from sfu.http.tls import TlsFiles
from tests.http import certificates
from tests.http.support import application


async def _seen(port: int) -> bytes | None:
    """The certificate that a client is shown."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    _reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    tls: ssl.SSLObject = writer.get_extra_info("ssl_object")
    certificate = tls.getpeercert(binary_form=True)
    writer.close()
    await writer.wait_closed()
    return certificate


def _der(path: Path) -> bytes:
    return ssl.PEM_cert_to_DER_cert(path.read_text(encoding="ascii"))


async def test_reload_changes_the_certificate_of_new_connections(tmp_path: Path) -> None:
    first, second = certificates.write(tmp_path, "first"), certificates.write(tmp_path, "second")
    files = TlsFiles(*first)
    server = Server(application(tls=True), "127.0.0.1", 0, files.context)
    await server.start()
    try:
        assert server.url == f"https://127.0.0.1:{server.port}"
        assert await _seen(server.port) == _der(first[0])
        files.load(*second)
        assert await _seen(server.port) == _der(second[0])
        with pytest.raises(LocalError):
            files.load(first[0], second[1])
        assert await _seen(server.port) == _der(second[0])
    finally:
        await server.stop()


def test_what_is_wrong_with_files_is_told(tmp_path: Path) -> None:
    certificate, key = certificates.write(tmp_path, "good")
    other = certificates.write(tmp_path, "other")[1]
    locked = certificates.write(tmp_path, "locked", passphrase=b"hush")
    garbage = tmp_path / "garbage"
    garbage.write_text("no PEM", encoding="ascii")
    for files, expected in (
        ((tmp_path / "no", key), "tls.certificate: .*/no cannot be read: No such file"),
        ((certificate, tmp_path / "no"), "tls.key: .*/no cannot be read: No such file"),
        ((garbage, key), "are not a certificate and its key in PEM"),
        ((certificate, garbage), "are not a certificate and its key in PEM"),
        ((certificate, other), "other.key is not the key of .*good.pem"),
        (locked, "is encrypted with a passphrase"),
    ):
        with pytest.raises(LocalError, match=expected):
            TlsFiles(*files)


def test_old_protocols_are_refused(tmp_path: Path) -> None:
    assert TlsFiles(*certificates.write(tmp_path, "a")).context.minimum_version == ssl.TLSVersion.TLSv1_2
