"""Figures with their budgets, as a table."""

import os
import platform
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Figure:
    what: str
    value: float
    budget: float | None
    unit: str
    is_certain: bool = False  # the same on every machine

    @property
    def is_kept(self) -> bool:
        return self.budget is None or self.value <= self.budget


def table(figures: list[Figure]) -> str:
    rows = [("what", "measured", "budget", "")]
    for figure in figures:
        unit = figure.unit
        budget = "" if figure.budget is None else f"{figure.budget:g} {unit}"
        verdict = "" if figure.budget is None else "kept" if figure.is_kept else "OVER"
        rows.append((figure.what, f"{figure.value:.1f} {unit}", budget, verdict))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    return "\n".join(
        f"{what:<{widths[0]}}  {value:>{widths[1]}}  {budget:>{widths[2]}}  {verdict}".rstrip()
        for what, value, budget, verdict in rows
    )


def machine(browser: str) -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    load = os.getloadavg()[0]
    return (
        f"{os.cpu_count()} cores of {names[0] if names else platform.machine()}, load {load:.1f} at the end; Chromium {browser}, "
        "headless; server, browser and the other people on this machine, over loopback"
    )
