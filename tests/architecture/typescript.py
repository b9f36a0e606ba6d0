"""Who may import what in sfu/web/src: layers point one way, of npm no more is shipped than is named here, and the page has no keys."""

import re
from pathlib import Path

# Folder → what its files may import: a folder, or single files of it.
LAYERS: dict[str, frozenset[str]] = {
    "e2ee": frozenset({"e2ee"}),
    "worker": frozenset({"e2ee", "worker"}),
    "sdk": frozenset({"sdk", "worker/client.ts", "worker/messages.ts"}),
    "app": frozenset({"app", "sdk/index.ts", "sdk/outside.ts"}),
}

# What of npm goes into the bundle. Near keys there is nothing of it.
PACKAGES: dict[str, frozenset[str]] = {"app": frozenset({"preact", "preact/hooks", "qr"})}

_EVERYWHERE = frozenset(LAYERS)
# What may be written in no file of these folders, and why.
FORBIDDEN: tuple[tuple[str, frozenset[str], str], ...] = (
    (
        r"\bDate\.now\b|\bperformance\.now\b|\bset(Timeout|Interval)\b",
        frozenset({"e2ee"}),
        "time is an argument",
    ),
    (r"\bcrypto\.subtle\b", _EVERYWHERE - {"e2ee"}, "keys are the worker's, and e2ee derives them"),
    (r"\.transform\s*=\s*null\b", _EVERYWHERE, "without its transform Firefox sends in clear"),
)

_IMPORT = re.compile(
    r"""^\s*(?:import|export)\s+(?:[\w\s{},*]+?\sfrom\s+)?["'](?P<named>[^"']+)["']|\bimport\(\s*["'](?P<called>[^"']+)["']""",
    re.MULTILINE,
)


def violations(source: Path) -> list[str]:
    """All breaches below the folder `source`, each as a sentence."""
    found: list[str] = []
    for path in sorted(path for path in source.rglob("*") if path.suffix in {".ts", ".tsx"}):
        name = path.relative_to(source).as_posix()
        layer = name.split("/", maxsplit=1)[0]
        if layer not in LAYERS:
            found.append(f"{name}: layer {layer} is not in the table LAYERS")
            continue
        text = path.read_text(encoding="utf-8")
        for match in _IMPORT.finditer(text):
            target = match["named"] or match["called"]
            if not target.startswith("."):
                if target not in PACKAGES.get(layer, frozenset()):
                    found.append(f"{name}: layer {layer} may not use the package {target}")
                continue
            own = (path.parent / target).resolve().relative_to(source.resolve()).as_posix()
            if own not in LAYERS[layer] and own.split("/", maxsplit=1)[0] not in LAYERS[layer]:
                found.append(f"{name}: layer {layer} may not use {own}")
        found += [
            f"{name}: {breach[0]} is not for {layer}: {why}"
            for pattern, layers, why in FORBIDDEN
            if layer in layers and (breach := re.search(pattern, text))
        ]
    return found
