"""No key, no link and no name goes where it has nothing to do, in a whole visit: neither out of the page, nor into what it keeps,
nor into what the server writes down. And the search finds each of these, where it is put there.
"""

import base64
import json
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import quote_from_bytes

import pytest

from sfu.client.keys import RoomKeys
from sfu.e2ee.link import Link
from tests.e2e.app_client import (
    APART,
    FLAGS,
    LOBBY,
    SCREEN,
    SETTINGS,
    TYPE,
    AppClient,
    all_see_all,
    becomes,
    needs_bundle,
)
from tests.e2e.chromium import chromium, needs_chromium
from tests.e2e.proxy import Proxy
from tests.e2e.server import serving
from tests.e2e.witness import Record, Secret, Watched, leaks

ANA, BEN = "Annabel Überzwerg", "Benedikt Sørensen"
LINES = ("The parrot lands at midnight, über die Brücke.", "“Understood”: bring the grey umbrella.")

# What UI.md and E2EE.md allow: one's name for the next visit, the link until one leaves.
ALLOWED = {
    (ANA, "localStorage"),
    (BEN, "localStorage"),
    (ANA, "localStorage after leaving"),
    ("secret 1", "sessionStorage"),
    ("secret 2", "sessionStorage"),
    ("share", "sessionStorage"),
    # The browser's own entry of how it came to the page, where that was by a link. It is as long-lived as the document, nobody's but
    # the page's own scripts to read, and nothing takes it away.
    *((half, f"entries{when}") for half in ("secret 1", "secret 2") for when in ("", " after leaving")),
}


def secrets_of(link: str, *parts: str) -> list[Secret]:
    """`parts`: the link without key, and the key."""
    secret = Link.parse(link).secret
    keys = RoomKeys(secret)
    found = [Secret(f"secret {n}", half) for n, half in enumerate(_halves(secret.reveal()), 1)]
    found += [Secret("frames", keys.frames.reveal()), Secret("profile", keys.profile.reveal())]
    found += [Secret("chat", keys.chat.reveal())]
    found += [
        Secret.text(name, part.partition("#")[2] or part)
        for name, part in zip(("share", "key"), parts, strict=False)
    ]
    return found + [Secret.text(text, text) for text in (ANA, BEN, *LINES)]


def _halves(data: bytes) -> tuple[bytes, bytes]:
    return data[: len(data) // 2], data[len(data) // 2 :]


@needs_chromium
@needs_bundle
async def test_a_whole_visit_lets_out_and_keeps_nothing(tmp_path: Path) -> None:
    settings = SETTINGS + '[log]\nlevel = "debug"\n'
    async with (
        serving(tmp_path, settings) as server,
        Proxy(server).run() as proxy,
        chromium(flags=FLAGS) as browser,
    ):
        watched = Watched(browser)

        # A room, its link, and the same in two parts.
        ana = await AppClient.open(watched, proxy.url, ANA)
        await ana.press("Make a room")
        await ana.until("document.querySelector('.specimen.wide') !== null")
        link = await ana.page.evaluate("document.querySelector('.specimen.wide').textContent")
        await ana.press("Split it")
        await ana.until(f"{APART}.length === 2")
        without_key, key = await ana.page.evaluate(APART)
        await watched.look()
        await ana.press("Go in")
        await ana.until(LOBBY)
        await watched.look()
        await ana.press("Unmute")
        await ana.finish_lobby()

        ben = await AppClient.open(watched, proxy.url, BEN)
        await ben.page.evaluate(TYPE, ["#link", without_key])
        await ben.press("Open")
        await ben.until("document.querySelector('#key') !== null")
        await watched.look()
        wrong = key[:-1] + ("A" if key[-1] != "A" else "B")
        for given, comes in ((wrong, ".err"), (key, "#name")):
            await ben.page.evaluate(TYPE, ["#key", given])
            await ben.press("Open")
            await ben.until(f"document.querySelector('{comes}') !== null")
            await watched.look()
        await ben.until(LOBBY)
        await ben.press("Unmute")
        await ben.finish_lobby()
        await all_see_all([ana, ben])

        # What is said and shown.
        for client, line in zip((ana, ben), LINES, strict=True):
            await client.say(line)
        for client in (ana, ben):

            async def has_both(client: AppClient = client) -> bool:
                return {text for _, text in await client.heard()} >= set(LINES)

            await becomes(has_both, client)
        await ana.page.evaluate(SCREEN)
        await ana.press("Share screen")

        async def is_seen() -> bool:
            return await ben.color_of(f"{ANA}\u2019s screen") == "green"

        await becomes(is_seen, ana, ben)
        for panel in ("People", "More"):
            await ana.press(panel)
        await watched.look()
        await ana.press("Stop sharing")
        await ana.press("Mute")

        # Cut off and back, and in again by a reload and by the address bar.
        proxy.is_down = True
        proxy.cut()
        await ana.until_cut_off()
        await ben.until_cut_off()
        await watched.look()
        proxy.is_down = False
        await ana.until_back()
        await ben.until_back()
        await ben.reload()
        await all_see_all([ana, ben], silent=[ANA])
        await watched.look()
        eve = await AppClient.follow(watched, link, "")
        await watched.look()
        await eve.leave()

        # Out, and where there is no way in.
        await ana.press("Leave")
        await ana.until("document.querySelector('.call') === null")
        watched.witnesses[0].has_left = True
        await watched.look()
        await ana.press("Back to start")
        await ana.until("document.querySelector('#link') !== null")
        await ana.page.evaluate(TYPE, ["#link", link])
        proxy.is_down = True
        await ana.press("Open")
        watched.witnesses[0].has_left = False  # she comes again
        await ana.until(LOBBY)
        await ana.page.evaluate("document.querySelector('.form').requestSubmit()")
        await ana.until("document.querySelector('#app').innerText.includes('answer')")
        await watched.look()
        proxy.is_down = False
        cut = AppClient(await watched.open_page(link[:-5]), "", "")
        await cut.until("document.querySelector('#app').innerText.includes('link_cut')")
        watched.witnesses[-1].has_left = True  # nothing of that link is of use
        await watched.look()
        await cut.close()
        await ben.leave()
        await ana.close()

        records = watched.records
        records += [Record("sent", data) for data in proxy.asked]
        records += [Record("metrics", json.dumps(await server.metrics()).encode())]
    records += [Record("log", json.dumps(line, ensure_ascii=False).encode()) for line in server.lines]
    assert not leaks(records, secrets_of(link, without_key, key), ALLOWED)
    # It was looked at all that it should have been, and what may be there is found there.
    seen = {record.where for record in records}
    assert seen >= {"request", "response", "websocket", "url", "cookie", "history", "sent", "metrics", "log"}
    assert any(line.get("level") == "debug" for line in server.lines)
    found = leaks(records, secrets_of(link))
    assert {(BEN, "localStorage"), ("secret 1", "sessionStorage"), ("secret 2", "sessionStorage")} <= found


# By the name of where it is found: what a page would do, `secret` being a text.
LEAKS = {
    "request": "await fetch(`/?${secret}`)",
    "request, by its body": "await fetch('/', { method: 'POST', body: secret })",
    "request, by a header": "await fetch('/', { headers: { 'x-leak': btoa(secret) } })",
    "request, by a beacon": "navigator.sendBeacon('/', secret)",
    "request, by a picture": "await new Promise((resolve) => { const image = new Image(); image.onerror = resolve; image.src = `/${btoa(secret)}.png`; })",
    "websocket": """await new Promise((resolve) => {
      const socket = new WebSocket(`ws://${location.host}/ws`, 'sfu.0');
      socket.onopen = () => { socket.send(new TextEncoder().encode(secret)); socket.close(); };
      socket.onclose = resolve;
    })""",
    "console": "console.log({ secret }.secret)",
    "console, by an error": "await new Promise((resolve) => setTimeout(() => { setTimeout(resolve); throw new Error(secret); }))",
    "localStorage": "localStorage.setItem('x', secret)",
    "sessionStorage": "sessionStorage.setItem(secret, '')",
    "indexedDB": """await new Promise((resolve) => {
      const asked = indexedDB.open('x');
      asked.onupgradeneeded = () => asked.result.createObjectStore('s').put([...new TextEncoder().encode(secret)], 'k');
      asked.onsuccess = () => { asked.result.close(); resolve(); };
    })""",
    "caches": "await (await caches.open('x')).put('/y', new Response(secret))",
    "cookie": "document.cookie = `x=${encodeURIComponent(secret)}`",
    "url": "history.replaceState(null, '', `#${secret}`)",  # location.hash the page takes away again
    "history": "history.pushState(null, '', `/?${secret}`); history.pushState(null, '', '/')",
    "title": "document.title = secret",
    "window": "name = secret",
}


@needs_chromium
@needs_bundle
async def test_the_witness_sees_each_way_out(tmp_path: Path) -> None:
    async with serving(tmp_path, SETTINGS) as server, chromium(flags=FLAGS) as browser:
        for number, (where, leak) in enumerate(LEAKS.items()):
            text = f"tell nobody of number {number}"
            watched = Watched(browser)
            page = await watched.open_page(server.url)
            await watched.look()
            assert not leaks(watched.records, [Secret.text("it", text)]), where
            await page.evaluate(f"async (secret) => {{ {leak}; }}", text)
            await page.evaluate("new Promise((resolve) => setTimeout(resolve))")
            await watched.look()
            found = {place for _, place in leaks(watched.records, [Secret.text("it", text)])}
            assert where.partition(",")[0] in found, where
            await page.close()


def _forms(data: bytes) -> Iterable[tuple[str, bytes]]:
    yield "raw", data
    yield "hex", data.hex().upper().encode()
    yield "numbers", json.dumps(list(data)).encode()
    yield "percent", quote_from_bytes(data, safe="").encode()
    for before in range(3):
        for after in range(3):
            whole = b"\x01" * before + data + b"\x02" * after
            yield f"base64 at {before} of {len(whole)}", base64.b64encode(whole)
            yield f"base64url at {before} of {len(whole)}", base64.urlsafe_b64encode(whole)


@pytest.mark.parametrize("text", [ANA, BEN, *LINES])
def test_a_text_is_found_in_each_form(text: str) -> None:
    secret = Secret.text("it", text)
    forms = [
        *_forms(text.encode()),
        ("JSON", json.dumps(text).encode()),
        ("UTF-16", text.encode("utf-16-le")),
    ]
    forms.append(("JSON in JSON", json.dumps(json.dumps({"text": text}, ensure_ascii=False)).encode()))
    for form, data in forms:
        assert leaks([Record("log", b"before " + data + b" behind")], [secret]) == {("it", "log")}, form
    assert not secret.is_in(text[:-1].encode())


def test_a_key_is_found_in_each_form_and_in_a_link() -> None:
    link = Link.make("https://talk.example.org/")
    text = link.reveal()
    names = {"secret 1", "secret 2"}
    for half, name in zip(_halves(link.secret.reveal()), sorted(names), strict=True):
        for form, data in _forms(half):
            if form != "percent":
                assert (name, "x") in leaks([Record("x", data)], secrets_of(text)), form
    assert {name for name, _ in leaks([Record("url", text.encode())], secrets_of(text))} == names
    without_key, key = link.split()
    parts = secrets_of(text, without_key, key)
    assert leaks([Record("x", without_key.encode())], parts) == {("share", "x")}
    assert leaks([Record("x", key.encode())], parts) == {("key", "x")}
    assert leaks([Record("x", without_key.encode())], parts, {("share", "x")}) == set()
    assert not leaks([Record("x", Link.make().reveal().encode())], parts)
