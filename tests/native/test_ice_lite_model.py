"""The lite agent against a model of its rules."""

import random

import pytest

from sfu._testing import stun
from sfu._testing.ice import CONSENT_US, MAX_ADDRESSES, Path
from tests.native.ice_support import (
    CLIENT,
    SECOND,
    home,
    success,
)
from tests.native.lite_support import CHECK, NOMINATION, NONCES, check, lite


class Model:
    """The rules of ice.h, told once more in another language: a dict in order of checking."""

    def __init__(self) -> None:
        self.checked: dict[Path, int] = {}
        self.selected: Path | None = None
        self.proving: Path | None = None
        self.connected = False

    def proven(self) -> bool:
        return self.connected and self.proving != self.selected

    def prove(self) -> None:
        self.selected, self.proving = self.proving, None

    def check(self, now_us: int, path: Path, nominates: bool) -> None:
        if path not in self.checked and len(self.checked) == MAX_ADDRESSES:
            evicted = min((p for p in self.checked if p != self.selected), key=self.checked.__getitem__)
            del self.checked[evicted]
            if evicted == self.proving:
                self.proving = None
        self.checked[path] = now_us
        if nominates or not self.connected:
            if path != self.selected:
                if not self.proven():
                    self.selected = path
                self.proving = path
            elif self.proven():
                self.proving = None
        self.connected = True

    def timeout(self, now_us: int) -> None:
        alive = {path: at for path, at in self.checked.items() if at + CONSENT_US > now_us}
        if self.selected is not None and self.selected in self.checked and self.selected not in alive:
            if self.connected and alive:
                self.selected = self.proving = max(alive, key=alive.__getitem__)
            else:
                self.connected, self.proving = False, self.selected
        kept = {self.selected} if not self.connected else set()
        self.checked = {path: at for path, at in self.checked.items() if path in alive or path in kept}
        if self.proving not in self.checked:
            self.proving = None

    def remove(self, path: Path) -> None:
        if self.checked.pop(path, None) is None:
            return
        if path == self.proving:
            self.proving = None
        if path != self.selected:
            return
        if self.connected and self.checked:
            self.selected = self.proving = max(self.checked, key=self.checked.__getitem__)
        else:
            self.selected, self.proving, self.connected = None, None, False


@pytest.mark.parametrize("seed", range(20))
def test_agrees_with_a_model(seed: int) -> None:
    generator = random.Random(seed)
    agent, model = lite(), Model()
    known: set[Path] = set()
    now_us = 0
    for _ in range(1500):
        now_us += 1 + round(generator.expovariate(1 / (2 * SECOND)))
        changes = []
        asked: tuple[bytes, Path] | None = None
        while agent.next_deadline_us() <= now_us:
            changes.append(agent.on_timeout(now_us))
            data, asked_at = agent.poll(now_us, next(NONCES))
            if asked_at:
                asked = stun.parse(data)["transaction_id"], asked_at
        model.timeout(now_us)
        if asked and asked[1] == model.proving and generator.random() < 0.5:
            changes.append(agent.on_stun(now_us, asked[1], success(asked[0], CLIENT.password))[1])
            assert changes[-1].what >= {"proven"}
            model.prove()
        path = home(generator.randrange(12))
        if generator.random() < 0.1:
            changes.append(agent.remove_path(path))
            model.remove(path)
        elif generator.random() < 0.7:
            nominates = generator.random() < 0.2
            changes.append(check(agent, now_us, path, NOMINATION if nominates else CHECK))
            model.check(now_us, path, nominates)
        if generator.random() < 0.02:
            now_us += 31 * SECOND
        for change in changes:  # as an owner of an address table would follow
            known -= {change.evicted}
            if "added" in change.what:
                assert change.path is not None
                known.add(change.path)
        assert set(agent.addresses) == set(model.checked) == known
        assert agent.selected() == (model.selected if model.connected else None)
        assert agent.is_proven() == model.proven()
