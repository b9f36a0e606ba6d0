"""Losing the call and coming back to it: a machine that slept, a server that was started again, a slow connection. A cut
connection and another network are in test_page.py.
"""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from tests.e2e.app_client import FLAGS, SETTINGS, AppClient, all_see_all, becomes, needs_bundle
from tests.e2e.chromium import Chromium, chromium, needs_chromium
from tests.e2e.proxy import Proxy
from tests.e2e.server import serving

pytestmark = [needs_chromium, needs_bundle]

# Who is lost is let go at once, and nobody waits for people to leave.
IMPATIENT = f"""{SETTINGS}
[limits]
resume_s = 1
[server]
drain_s = 0.1
"""
SLEEP_S = 12  # more than the page takes for one

# Whatever the line says, in order, and that the page is still the same one.
_LISTEN = """() => {
  held.said = [];
  new MutationObserver(() => {
    const text = document.querySelector(".notice p")?.textContent;
    if (text && text !== held.said.at(-1)) held.said.push(text);
  }).observe(document.querySelector(".notice"), { childList: true, characterData: true, subtree: true });
}"""
_ORDER = (
    "[...document.querySelectorAll('.tile')].map((tile) => tile.querySelector('.tag > span').textContent)"
)
_LABEL = "(document.querySelector('.tile[aria-label^=\"{name}\"]')?.ariaLabel ?? '')"
GONE = "The server said you had gone. You\u2019re in again."
BACK = "Connected again"
CUT = "Reconnecting. If anyone comes or goes, sound stops until you\u2019re back."


async def said(client: AppClient) -> list[str]:
    lines: list[str] = await client.page.evaluate("held.said")
    return lines


@asynccontextmanager
async def asleep(browser: Chromium) -> AsyncIterator[None]:
    """All of a browser's processes stand still, as in a machine that sleeps."""
    session = await browser.browser.new_browser_cdp_session()
    found = await session.send("SystemInfo.getProcessInfo")
    processes = [process["id"] for process in found["processInfo"]]
    assert len(processes) > 2
    for process in processes:
        os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        for process in processes:
            os.kill(process, signal.SIGCONT)


async def test_a_machine_that_slept_is_back_in_the_call(tmp_path: Path) -> None:
    async with (
        serving(tmp_path, IMPATIENT) as server,
        Proxy(server).run() as proxy,
        chromium(flags=FLAGS) as browser,
        chromium(flags=FLAGS) as laptop,
    ):
        link = await AppClient.make_room(browser, server.url)
        ana = await AppClient.join(laptop, proxy.url, link, "Ana", muted=True)
        ben = await AppClient.join(browser, server.url, link, "Ben", muted=True)
        cem = await AppClient.join(browser, server.url, link, "Cem", muted=True)
        people, names = [ana, ben, cem], ["Ana", "Ben", "Cem"]
        await all_see_all(people, silent=names)
        await ana.page.evaluate(_LISTEN)
        order = await ben.page.evaluate(_ORDER)

        # For a while: the server has kept her place, and nothing tells her page but its own clock.
        connections = proxy.connections
        async with asleep(laptop):
            await asyncio.sleep(SLEEP_S)

        async def is_anew() -> bool:
            return proxy.connections > connections

        await becomes(is_anew, ana)
        await all_see_all(people, silent=names)
        assert GONE not in await said(ana)

        # For so long that she is gone: her seat is kept, and she is told.
        await ana.page.evaluate("held.said.length = 0")
        async with asleep(laptop):
            proxy.cut()
            await ben.until(f"{_LABEL.format(name='Ana')}.includes('reconnecting')")
            await ben.until("document.querySelector('.notice').innerText.includes('Ana left')")
            assert await ben.page.evaluate(_ORDER) == order
            assert "reconnecting" in await ben.page.evaluate(_LABEL.format(name="Ana"))
        await ana.until(f"held.said.includes({GONE!r})")
        await all_see_all(people, silent=names)
        assert await ben.page.evaluate(_ORDER) == order
        assert "reconnecting" not in await ben.page.evaluate(_LABEL.format(name="Ana"))
        # One sentence for it, and not two.
        assert BACK not in await said(ana)
        for client in people:
            await client.leave()


async def test_a_server_that_is_started_again_is_come_back_to(tmp_path: Path) -> None:
    async with chromium(flags=FLAGS) as browser, AsyncExitStack() as stack:
        async with serving(tmp_path, IMPATIENT) as server:
            proxy = await stack.enter_async_context(Proxy(server).run())
            link = await AppClient.make_room(browser, proxy.url)
            ana = await AppClient.join(browser, proxy.url, link, "Ana", muted=True)
            ben = await AppClient.join(browser, proxy.url, link, "Ben", muted=True)
            await all_see_all([ana, ben], silent=["Ana", "Ben"])
            for client in (ana, ben):
                await client.page.evaluate(_LISTEN)
            cem = await AppClient.open(browser, proxy.url, "Cem")
            await cem.enter_lobby(link)
        for client in (ana, ben):
            await client.until_cut_off()
            await client.until(
                "held.said.some((text) => /^Connection lost \\d+ s ago. Your place is kept.$/.test(text))"
            )
            assert CUT in await said(client)
            assert await client.page.evaluate(_ORDER) == ["Ben" if client is ana else "Ana"]
        # Who was about to come in waits for it.
        proxy.is_down = True  # for signalling
        proxy.server = await stack.enter_async_context(serving(tmp_path, IMPATIENT))
        await cem.page.evaluate("document.querySelector('.form').requestSubmit()")
        await cem.until("document.querySelector('#app').innerText.includes('Trying again in')")
        proxy.is_down = False
        for client in (ana, ben):
            await client.until(f"held.said.includes({GONE!r})")
        await cem.until("document.querySelector('.call') !== null")
        people = [ana, ben, cem]
        cem.name = "Guest"
        await all_see_all(people, silent=["Ana", "Ben", "Guest"])
        for client in people:
            await client.leave()


# The browser's own report, with a network that keeps every layer small.
_NARROW = """() => {
  const begun = performance.now();
  for (const connection of held.connections) {
    const get = connection.getStats.bind(connection);
    connection.getStats = async () => {
      const reports = new Map(await get());
      const seconds = (performance.now() - begun) / 1000;
      for (const [id, report] of reports) {
        if (report.type !== "outbound-rtp" || report.kind !== "video") continue;
        const qualityLimitationDurations = { bandwidth: 100 + seconds, cpu: 0, none: 0, other: 0 };
        reports.set(id, { ...report, qualityLimitationReason: "bandwidth", qualityLimitationDurations });
      }
      return reports;
    };
  }
}"""


async def test_a_slow_connection_is_told_once_and_in_figures(tmp_path: Path) -> None:
    async with serving(tmp_path, SETTINGS) as server, chromium(flags=FLAGS) as browser:
        link = await AppClient.make_room(browser, server.url)
        ana = await AppClient.join(browser, server.url, link, "Ana", muted=True)
        ben = await AppClient.join(browser, server.url, link, "Ben", muted=True)
        await all_see_all([ana, ben], silent=["Ana", "Ben"])
        await ana.page.evaluate(_LISTEN)
        await ana.page.evaluate(_NARROW)
        slow = "Your connection is slow. Pictures are smaller for now; sound comes first."
        await ana.until(f"held.said.includes({slow!r})")
        await ana.press("More")
        await ana.press("Connection details")
        await ana.until("document.querySelector('.verdict')?.innerText.startsWith('Your way out is narrow')")
        facts = await ana.page.evaluate(
            "Object.fromEntries([...document.querySelectorAll('.facts > div')].map((fact) => fact.innerText.split('\\n')))"
        )
        assert facts["Way"] == "UDP"
        assert facts["Round trip"].endswith(" ms")
        assert facts["Lost on the way out"].endswith(" %")
        assert facts["Lost on the way in"].endswith(" %")
        assert all(facts[way].split(" ")[1] in {"kbit/s", "Mbit/s"} for way in ("Sent", "Received"))
        layers = await ana.page.evaluate(
            "[...document.querySelectorAll('.details li')].map((line) => line.innerText)"
        )
        assert any(line.startswith("320\u00d7180, ") for line in layers)
        assert any(line.startswith("Ben ") and "\u00d7" in line for line in layers)
        assert (await said(ana)).count(slow) == 1
        await ana.leave()
        await ben.leave()
