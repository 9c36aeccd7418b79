"""Remembers what a project's runs said, and holds every later run and the store to it."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field, replace

from bakehouse.core.store.store import Store

from .layered import Layered
from .program import Ended, Program


@dataclass
class Witness:
    """What was acknowledged so far in one project."""

    project: Layered
    program: Program
    said: dict[str, str] = field(default_factory=dict)
    """The version of every asset that was said to be made."""
    done: set[str] = field(default_factory=set)
    """The steps that were said to be done."""
    ran: Counter[str] = field(default_factory=Counter)
    spoilt: set[str] = field(default_factory=set)
    """Steps whose values somebody damaged: they are to be made again, until then they may be wrong."""

    def hear(self, ended: Ended, told: str = "") -> None:
        """Takes in a run that is over, however it ended, and compares: nothing that was said before ran
        again, all that is said is there, and what is there is right."""
        self.program.until_nothing_is_left()
        ran = self.project.ran()
        again = {name for name in self.done if ran[name] > self.ran[name]}
        assert not again, f"{sorted(again)} were said to be done and ran again {told}"
        self.ran = ran
        self.said |= ended.versions
        self.done |= ended.steps
        self.spoilt -= ended.steps
        self.look(told)

    def look(self, told: str = "") -> None:
        """Compares the store with what was said, and with what the steps really make."""
        if not (self.project.folder / ".bakehouse").exists():
            assert not self.said, f"the store is not there {told}"
            return
        wrong = self.project.wrong()
        assert not wrong or self.spoilt, f"{wrong} {told}"
        for kept in (self.project.folder / ".bakehouse" / "baselines").glob("*.json"):
            json.loads(kept.read_bytes())
        with Store.open(self.project.folder / ".bakehouse", create=False) as store:
            recorded = store.recorded()
            lost = [
                name
                for name, version in self.said.items()
                if (made := recorded.materializations.get(name)) is None or made.value.version != version
            ]
            lost += [name for name in self.done if name not in recorded.steps]
        assert not lost, f"{sorted(lost)} were said to be made and are not there {told}"

    def renewed(self, seed: int) -> Witness:
        """The same project, in which every step is to make another value; nothing is said of those yet."""
        project = replace(self.project, seed=seed, earlier=(*self.project.earlier, self.project.seed)).write()
        return Witness(project, self.program, ran=project.ran())

    def spoil(self, names: set[str]) -> None:
        """The values that these steps made were damaged."""
        self.spoilt |= names
        self.done -= names
        for name in names:
            self.said.pop(name, None)

    def finish(self, told: str = "") -> Ended:
        """A last run, which nothing disturbs: it ends well, alone, and everything is there and right."""
        last = self.program.run()
        assert last.code == 0, f"{last.errors}{last.error} {told}"
        self.hear(last, told)
        assert self.project.missing() == [], told
        return last
