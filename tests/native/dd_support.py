"""A Dependency Descriptor reader and writer of the tests' own, from appendix A of the AV1 RTP specification, section A.8.2.

It is written for being compared with the specification: strings of bits, no bounds but those of the fields. What the
specification says of a template structure as a whole (which layers a decode target has) is here too.
"""

from dataclasses import dataclass, field, replace
from itertools import pairwise

TEMPLATE_IDS = 64
NOT_PRESENT, DISCARDABLE, SWITCH, REQUIRED = range(4)
_SYMBOLS = "-DSR"


class MalformedError(Exception):
    """No descriptor: cut off, or against a rule of the specification."""


class UnknownTemplateError(Exception):
    """A descriptor that refers to another structure than the one that is known."""


@dataclass(frozen=True)
class Template:
    """A frame dependency template; `fdiffs` and `chains` are differences of frame numbers."""

    spatial: int
    temporal: int
    dtis: tuple[int, ...]
    fdiffs: tuple[int, ...] = ()
    chains: tuple[int, ...] = ()


@dataclass(frozen=True)
class Structure:
    """A frame dependency structure. Decode targets are protected where there are chains."""

    offset: int
    templates: tuple[Template, ...]
    protected_by: tuple[int, ...] = ()
    resolutions: tuple[tuple[int, int], ...] | None = None

    @property
    def target_count(self) -> int:
        return len(self.templates[0].dtis)

    @property
    def chain_count(self) -> int:
        return len(self.templates[0].chains)

    @property
    def target_layers(self) -> list[tuple[int, int]]:
        """decode_target_layers()"""
        layers = []
        for target in range(self.target_count):
            needed = [t for t in self.templates if t.dtis[target] != NOT_PRESENT]
            layers.append(
                (max((t.spatial for t in needed), default=0), max((t.temporal for t in needed), default=0))
            )
        return layers

    def index(self, template_id: int) -> int:
        return (template_id + TEMPLATE_IDS - self.offset) % TEMPLATE_IDS

    def has(self, template_id: int) -> bool:
        return self.index(template_id) < len(self.templates)


@dataclass(frozen=True)
class Descriptor:
    """What stands in one packet. None: it does not; the templates' values hold."""

    start: bool
    end: bool
    template_id: int
    frame_number: int
    structure: Structure | None = None
    active: int | None = None
    dtis: tuple[int, ...] | None = None
    fdiffs: tuple[int, ...] | None = None
    chains: tuple[int, ...] | None = None
    flags_only: bool = field(default=False)  # extended fields, and none is set

    @property
    def extended(self) -> bool:
        optional = (self.structure, self.active, self.dtis, self.fdiffs, self.chains)
        return self.flags_only or any(value is not None for value in optional)


@dataclass(frozen=True)
class Frame:
    """What a descriptor means."""

    layer: tuple[int, int]
    dtis: list[int]
    fdiffs: list[int]
    chains: list[int]


def meaning(descriptor: Descriptor, known: Structure | None) -> Frame:
    """frame_dependency_definition()"""
    structure = descriptor.structure or known
    assert structure is not None
    template = structure.templates[structure.index(descriptor.template_id)]
    return Frame(
        layer=(template.spatial, template.temporal),
        dtis=list(template.dtis if descriptor.dtis is None else descriptor.dtis),
        fdiffs=list(template.fdiffs if descriptor.fdiffs is None else descriptor.fdiffs),
        chains=list(template.chains if descriptor.chains is None else descriptor.chains),
    )


# ---- writing ----


def f(width: int, value: int) -> str:
    """f(n), as written."""
    assert 0 <= value < 1 << width
    return format(value, f"0{width}b") if width else ""


def ns(values: int, value: int) -> str:
    """write_ns(n, v)"""
    assert 0 <= value < values
    if values == 1:
        return ""
    width = values.bit_length()
    shorter = (1 << width) - values
    return f(width - 1, value) if value < shorter else f(width, value + shorter)


def packed(bits: str) -> bytes:
    """Bits in bytes, the last one filled up with zeros; blanks are for the eye."""
    bits = bits.replace(" ", "").replace("\n", "")
    bits += "0" * (-len(bits) % 8)
    return bytes(int(bits[i : i + 8], 2) for i in range(0, len(bits), 8))


def structure_bits(structure: Structure) -> str:
    """template_dependency_structure()"""
    templates = structure.templates
    bits = f(6, structure.offset) + f(5, structure.target_count - 1)
    for this, following in pairwise(templates):
        if (following.spatial, following.temporal) == (this.spatial, this.temporal):
            bits += f(2, 0)
        elif (following.spatial, following.temporal) == (this.spatial, this.temporal + 1):
            bits += f(2, 1)
        else:
            assert (following.spatial, following.temporal) == (this.spatial + 1, 0)
            bits += f(2, 2)
    bits += f(2, 3)
    for template in templates:
        bits += "".join(f(2, dti) for dti in template.dtis)
    for template in templates:
        bits += "".join("1" + f(4, fdiff - 1) for fdiff in template.fdiffs) + "0"
    bits += ns(structure.target_count + 1, structure.chain_count)
    if structure.chain_count:
        bits += "".join(ns(structure.chain_count, chain) for chain in structure.protected_by)
        for template in templates:
            bits += "".join(f(4, fdiff) for fdiff in template.chains)
    bits += f(1, structure.resolutions is not None)
    for width, height in structure.resolutions or ():
        bits += f(16, width - 1) + f(16, height - 1)
    return bits


def fdiff_bits(fdiff: int) -> str:
    """One of frame_fdiffs(), in the shortest of its sizes."""
    size = 1 if fdiff <= 16 else 2 if fdiff <= 256 else 3
    return f(2, size) + f(4 * size, fdiff - 1)


def bits_of(descriptor: Descriptor, known: Structure | None) -> str:
    """dependency_descriptor(), without padding."""
    bits = (
        f(1, descriptor.start)
        + f(1, descriptor.end)
        + f(6, descriptor.template_id)
        + f(16, descriptor.frame_number)
    )
    if not descriptor.extended:
        return bits
    optional = (
        descriptor.structure,
        descriptor.active,
        descriptor.dtis,
        descriptor.fdiffs,
        descriptor.chains,
    )
    bits += "".join(f(1, value is not None) for value in optional)
    structure = descriptor.structure or known
    assert structure is not None
    if descriptor.structure is not None:
        bits += structure_bits(descriptor.structure)
    if descriptor.active is not None:
        bits += f(structure.target_count, descriptor.active)
    if descriptor.dtis is not None:
        bits += "".join(f(2, dti) for dti in descriptor.dtis)
    if descriptor.fdiffs is not None:
        bits += "".join(fdiff_bits(fdiff) for fdiff in descriptor.fdiffs) + f(2, 0)
    if descriptor.chains is not None:
        bits += "".join(f(8, fdiff) for fdiff in descriptor.chains)
    return bits


def written(descriptor: Descriptor, known: Structure | None = None) -> bytes:
    return packed(bits_of(descriptor, known))


# ---- reading ----


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.bits = "".join(format(byte, "08b") for byte in data)
        self.at = 0

    def f(self, width: int) -> int:
        if self.at + width > len(self.bits):
            raise MalformedError("cut off")
        self.at += width
        return int(self.bits[self.at - width : self.at] or "0", 2)

    def ns(self, values: int) -> int:
        width = values.bit_length()
        shorter = (1 << width) - values
        value = self.f(width - 1)
        return value if value < shorter else (value << 1) - shorter + self.f(1)


def _read_layers(r: _Reader) -> list[tuple[int, int]]:
    layers = [(0, 0)]
    while (following := r.f(2)) != 3:
        spatial, temporal = layers[-1]
        layers.append([(spatial, temporal), (spatial, temporal + 1), (spatial + 1, 0)][following])
    if len(layers) > TEMPLATE_IDS:
        raise MalformedError("more templates than ids")
    if any(spatial > 3 or temporal > 7 for spatial, temporal in layers):
        raise MalformedError("more layers than AV1 has")
    return layers


def _read_structure(r: _Reader, most_fdiffs: int) -> Structure:
    offset = r.f(6)
    targets = r.f(5) + 1
    layers = _read_layers(r)
    dtis = [tuple(r.f(2) for _ in range(targets)) for _ in layers]
    fdiffs = []
    for _ in layers:
        diffs = []
        while r.f(1):
            diffs.append(r.f(4) + 1)
        if len(diffs) > most_fdiffs:
            raise MalformedError("more references than are taken")
        fdiffs.append(tuple(diffs))
    chain_count = r.ns(targets + 1)
    protected_by = tuple(r.ns(chain_count) for _ in range(targets)) if chain_count else ()
    chains = [tuple(r.f(4) for _ in range(chain_count)) for _ in layers]
    resolutions = None
    if r.f(1):
        resolutions = tuple((r.f(16) + 1, r.f(16) + 1) for _ in range(layers[-1][0] + 1))
    templates = tuple(
        Template(*layer, *rest) for layer, *rest in zip(layers, dtis, fdiffs, chains, strict=True)
    )
    return Structure(offset, templates, protected_by, resolutions)


def _read_fdiffs(r: _Reader, most_fdiffs: int) -> tuple[int, ...]:
    diffs = []
    while size := r.f(2):
        diffs.append(r.f(4 * size) + 1)
    if len(diffs) > most_fdiffs:
        raise MalformedError("more references than are taken")
    return tuple(diffs)


def read(data: bytes, known: Structure | None = None, most_fdiffs: int = 16) -> Descriptor:
    """dependency_descriptor(): raises MalformedError, or UnknownTemplateError where `known` is not the right structure."""
    r = _Reader(data)
    found = Descriptor(start=r.f(1) == 1, end=r.f(1) == 1, template_id=r.f(6), frame_number=r.f(16))
    has_structure, has_active, has_dtis, has_fdiffs, has_chains = (
        r.f(1) if len(data) > 3 else 0 for _ in range(5)
    )
    if has_structure and not found.start:
        raise MalformedError("a structure where no frame begins")
    attached = _read_structure(r, most_fdiffs) if has_structure else None
    structure = attached or known
    if structure is None or not structure.has(found.template_id):
        raise (
            MalformedError("a template that its own structure has not") if attached else UnknownTemplateError
        )
    return replace(
        found,
        structure=attached,
        active=r.f(structure.target_count) if has_active else None,
        dtis=tuple(r.f(2) for _ in range(structure.target_count)) if has_dtis else None,
        fdiffs=_read_fdiffs(r, most_fdiffs) if has_fdiffs else None,
        chains=tuple(r.f(8) for _ in range(structure.chain_count)) if has_chains else None,
        flags_only=len(data) > 3,
    )


# ---- structures of the specification's examples ----


def _structure(rows: str, protected_by: str, offset: int = 0) -> Structure:
    """From lines of section A.10.2's tables: S T | fdiffs | chains | DTIs."""
    templates = []
    for row in rows.strip().splitlines():
        layer, fdiffs, chains, dtis = (part.split() for part in row.split("|"))
        templates.append(
            Template(
                int(layer[0]),
                int(layer[1]),
                tuple(_SYMBOLS.index(symbol) for symbol in dtis),
                tuple(int(fdiff) for fdiff in fdiffs),
                tuple(int(fdiff) for fdiff in chains),
            )
        )
    return Structure(offset, tuple(templates), tuple(int(chain) for chain in protected_by.split()))


L1T3 = _structure(
    """
    0 0 |   | 0 | S S S
    0 0 | 4 | 4 | S S S
    0 1 | 2 | 2 | S D -
    0 2 | 1 | 1 | D - -
    0 2 | 1 | 3 | D - -
    """,
    "0 0 0",
)

L3T3 = _structure(
    """
    0 0 |      | 0 0 0    | S S S S S S S S S
    0 0 | 12   | 12 11 10 | R R R R R R S S S
    0 1 | 6    | 6 5 4    | R R - R R - S D -
    0 2 | 3    | 3 2 1    | R - - R - - D - -
    0 2 | 3    | 9 8 7    | R - - R - - D - -
    1 0 | 1    | 1 1 1    | S S S S S S - - -
    1 0 | 12 1 | 1 1 1    | R R R S S S - - -
    1 1 | 6 1  | 7 6 5    | R R - S D - - - -
    1 2 | 3 1  | 4 3 2    | R - - D - - - - -
    1 2 | 3 1  | 10 9 8   | R - - D - - - - -
    2 0 | 1    | 2 1 1    | S S S - - - - - -
    2 0 | 12 1 | 2 1 1    | S S S - - - - - -
    2 1 | 6 1  | 8 7 6    | S D - - - - - - -
    2 2 | 3 1  | 5 4 3    | D - - - - - - - -
    2 2 | 3 1  | 11 10 9  | D - - - - - - - -
    """,
    "2 2 2 1 1 1 0 0 0",
)
