"""What a page lets out, and what it keeps: written down by the browser itself, and searched for what must not be there."""

import base64
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, Self
from urllib.parse import quote

import playwright.async_api

from tests.e2e.chromium import Chromium

_STORED = """async () => {
  const request = (asked) => new Promise((resolve, reject) => {
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => reject(asked.error);
  });
  const databases = [];
  for (const { name } of await indexedDB.databases()) {
    const database = await request(indexedDB.open(name));
    for (const store of database.objectStoreNames) {
      const rows = database.transaction(store).objectStore(store);
      databases.push([name, store, await request(rows.getAllKeys()), await request(rows.getAll())]);
    }
    database.close();
  }
  const kept = [];
  for (const name of await caches.keys()) {
    const cache = await caches.open(name);
    for (const { url } of await cache.keys()) kept.push([name, url, await (await cache.match(url)).text()]);
  }
  return {
    localStorage: { ...localStorage },
    sessionStorage: { ...sessionStorage },
    indexedDB: databases,
    caches: kept,
    cookie: document.cookie,
    url: [location.href, document.referrer, document.URL, document.baseURI],
    title: document.title,
    history: history.state,
    window: name,
    entries: performance.getEntries().map(({ name }) => name),
  };
}"""


class Record(NamedTuple):
    """`where`: request, websocket, console, localStorage, sessionStorage, url …"""

    where: str
    data: bytes


class Witness:
    """Of one page, from before it has loaded anything."""

    def __init__(self, page: playwright.async_api.Page, session: playwright.async_api.CDPSession) -> None:
        self.page = page
        self.records: list[Record] = []
        self.has_left = False  # what is kept from then on is kept too long
        self._session = session

    @classmethod
    async def of(cls, page: playwright.async_api.Page) -> Self:
        session = await page.context.new_cdp_session(page)
        witness = cls(page, session)
        session.on("Network.requestWillBeSent", witness._on_request)
        session.on("Network.requestWillBeSentExtraInfo", lambda told: witness.add("request", told["headers"]))
        session.on("Network.responseReceived", lambda told: witness.add("response", told["response"]))
        session.on("Network.webSocketCreated", lambda told: witness.add("request", told["url"]))
        session.on(
            "Network.webSocketWillSendHandshakeRequest", lambda told: witness.add("request", told["request"])
        )
        for direction in ("Sent", "Received"):
            session.on(f"Network.webSocketFrame{direction}", witness._on_frame)
        session.on("Log.entryAdded", lambda told: witness.add("console", told["entry"]))
        page.on("console", lambda message: witness.add("console", message.text))
        page.on("pageerror", lambda error: witness.add("console", str(error)))
        for domain in ("Network", "Log", "Page"):
            await session.send(f"{domain}.enable")
        return witness

    def add(self, where: str, data: object) -> None:
        if not isinstance(data, (str, bytes)):
            data = json.dumps(data, ensure_ascii=False)
        self.records.append(Record(where, data.encode() if isinstance(data, str) else data))

    async def look(self) -> None:
        """At all that the page keeps now, and at the addresses that the browser would go back to."""
        for where, data in (await self.page.evaluate(_STORED)).items():
            self.add(f"{where} after leaving" if self.has_left else where, data)
        self.add("cookie", await self.page.context.cookies())
        entries = (await self._session.send("Page.getNavigationHistory"))["entries"]
        self.add("history", [[entry["url"], entry["title"]] for entry in entries])

    def _on_request(self, told: Mapping[str, Any]) -> None:
        # `urlFragment` beside them stays in the browser: none is in what it sends.
        request = told["request"]
        self.add("request", [request["url"], request["headers"], request.get("postData")])
        for entry in request.get("postDataEntries", ()):
            self.add("request", base64.b64decode(entry.get("bytes", "")))

    def _on_frame(self, told: Mapping[str, Any]) -> None:
        frame = told["response"]
        data = frame["payloadData"]
        self.add("websocket", data if frame["opcode"] == 1 else base64.b64decode(data))


class Watched:
    """A browser of whose pages each has a witness."""

    def __init__(self, browser: Chromium) -> None:
        self.witnesses: list[Witness] = []
        self._browser = browser.browser

    async def open_page(self, url: str) -> playwright.async_api.Page:
        page = await self._browser.new_page()
        self.witnesses.append(await Witness.of(page))
        await page.goto(url)
        return page

    async def look(self) -> None:
        for witness in self.witnesses:
            if not witness.page.is_closed():
                await witness.look()

    @property
    def records(self) -> list[Record]:
        return [record for witness in self.witnesses for record in witness.records]


class Secret:
    """Bytes in each form in which they might be let out: as they are, in hexadecimal, and in base64 wherever they begin in it."""

    def __init__(self, name: str, data: bytes) -> None:
        self.name = name
        self.forms = {form.lower() for form in self._forms(data)}

    @classmethod
    def text(cls, name: str, text: str) -> Self:
        """Percent-encoded and escaped as in JSON, too."""
        secret = cls(name, text.encode())
        more = (quote(text), quote(text, safe=""), json.dumps(text)[1:-1])
        secret.forms |= {form.lower().encode() for form in more} | {text.encode("utf-16-le").lower()}
        secret.forms.add(text.lower().encode())
        return secret

    def _forms(self, data: bytes) -> Iterable[bytes]:
        yield data
        yield data.hex().encode()
        yield ", ".join(map(str, data)).encode()
        yield ",".join(map(str, data)).encode()
        for before in range(3):
            encoded = base64.b64encode(bytes(before) + data).rstrip(b"=")
            # Letters that what stands before or after has a part in are left out.
            part = encoded[(0, 2, 3)[before] : -1 if (before + len(data)) % 3 else None]
            assert len(part) >= 12, "so short that it would be found by chance"
            yield part
            yield part.translate(bytes.maketrans(b"+/", b"-_"))

    def is_in(self, data: bytes) -> bool:
        # Escapes may be written in capitals or not.
        lower = data.lower()
        return any(form in lower for form in self.forms) or any(
            form in _unescaped(lower) for form in self.forms
        )


def _unescaped(data: bytes) -> bytes:
    """A text within a text of JSON has its marks escaped."""
    return re.sub(rb'\\(["\\/])', rb"\1", data)


def leaks(
    records: Iterable[Record], secrets: Iterable[Secret], allowed: Iterable[tuple[str, str]] = ()
) -> set[tuple[str, str]]:
    """Names of secrets with where they were found, but for what is `allowed`."""
    listed = list(secrets)
    found = {
        (secret.name, record.where) for record in records for secret in listed if secret.is_in(record.data)
    }
    return found - set(allowed)
