"""Nothing reachable from the accept stage encrypts; what does encrypt in media stands in the files of depart.

Encrypting at accept would fix transport-wide number, send time and key use before the pacer has granted the bytes: the
queue behind it could neither be dropped nor reordered without a hole, and a second pass over the same index is a reused
nonce.
"""

from pathlib import Path

from tests.architecture.call_graph import CallGraph, build

ACCEPT_ROOTS = ("engine_on_datagrams", "engine_on_handoff", "engine_on_command")
DEPART_ROOT = "engine_poll"
SEALING = ("srtp_protect", "srtcp_protect", "cipher_gcm_seal")
# In media, who may use these at all. Reports carry what was known when the turn to send came: also at depart.
SEALERS = {
    "srtp_protect": frozenset({"media/departure.c"}),
    "srtcp_protect": frozenset({"media/report.c"}),
    "cipher_gcm_seal": frozenset[str](),
    "cipher_cm_crypt": frozenset[str](),
}
# Counter mode opens with the function that seals; on these ways it opens.
COUNTER_MODE = "cipher_cm_crypt"
OPENING = ("srtp_unprotect", "srtcp_unprotect")

# One backend is compiled in: libcrypto's, which is always there.
_OTHER_BACKENDS = frozenset({"core/cipher_ipsecmb.c"})


def graph_of(native: Path, objects: Path) -> CallGraph:
    sources = [
        path
        for layer in ("core", "media")
        for path in sorted((native / layer).glob("*.c"))
        if path.relative_to(native).as_posix() not in _OTHER_BACKENDS
    ]
    return build(native, sources, objects)


def violations(graph: CallGraph) -> list[str]:
    found = [
        f"{name} is not defined: the rule would hold for nothing"
        for name in (*ACCEPT_ROOTS, DEPART_ROOT, *SEALING, COUNTER_MODE, *OPENING)
        if not graph.defines(name)
    ]
    for root in ACCEPT_ROOTS:
        ways = (graph.path(root, SEALING), graph.path(root, (COUNTER_MODE,), without=OPENING))
        found += [f"accept encrypts: {' → '.join(way)}" for way in ways if way is not None]
    found += [
        f"{user} ({graph.files[user]}) uses {name}, which is not for it"
        for name, files in SEALERS.items()
        for user in sorted(graph.users(name))
        if graph.files.get(user, "").startswith("media/") and graph.files[user] not in files
    ]
    if graph.path(DEPART_ROOT, SEALING) is None:
        found.append(f"no way from {DEPART_ROOT} to {SEALING[0]}: the graph lacks edges")
    return found
