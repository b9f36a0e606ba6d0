"""Sizes decide the exit status; times do so with --strict only, as they are those of a machine that may be busy."""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path
from statistics import median

from bench.page import sizes, tiles, timing
from bench.page.figures import Figure, machine, table
from tests.e2e.app_client import DIST, FLAGS, SETTINGS, AppClient
from tests.e2e.chromium import chromium
from tests.e2e.server import serving

_RUNS = 5


def _sizes() -> list[Figure]:
    found = sizes.measure(DIST)
    figures = [
        Figure(f"{part}, gzip", size / 1000, sizes.BUDGET_BYTES[part] / 1000, "kB", is_certain=True)
        for part, size in found.parts.items()
    ]
    first = Figure("of the app, loaded by the first page", found.first / 1000, None, "kB", is_certain=True)
    later = [
        Figure(f"when asked for: {name}", size / 1000, None, "kB") for name, size in found.asked_for.items()
    ]
    return [*figures, first, *later]


async def _times(figures: list[Figure]) -> None:
    """Added one by one: what was measured is told also where the rest fails."""
    with tempfile.TemporaryDirectory() as folder:
        async with serving(Path(folder), SETTINGS) as server, chromium(flags=FLAGS) as browser:
            link = await AppClient.make_room(browser, server.url)
            for is_slow, budget, where in ((False, 300, "desktop"), (True, 1200, "slow phone")):
                for url, selector, what in (
                    (server.url, timing.FIRST_PAGE, "first page"),
                    (link, timing.LOBBY, "lobby, from a link"),
                ):
                    runs = [
                        await timing.interactive(browser, url, selector, is_slow=is_slow)
                        for _ in range(_RUNS)
                    ]
                    figures.append(Figure(f"interactive, {where}: {what}", median(runs), budget, "ms"))
                    figures.append(Figure("    the quickest run", min(runs), None, "ms"))
            ana = await AppClient.join(browser, server.url, link, "Ana", muted=True)
            runs = [await timing.first_picture(browser, link) for _ in range(_RUNS)]
            figures.append(Figure("from a link to the first picture", median(runs), 3000, "ms"))
            await ana.leave()

            crowded = await AppClient.make_room(browser, server.url)
            costs = await tiles.measure(browser, crowded)
            at = f"{tiles.PEOPLE} tiles, {timing.THROTTLE}x slowed"
            for what, cost, budget in (
                ("somebody begins or ends to speak", costs.speaker, 4),
                ("all move", costs.moving, 6),
                ("all change their size", costs.resizing, 8),
            ):
                figures.append(Figure(f"{at}: {what}, style and layout", cost.layout, budget, "ms"))
                figures.append(Figure("    script besides", cost.script, None, "ms"))
            figures.append(Figure(f"{at}: a button answers", costs.press_ms, 100, "ms"))
            figures.append(Figure(f"{at}: script, nothing happening", 100 * costs.script_share, None, "%"))
            print(machine(browser.browser.version))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.page", description=__doc__)
    parser.add_argument("--strict", action="store_true", help="fail by times too")
    parser.add_argument("--sizes", action="store_true", help="nothing but sizes, which need no browser")
    options = parser.parse_args()
    figures = _sizes()
    try:
        if not options.sizes:
            asyncio.run(_times(figures))
    finally:
        print(table(figures))
    failed = [figure for figure in figures if not figure.is_kept and (figure.is_certain or options.strict)]
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
