"""The page's two signs: marigold says that a key opened this, hatching that nothing has. Nothing else may wear them."""

import re
from collections.abc import Iterator
from pathlib import Path

APP = Path(__file__).parents[2] / "sfu/web/src/app"
STYLES = sorted((APP / "styles").glob("*.css"))

# The secret part of a link and what is said of it; the name of who speaks, by their key; the ring round them; the sign of the
# call's seal. A ring is marigold within a darker line, so that it shows on any picture.
MARIGOLD = {
    "mark",
    ".specimen .k",
    ".tile.talk .tag",
    ".grid:not(.solo) > .tile.talk::after",
    ".pager .who",
    ".pers.talk b span",
}
MARIGOLD_LINE = {".grid:not(.solo) > .tile.talk", ".anatomy dl > div:last-child", "svg.seal"}
HATCHED = {".sealed"}


def rules(css: str) -> Iterator[tuple[str, str]]:
    """Selector and declarations of each rule, those within @media too."""
    css = re.sub(r"/\*.*?\*/", "", css, flags=re.DOTALL)
    for selectors, body in re.findall(r"([^{};]+)\{([^{}]*)\}", css):
        for selector in re.split(r",(?![^(]*\))", selectors):
            yield " ".join(selector.split()), body


def users(*words: str) -> set[str]:
    """Selectors of the rules that use one of these words; where they are defined does not count."""
    found = set()
    for path in STYLES:
        for selector, body in rules(path.read_text(encoding="utf-8")):
            values = [line.partition(":") for line in body.split(";") if ":" in line]
            uses = any(
                word in value
                for name, _, value in values
                for word in words
                if not name.strip().startswith("--")
            )
            if uses:
                found.add(selector)
    return found


def test_the_rules_are_read() -> None:
    css = "a, b:is(c, d) { color: red; } /* e { } */ @media (x) { f { --g: h; color: i } }"
    assert [selector for selector, _ in rules(css)] == ["a", "b:is(c, d)", "f"]


def test_marigold_says_that_a_key_opened_this() -> None:
    assert users("var(--key)", "var(--on-key)") == MARIGOLD
    assert users("var(--key-line)") == MARIGOLD_LINE


def test_hatching_says_that_nothing_has() -> None:
    assert users("var(--hatch)", "repeating-linear-gradient") == HATCHED


def test_colors_have_no_other_way_in() -> None:
    """By their number, or from a script: then the rules above would be no guard."""
    tokens = set(
        re.findall(
            r"--(?:key|key-line|hatch): ([^;]+);", (APP / "styles/base.css").read_text(encoding="utf-8")
        )
    )
    assert {"#ffc53d", "#a86c00"} <= tokens
    for path in [*STYLES, *APP.rglob("*.ts"), *APP.rglob("*.tsx")]:
        text = path.read_text(encoding="utf-8")
        if path.name == "base.css":
            text = re.sub(r"--[\w-]+: [^;]+;", "", text)
        for token in tokens:
            assert token not in text.lower(), path
    for path in [*APP.rglob("*.ts"), *APP.rglob("*.tsx")]:
        assert not re.search(
            r"--(key|hatch)|\.style\.(?!transform|width|height)\w+", path.read_text(encoding="utf-8")
        ), path


def test_who_wears_them_is_opened_or_not() -> None:
    """The classes are set in one place each, from what opened."""
    tile = (APP / "call/tile.tsx").read_text(encoding="utf-8")
    assert 'isSealed && "sealed"' in tile
    assert 'isSpeaking && !isSealed && source === "camera" && "talk"' in tile
    for path in [*APP.rglob("*.ts"), *APP.rglob("*.tsx")]:
        names = re.findall(r"""["'](?:pers )?(sealed|talk)["']""", path.read_text(encoding="utf-8"))
        wanted = {"tile.tsx": ["sealed", "talk"], "panel_people.tsx": ["talk"]}.get(path.name, [])
        assert sorted(names) == wanted, path
