"""The shape of the tree is checked like its behaviour. Each rule is also shown to fail on a breach planted in a copy."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.architecture import encryption, imports, includes, typescript
from tests.architecture.call_graph import CallGraph

ROOT = Path(__file__).resolve().parent.parent
NATIVE = ROOT / "native"
WEB = ROOT / "sfu" / "web" / "src"


# ---- #include ----


def test_includes_point_one_way() -> None:
    assert includes.violations(NATIVE) == []


@pytest.mark.parametrize(
    "file,line,expected",
    [
        ("core/planted.c", '#include "media/engine.h"', "layer core may not use media/engine.h"),
        ("media/planted.c", '#include "net/worker.h"', "layer media may not use net/worker.h"),
        ("load/planted.h", '#include "media/pacer.h"', "layer load may not use media/pacer.h"),
        ("load/planted.c", "#include <sys/socket.h>", "<sys/socket.h> is not for"),
        ("net/planted.c", '#include "binding/x.h"', "layer net may not use binding/x.h"),
        ("media/planted.c", '#include "pacer.h"', "does not name its layer"),
        ("media/planted.c", "#include <time.h>", "<time.h> is not for"),
        ("core/planted.h", "#  include <sys/socket.h>", "<sys/socket.h> is not for"),
        ("core/rtp_planted.c", "#include <openssl/evp.h>", "<openssl/evp.h> is not for"),
        ("media/planted.c", "#include <pthread.h>", "<pthread.h> is not for"),
        ("extra/planted.c", "", "layer extra is not in the table"),
    ],
)
def test_planted_include_is_found(tmp_path: Path, file: str, line: str, expected: str) -> None:
    native = tmp_path / "native"
    shutil.copytree(NATIVE, native)
    (native / file).parent.mkdir(exist_ok=True)
    (native / file).write_text(line + "\n", encoding="utf-8")
    found = includes.violations(native)
    assert len(found) == 1
    assert found[0].startswith(file)
    assert expected in found[0]


# ---- accept never encrypts ----

_SYNTHETIC = {
    "core/srtp.c": """
        int cipher_gcm_seal(int x) { return x; }
        int cipher_cm_crypt(int x) { return x; }
        int srtp_protect(int x) { return cipher_gcm_seal(x) + cipher_cm_crypt(x); }
        int srtcp_protect(int x) { return cipher_cm_crypt(x); }
        int srtp_unprotect(int x) { return cipher_cm_crypt(x); }
        int srtcp_unprotect(int x) { return cipher_cm_crypt(x); }
    """,
    "media/departure.c": """
        int srtp_protect(int x);
        static int build(int x) { return srtp_protect(x); }
        int departure_flush(int x) { return build(x); }
        int departure_append(int x) { return x; }
    """,
    "media/report.c": """
        int srtcp_protect(int x);
        int report_poll(int x) { return srtcp_protect(x); }
    """,
    "media/engine.c": """
        int report_poll(int x);
        int srtp_unprotect(int x);
        int departure_append(int x);
        int departure_flush(int x);
        static int fan_out(int x) { return departure_append(x); }
        int engine_on_datagrams(int x) { return fan_out(srtp_unprotect(x)); }
        int engine_on_handoff(int x) { return fan_out(x); }
        int engine_on_command(int x) { return x; }
        int engine_poll(int x) { return departure_flush(x) + report_poll(x); }
    """,
}

# Ways in which accept might come to encrypt: file, text, what takes its place.
_BREACHES = {
    "directly": ("media/engine.c", "return fan_out(x);", "return departure_flush(x);"),
    "through a static function": (
        "media/engine.c",
        "{ return departure_append(x); }",
        "{ return departure_flush(x); }",
    ),
    "behind the entry of depart": (
        "media/departure.c",
        "append(int x) { return x; }",
        "append(int x) { return build(x); }",
    ),
    "through a table": (
        "media/engine.c",
        "int engine_on_command(int x) { return x; }",
        """static int (*const table[])(int) = {departure_append, departure_flush};
        int engine_on_command(int x) { return table[x](x); }""",
    ),
    "through a pointer that another stage stores": (
        "media/engine.c",
        "int engine_on_command(int x) { return x; }",
        """static int (*hook)(int);
        void engine_start(void) { hook = departure_flush; }
        int engine_on_command(int x) { return hook(x); }""",
    ),
    "with a report": ("media/engine.c", "return fan_out(x);", "return report_poll(x);"),
    "with counter mode, which also opens": (
        "media/departure.c",
        "int departure_append(int x) { return x; }",
        "int cipher_cm_crypt(int x);\nint departure_append(int x) { return cipher_cm_crypt(x); }",
    ),
}


def _synthetic(tmp_path: Path) -> Path:
    for name, text in _SYNTHETIC.items():
        path = tmp_path / "native" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path / "native"


def _graph(native: Path, tmp_path: Path) -> CallGraph:
    objects = tmp_path / "objects"
    objects.mkdir()
    return encryption.graph_of(native, objects)


def test_accept_never_encrypts(tmp_path: Path) -> None:
    assert encryption.violations(_graph(NATIVE, tmp_path)) == []


def test_synthetic_tree_is_clean(tmp_path: Path) -> None:
    assert encryption.violations(_graph(_synthetic(tmp_path), tmp_path)) == []


@pytest.mark.parametrize("breach", _BREACHES)
def test_planted_encryption_is_found(tmp_path: Path, breach: str) -> None:
    native = _synthetic(tmp_path)
    file, before, after = _BREACHES[breach]
    text = (native / file).read_text(encoding="utf-8")
    assert before in text
    (native / file).write_text(text.replace(before, after), encoding="utf-8")
    assert any("accept encrypts" in sentence for sentence in encryption.violations(_graph(native, tmp_path)))


def test_planted_encryption_outside_depart_is_found(tmp_path: Path) -> None:
    native = _synthetic(tmp_path)
    planted = "int srtp_protect(int x);\nint probe(int x) { return srtp_protect(x); }"
    (native / "media/probe.c").write_text(planted, encoding="utf-8")
    found = encryption.violations(_graph(native, tmp_path))
    assert found == ["probe (media/probe.c) uses srtp_protect, which is not for it"]


def test_lost_root_is_found(tmp_path: Path) -> None:
    native = _synthetic(tmp_path)
    engine = native / "media/engine.c"
    engine.write_text(
        engine.read_text(encoding="utf-8").replace("engine_on_handoff", "engine_on_hand_off"), "utf-8"
    )
    found = encryption.violations(_graph(native, tmp_path))
    assert found == ["engine_on_handoff is not defined: the rule would hold for nothing"]


# ---- import ----

# A breach of every row of imports.RULES: file, statement.
_IMPORTS = {
    "sfu": ("sfu/anything.py", "import sfu._testing.rtp"),
    "sfu.errors": ("sfu/errors.py", "from sfu import log"),
    "sfu.model": ("sfu/model/room.py", "from ..media.engine import Engine"),
    "sfu.sdp": ("sfu/sdp/__init__.py", "def now():\n    import time"),
    "sfu.signaling.messages": ("sfu/signaling/messages.py", "import asyncio"),
    "sfu.signaling.session": ("sfu/signaling/session.py", "from . import server"),
    "sfu.redact": ("sfu/redact.py", "from sfu import log"),
    "sfu.config": ("sfu/config.py", "from sfu.auth.tokens import Grant"),
    "sfu.log": ("sfu/log.py", "from sfu import config"),
    "sfu.auth": ("sfu/auth/tokens.py", "from sfu.config import Config"),
    "sfu.http": ("sfu/http/server.py", "from sfu.config import Http"),
    "sfu.media": ("sfu/media/dtls.py", "from sfu.signaling.messages import Offer"),
    "sfu.e2ee": ("sfu/e2ee/link.py", "from sfu.auth import tokens"),
    "sfu.client": ("sfu/client/conference.py", "from sfu.signaling import server"),
    **{f"sfu.client.{name}": (f"sfu/client/{name}.py", "import secrets") for name in imports.SANS_IO},
}


def test_imports_point_one_way() -> None:
    assert imports.violations(ROOT) == []


@pytest.mark.parametrize("rule", imports.RULES, ids=lambda rule: rule.package)
def test_planted_import_is_found(tmp_path: Path, rule: imports.Rule) -> None:
    file, statement = _IMPORTS[rule.package]
    planted = tmp_path / file
    planted.parent.mkdir(parents=True)
    planted.write_text(statement + "\n", encoding="utf-8")
    assert any(sentence.endswith(f"the rule of {rule.package}") for sentence in imports.violations(tmp_path))


# ---- every mechanism has its test, every native module its types ----

# Files whose surface is that of another one: the test that goes through it.
_TESTED_THROUGH = {
    "core/cipher_cm": "native/test_cipher",
    "core/cipher_ipsecmb": "native/test_cipher",
    "core/cipher_openssl": "native/test_cipher",
    "core/srtcp": "native/test_srtp",
    "core/srtp_context": "native/test_srtp",
    "media/control": "sim/test_engine_commands",
    "media/departure": "sim/test_media_flow",
    "media/engine": "sim/test_media_flow",
    "media/exchange": "sim/test_handoff_full",
    "media/fan_out": "sim/test_media_flow",
    "media/feedback": "sim/test_loss",
    "media/handoff": "sim/test_handoff_full",
    "media/history": "sim/test_loss",
    "media/receive": "sim/test_media_flow",
    "media/report": "sim/test_media_flow",
    "media/slot": "sim/test_media_flow",
    "media/source": "sim/test_media_flow",
    "media/transport": "sim/test_engine_commands",
}


def _untested(root: Path) -> list[str]:
    sources = [path for layer in ("core", "media") for path in sorted((root / "native" / layer).glob("*.c"))]
    tests = {f"{path.parent.name}/{path.stem}": f"native/test_{path.stem}" for path in sources}
    tests |= {name: test for name, test in _TESTED_THROUGH.items() if name in tests}
    return [name for name, test in tests.items() if not (root / f"tests/{test}.py").exists()]


def _untyped(root: Path) -> list[str]:
    modules = sorted((root / "native/testing").glob("*.pyx"))
    return [path.stem for path in modules if not (root / f"sfu/_testing/{path.stem}.pyi").exists()]


def test_every_mechanism_has_its_test() -> None:
    assert _untested(ROOT) == []


def test_every_native_module_has_a_stub() -> None:
    assert _untyped(ROOT) == []


def test_missing_test_and_stub_are_found(tmp_path: Path) -> None:
    for file in ("native/core/a.c", "native/media/b.c", "native/testing/c.pyx", "tests/native/test_a.py"):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).touch()
    assert _untested(tmp_path) == ["media/b"]
    assert _untyped(tmp_path) == ["c"]


# ---- package registries ----

# Where packages come from is the business of whoever builds: pip, npm and apt know it from their own configuration.
# Written in two halves, as this file is among those that are searched.
_REGISTRIES = tuple(
    f"{name}.{domain}".encode()
    for name, domain in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("npmjs", "org"),
        ("npmjs", "com"),
        ("yarnpkg", "com"),
        ("unpkg", "com"),
        ("jsdelivr", "net"),
        ("deb.debian", "org"),
        ("security.debian", "org"),
        ("archive.ubuntu", "com"),
        ("security.ubuntu", "com"),
        ("anaconda", "org"),
        ("crates", "io"),
        ("golang", "org"),
        ("docker", "io"),
        ("ghcr", "io"),
        ("quay", "io"),
    )
)


def _committed_files(root: Path) -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=root, check=True, capture_output=True, text=True
    ).stdout
    return [path for name in listed.split("\0") if name and (path := root / name).is_file()]


def _files_with_registry(root: Path) -> list[str]:
    return [
        f"{path.relative_to(root)} names {host.decode()}"
        for path in _committed_files(root)
        for host in _REGISTRIES
        if host in path.read_bytes().lower()
    ]


def test_no_committed_file_names_a_registry() -> None:
    assert _files_with_registry(ROOT) == []


def test_planted_registry_is_found(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    (tmp_path / "lock.txt").write_bytes(b"--index-url https://" + _REGISTRIES[0] + b"/simple\n")
    subprocess.run(["git", "add", "lock.txt"], cwd=tmp_path, check=True)
    assert _files_with_registry(tmp_path) == [f"lock.txt names {_REGISTRIES[0].decode()}"]


# ---- imports in TypeScript ----


def test_typescript_imports_point_one_way() -> None:
    assert typescript.violations(WEB) == []


@pytest.mark.parametrize(
    "file,line,expected",
    [
        ("e2ee/planted.ts", 'import { a } from "../worker/messages.ts";', "layer e2ee may not use worker"),
        ("worker/planted.ts", 'export * from "../sdk/index.ts";', "layer worker may not use sdk/index.ts"),
        ("sdk/planted.ts", 'import { k } from "../e2ee/keys.ts";', "layer sdk may not use e2ee/keys.ts"),
        ("sdk/planted.ts", 'import {\n  S,\n} from "../worker/session.ts";', "may not use worker/session.ts"),
        ("app/planted.ts", 'await import("../worker/client.ts");', "layer app may not use worker/client.ts"),
        ("app/planted.ts", 'import "left-pad";', "layer app may not use the package left-pad"),
        ("e2ee/planted.ts", 'import { h } from "preact";', "layer e2ee may not use the package preact"),
        ("e2ee/planted.ts", "const at = Date.now();", "time is an argument"),
        ("sdk/planted.ts", "await crypto.subtle.digest(a, b);", "keys are the worker's"),
        ("app/planted.ts", "sender.transform = null;", "sends in clear"),
        ("extra/planted.ts", "", "layer extra is not in the table"),
    ],
)
def test_planted_typescript_is_found(tmp_path: Path, file: str, line: str, expected: str) -> None:
    source = tmp_path / "src"
    shutil.copytree(WEB, source)
    (source / file).parent.mkdir(exist_ok=True)
    (source / file).write_text(line + "\n", encoding="utf-8")
    found = typescript.violations(source)
    assert len(found) == 1
    assert found[0].startswith(file)
    assert expected in found[0]
