"""How much of the bundle comes over the network, as the server sends it: compressed."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sfu.http import static

# Files that are loaded when somebody asks for what is in them, by how their names begin. Whatever else is a script is the app's.
ASKED_FOR = ("de", "es", "made", "panels")

PAGE = "page: HTML and CSS"
APP = "app, with Preact and SDK"
WORKER = "worker"
BUDGET_BYTES = {PAGE: 12_000, APP: 70_000, WORKER: 60_000}


@dataclass(frozen=True)
class Sizes:
    parts: Mapping[str, int]  # bytes, of what has a budget
    first: int  # bytes of the app that the first page loads; the rest comes while a person is in the lobby
    asked_for: Mapping[str, int]  # bytes, by file


def measure(bundle: Path) -> Sizes:
    """Of the bundle in this folder. Raises LocalError."""
    sent = {
        path.removeprefix("/"): len(file.gzipped or file.body)
        for path, file in static.load(bundle).items()
        if path != "/"
    }
    scripts = {name: size for name, size in sent.items() if name.endswith(".js") and name != "worker.js"}
    asked_for = {name: size for name, size in scripts.items() if name.split("-")[0] in ASKED_FOR}
    html = (bundle / "index.html").read_text(encoding="utf-8")
    return Sizes(
        parts={
            PAGE: sent["index.html"] + sent["app.css"],
            APP: sum(scripts.values()) - sum(asked_for.values()),
            WORKER: sent["worker.js"],
        },
        first=sum(size for name, size in scripts.items() if f'"{name}"' in html),
        asked_for=asked_for,
    )


def over(sizes: Sizes) -> list[str]:
    """What has grown beyond its budget, each as a sentence."""
    return [
        f"{part}: {size} bytes, and its budget is {BUDGET_BYTES[part]}"
        for part, size in sizes.parts.items()
        if size > BUDGET_BYTES[part]
    ]
