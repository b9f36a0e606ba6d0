"""Imports within sfu/ point one way."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

# What waits, looks at a clock, draws randomness or talks to the world: not for modules whose inputs are arguments.
IMPURE = frozenset({
    "aiohttp", "asyncio", "http", "io", "logging", "multiprocessing", "os", "pathlib", "random", "requests", "secrets",
    "select", "selectors", "signal", "socket", "ssl", "structlog", "subprocess", "threading", "time", "urllib",
    "uvloop",
})  # fmt: skip


@dataclass(frozen=True)
class Rule:
    """What modules below `package` may import. A name stands for itself and all below it."""

    package: str
    only: frozenset[str] | None = None  # of sfu; None: anything that `never` does not name
    never: frozenset[str] = frozenset()
    pure: bool = False


# The modules of sfu.client whose inputs are arguments.
SANS_IO = (
    "attribution", "chat", "ciphers", "envelope", "frames", "inner", "keys", "numbers", "people", "profile", "replay",
    "sealed", "sframe",
)  # fmt: skip

# Grows with the tree: a row for each package whose place in the order matters. A test plants a breach of every row.
RULES: tuple[Rule, ...] = (
    Rule("sfu", never=frozenset({"sfu._testing", "tests"})),
    Rule("sfu.errors", only=frozenset()),
    Rule("sfu.model", only=frozenset({"sfu.model", "sfu.errors"}), pure=True),
    Rule("sfu.sdp", only=frozenset({"sfu.sdp", "sfu.errors"}), pure=True),
    Rule("sfu.signaling.messages", only=frozenset({"sfu.signaling", "sfu.errors"}), pure=True),
    Rule(
        "sfu.signaling.session",
        only=frozenset({"sfu.signaling.messages", "sfu.signaling.limits", "sfu.errors"}),
        pure=True,
    ),
    Rule("sfu.redact", only=frozenset()),
    Rule("sfu.config", only=frozenset({"sfu.errors", "sfu.redact"})),
    Rule("sfu.log", only=frozenset({"sfu.redact"})),
    Rule("sfu.auth", only=frozenset({"sfu.auth", "sfu.errors", "sfu.redact"})),
    Rule("sfu.http", only=frozenset({"sfu.http", "sfu.errors", "sfu.redact", "sfu.log", "sfu.media.trace"})),
    Rule("sfu.media", never=frozenset({"sfu.signaling", "sfu.http", "sfu.app", "sfu.cli", "sfu.client"})),
    Rule("sfu.e2ee", only=frozenset({"sfu.errors", "sfu.redact"})),
    Rule(
        "sfu.client",
        never=frozenset({
            "sfu._native", "sfu.app", "sfu.auth", "sfu.cli", "sfu.cluster", "sfu.config", "sfu.http", "sfu.media",
            "sfu.model", "sfu.signaling.server", "sfu.signaling.session",
        }),
    ),
    # What decides about keys, frames and messages sees arguments alone.
    *(
        Rule(
            f"sfu.client.{name}",
            only=frozenset({f"sfu.client.{other}" for other in SANS_IO} | {"sfu.e2ee", "sfu.errors", "sfu.redact"}),
            pure=True,
        )
        for name in SANS_IO
    ),
)  # fmt: skip


def violations(root: Path) -> list[str]:
    """All breaches in the package `sfu` below the folder `root`, each as a sentence."""
    found: list[str] = []
    for path in sorted(root.glob("sfu/**/*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        is_package = parts[-1] == "__init__"
        module = ".".join(parts[:-1] if is_package else parts)
        tree = ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
        for name in sorted(set(_imported(tree, module, is_package=is_package))):
            found += [
                f"{module} imports {name}: breaks the rule of {rule.package}"
                for rule in RULES
                if _within(module, rule.package) and not _allows(rule, name)
            ]
    return found


def _allows(rule: Rule, name: str) -> bool:
    if any(_within(name, forbidden) for forbidden in rule.never):
        return False
    if rule.pure and any(_within(name, impure) for impure in IMPURE):
        return False
    if rule.only is None or not _within(name, "sfu") or name == "sfu":
        return True
    return any(_within(name, allowed) for allowed in rule.only)


def _within(name: str, package: str) -> bool:
    return name == package or name.startswith(package + ".")


def _imported(tree: ast.AST, module: str, *, is_package: bool) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = module.split(".")
                parts = parts[: len(parts) - node.level + is_package]
                base = ".".join([*parts, base] if base else parts)
            # `from sfu import media` imports sfu.media; `from sfu.media import open` may import a module or a name.
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)
