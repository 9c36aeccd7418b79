"""The keys about what a step has made: sorting, comparing with the value before, going back to it, accepting it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.screen import Screen

from ...core.problems import ProblemError
from ..background.valuework import ValueWork
from ..projection.caps import named
from ..projection.parts import is_part

if TYPE_CHECKING:
    from ...core.plan import Survey
    from ..stage import Stage


class ValueKeys:
    """One method for each key's id. Only called where the key's reason does not forbid it."""

    def __init__(self, app: Stage, values: ValueWork) -> None:
        self.app = app
        self._values = values

    def sort_rows(self) -> None:
        self.app.side.table.sort()

    def difference(self) -> None:
        """What set the value apart from the one before, and back to the value."""
        side, node = self.app.side, self.app.tree_view.node
        if side.tab.name == "value":
            self._values.comparing = not self._values.comparing
            self.app.show_side(again=True)
        else:
            self._values.comparing = True
            side.go_to_tab("value")
        if self._values.comparing and node is not None:
            self.app.did("show", None, node.name, "--diff")

    async def undo(self) -> None:
        await self._undo(redo=False)

    async def redo(self) -> None:
        await self._undo(redo=True)

    async def _undo(self, *, redo: bool) -> None:
        from ...core.undoing import undo, way
        from ..widgets.confirm import Ask, about_undo

        session, node = self.app.session, self.app.tree_view.node
        task = session.task_of(node) if session is not None and node is not None else None
        if session is None or task is None:
            return
        if session.parts.tasks(task):
            self.app.tell(
                f"{task} is divided: {named('partitions')} shows its partitions, undo one of them", "stale"
            )
            return
        store = session.bench.store
        try:
            leads = await self.app.aside.call(way, store, task, redo=redo)
            ask: Screen[bool] = Ask(
                self.app.ink(),
                about_undo(
                    leads, session.clock(), self.app.keymap.cap("undo" if redo else "redo"), redo=redo
                ),
            )
            if not await self.app.push_screen_wait(ask):
                return
            done = await self.app.aside.call(undo, store, task, redo=redo)
        except ProblemError as error:
            self.app.tell(str(error).replace("\n", ": "), "failed")
            return
        self.app.did("undo", None, task, *(["--redo"] if redo else []))
        await self.app.look_again()
        self.app.tell(
            f"{done.told} · {named('undo') + ' undoes' if redo else named('redo') + ' redoes'} it", "fresh"
        )

    async def accept_as_is(self) -> None:
        """What was made counts as up to date, after a question that names why it does not."""
        from ...core.accepting import accept_as_is, acceptable
        from ..widgets.confirm import Ask, about_acceptance

        session = self.app.session
        if session is None:
            return
        bench, chosen = session.bench, session.chosen(self.app.tree_view.node)
        tasks: set[str] = set()

        def survey() -> Survey:
            look = bench.survey()
            parts = {task for node in chosen if is_part(node) and (task := session.task_of(node))}
            tasks.update(parts | look.partitions_of(bench.tasks_of(chosen)))
            return look.whole

        try:
            stale = await self.app.aside.call(lambda: acceptable(survey(), tasks))
            if not stale:
                self.app.tell("this is up to date: there is nothing to accept")
                return
            reasons = {task: why for task, (_, why) in stale.items()}
            ask: Screen[bool] = Ask(self.app.ink(), about_acceptance(reasons))
            if not await self.app.push_screen_wait(ask):
                return
            done = await self.app.aside.call(
                lambda: accept_as_is(bench.store, survey, tasks, named="on a screen")
            )
        except ProblemError as error:
            self.app.tell(str(error).replace("\n", "; "), "failed")
            return
        self.app.did("accept", chosen)
        session.marked.clear()
        await self.app.look_again()
        self.app.tell(f"accepted as it is: {', '.join(done.reasons)}", "fresh")
