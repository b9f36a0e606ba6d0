"""A call graph taken from object files, for what text cannot show: who can reach whom in the end.

Everything is compiled into sections of its own, so that a relocation names both ends of a reference. What is counted is
more than calls: a function that takes another's address, or uses a table that holds it, reaches it; and a call through a
pointer may reach whatever has its address taken anywhere. So the graph may have edges that no run takes, but lacks none.
"""

import re
import subprocess
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

# Neither inlining (-O0) nor jump tables, whose entries look like references to other functions.
_COMPILE = (
    *("cc", "-std=gnu11", "-O0", "-w", "-c", "-fno-inline", "-ffunction-sections", "-fdata-sections"),
    *("-fno-jump-tables", "-fno-pic", "-fcf-protection=none", "-fno-stack-protector"),
)

_FUNCTION = re.compile(r"^[0-9a-f]+ <(?P<name>[^>]+)>:$")
_SECTION = re.compile(r"^Disassembly of section (?P<name>\S+):$")
_RECORDS = re.compile(r"^RELOCATION RECORDS FOR \[(?P<name>\S+)\]:$")
_RELOCATION = re.compile(r"^\s*[0-9a-f]+:?\s+R_\S+\s+(?P<target>\S+?)(?:[-+]0x[0-9a-f]+)?$")
_CALL = re.compile(r"\t(?:call|jmp|bl|b)\s")
_INDIRECT = re.compile(r"\t(?:(?:notrack )?(?:call|jmp)\s+\*|blr\s|br\s)")
_SYMBOL = re.compile(
    r"^[0-9a-f]+ (?P<scope>.)(?P<flags>.{6}) (?P<section>\S+)\t[0-9a-f]+ +(?:\.hidden )?(?P<name>\S+)$"
)

_POINTER = "a call through a pointer"


@dataclass
class CallGraph:
    """Functions and tables by name; names that are not unique (static ones) carry their file: `media/x.c:helper`."""

    edges: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    files: dict[str, str] = field(default_factory=dict)

    def defines(self, name: str) -> bool:
        return name in self.files

    def users(self, name: str) -> set[str]:
        """Those that refer to `name` themselves."""
        return {user for user, targets in self.edges.items() if name in targets}

    def path(self, root: str, targets: Iterable[str], without: Iterable[str] = ()) -> list[str] | None:
        """A way from `root` to one of `targets` that avoids `without`, or None."""
        wanted, avoided = set(targets), set(without)
        before: dict[str, str | None] = {root: None}
        queue = [root]
        for node in queue:
            if node in wanted:
                way = [node]
                while (previous := before[way[-1]]) is not None:
                    way.append(previous)
                return way[::-1]
            for following in sorted(self.edges.get(node, ())):
                if following not in before and following not in avoided:
                    before[following] = node
                    queue.append(following)
        return None


def build(native: Path, sources: Sequence[Path], objects: Path) -> CallGraph:
    """Compiles `sources`, all below `native`, into the folder `objects` and reads their graph."""
    parts: list[_Object] = []
    for source in sources:
        name = source.relative_to(native).as_posix()
        target = objects / (name.replace("/", "__") + ".o")
        subprocess.run([*_COMPILE, f"-I{native}", "-o", target, source], check=True)
        parts.append(_read(name, target))
    return _link(parts)


@dataclass
class _Object:
    file: str
    own: dict[str, str] = field(default_factory=dict)  # symbol or section → name of what is defined there
    shared: dict[str, str] = field(default_factory=dict)  # the same, for symbols that other files see
    calls: set[tuple[str, str]] = field(default_factory=set)
    references: set[tuple[str, str]] = field(default_factory=set)  # addresses taken
    indirect: set[str] = field(default_factory=set)


def _objdump(option: str, target: Path) -> list[str]:
    command = ["objdump", "--no-show-raw-insn", option, str(target)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()


def _read(file: str, target: Path) -> _Object:
    part = _Object(file)
    for line in _objdump("-t", target):
        match = _SYMBOL.match(line)
        if match is None or not match["section"].startswith((".text.", ".data", ".rodata", ".bss")):
            continue
        name, section = match["name"], match["section"]
        if name == section:
            continue
        if match["scope"] in "gu!" or "w" in match["flags"]:
            part.shared[name] = part.own[name] = part.own[section] = name
        else:
            part.own[name] = part.own[section] = f"{file}:{name}"
    section = caller = instruction = ""
    for line in _objdump("-dr", target):
        if match := _SECTION.match(line):
            section = match["name"]
        elif match := _FUNCTION.match(line):
            caller = part.own.get(section) or match["name"]
        elif match := _RELOCATION.match(line):
            (part.calls if _CALL.search(instruction) else part.references).add((caller, match["target"]))
        else:
            instruction = line
            if _INDIRECT.search(line):
                part.indirect.add(caller)
    table = ""
    for line in _objdump("-r", target):
        if match := _RECORDS.match(line):
            section = match["name"]
            table = part.own.get(section, "") if section.startswith((".data", ".rodata")) else ""
        elif table and (match := re.match(r"^[0-9a-f]+ R_\S+\s+(?P<target>\S+?)(?:[-+]0x[0-9a-f]+)?$", line)):
            part.references.add((table, match["target"]))
    return part


def _link(parts: Sequence[_Object]) -> CallGraph:
    graph = CallGraph()
    shared: dict[str, str] = {}
    for part in parts:
        shared |= part.shared
        graph.files |= dict.fromkeys(part.own.values(), part.file)
    address_taken: set[str] = set()
    for part in parts:
        for user, symbol in part.calls | part.references:
            target = part.own.get(symbol) or shared.get(symbol, symbol)
            graph.edges[user].add(target)
            if (user, symbol) in part.references:
                address_taken.add(target)
        for user in part.indirect:
            graph.edges[user].add(_POINTER)
    graph.edges[_POINTER] = address_taken
    return graph
