"""Who may #include what in native/: layers point one way, and core and media have no I/O, clock or threads."""

import re
from fnmatch import fnmatch
from pathlib import Path

# Layer → layers whose headers it may use. A folder that is not named here fails, so that the table grows with the tree.
LAYERS: dict[str, frozenset[str]] = {
    "core": frozenset({"core"}),
    "media": frozenset({"core", "media"}),
    "net": frozenset({"core", "media", "net"}),
    "load": frozenset({"core", "load"}),  # and what CLIENT_HEADERS names
    "binding": frozenset({"core", "media", "net", "load", "binding"}),
    "testing": frozenset({"core", "media", "net", "load", "testing", "bench"}),
    "tests": frozenset({"core", "media", "net", "load", "tests"}),
    "bench": frozenset({"core", "media", "net", "load", "bench"}),
}

# The client role shares the wire formats with the server, and of its mechanisms those that any end of a path needs.
CLIENT_HEADERS = frozenset({
    "media/arrival_feedback.h", "media/ice.h", "media/key_frame_request.h", "media/nack_request.h",
    "media/receive_stream.h", "media/send_history.h",
})  # fmt: skip

# Layers that take bytes and time as arguments, and the system headers that can do nothing but compute.
PURE_LAYERS = frozenset({"core", "media", "load"})
PURE_HEADERS = frozenset({
    "assert.h", "endian.h", "errno.h", "inttypes.h", "limits.h", "stdalign.h", "stdatomic.h", "stdbool.h",
    "stddef.h", "stdint.h", "stdlib.h", "string.h",
})  # fmt: skip

# Library headers that single files of the pure layers may use besides. crypto.h compares in constant time and wipes.
LIBRARY_HEADERS: tuple[tuple[str, str], ...] = (
    ("core/cipher_*.c", "openssl/*.h"),
    ("core/hmac_sha1.c", "openssl/*.h"),
    ("core/stun.c", "openssl/*.h"),
    ("core/srt*.c", "openssl/crypto.h"),
    ("core/cipher_ipsecmb.c", "intel-ipsec-mb.h"),
    ("core/cipher_*.c", "pthread.h"),  # pthread_once around the library's own initialisation
)

_INCLUDE = re.compile(r'^\s*#\s*include\s*(?:<(?P<system>[^>]+)>|"(?P<own>[^"]+)")', re.MULTILINE)
_CIMPORT = re.compile(r'^\s*cdef\s+extern\s+from\s+"(?P<own>[^"]+)"', re.MULTILINE)


def violations(native: Path) -> list[str]:
    """All breaches below the folder `native`, each as a sentence."""
    found: list[str] = []
    sources = sorted(path for pattern in ("*.c", "*.h", "*.pyx", "*.pxd") for path in native.rglob(pattern))
    for path in sources:
        name = path.relative_to(native).as_posix()
        layer = name.split("/", maxsplit=1)[0]
        if layer not in LAYERS:
            found.append(f"{name}: layer {layer} is not in the table LAYERS")
            continue
        text = path.read_text(encoding="utf-8")
        for own in _own_headers(native, text):
            target = own.split("/", maxsplit=1)[0]
            if "/" not in own:
                found.append(f'{name}: include "{own}" does not name its layer')
            elif target not in LAYERS[layer] and not (layer == "load" and own in CLIENT_HEADERS):
                found.append(f"{name}: layer {layer} may not use {own}")
        if layer in PURE_LAYERS:
            found += [
                f"{name}: <{header}> is not for a layer without I/O, clock and threads"
                for header in _system_headers(text)
                if not _may_use(name, header)
            ]
    return found


def _own_headers(native: Path, text: str) -> list[str]:
    included = [match["own"] for match in _INCLUDE.finditer(text) if match["own"]]
    # Cython names system headers in the same way; those that do not stand in native/ are not ours.
    declared = [match["own"] for match in _CIMPORT.finditer(text) if (native / match["own"]).exists()]
    return included + declared


def _system_headers(text: str) -> list[str]:
    return [match["system"] for match in _INCLUDE.finditer(text) if match["system"]]


def _may_use(name: str, header: str) -> bool:
    if header in PURE_HEADERS:
        return True
    return any(fnmatch(name, files) and fnmatch(header, headers) for files, headers in LIBRARY_HEADERS)
