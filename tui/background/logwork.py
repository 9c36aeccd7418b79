"""Brings the Log tab its lines: of one step or of the whole run, and what is sought in them. All reading of what may
be large is done beside the loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from ...core.history import past_steps
from ...core.model import Node
from ...core.problems import ProblemError
from ..aside import Aside
from ..projection.finding import Needle, Search
from ..projection.replay import PastLive
from ..projection.session import Session
from ..widgets.logfiles import FileLog, Log, LogSource, RingLog, RunLog

if TYPE_CHECKING:
    from ...core.store.store import Store
    from ..stage import Stage

_LOOK = 0.1
"""Seconds between two words about a search under way."""
_SETTLE = 0.5
"""Seconds after which what a log has grown by is searched too."""


class LogWork:
    """Shows one log; searches it."""

    def __init__(self, app: Stage) -> None:
        self.app = app
        self.view = app.side.log_view
        self.is_whole = False
        self._reads = Aside()
        self._seeks = Aside()
        self._search: Search | None = None
        self._is_joining = self._is_again = False

    def wanted(self, session: Session, node: Node | None) -> object:
        """What the tab is to show the log of: a step's name, or the whole run."""
        if not self.is_whole:
            task = session.task_of(node) if node is not None else None
            return ("past", session.live.run, task) if isinstance(session.live, PastLive) else task
        return ("run", session.live.run if session.live is not None else "")

    async def show(self, session: Session, node: Node, is_wanted: Callable[[], bool]) -> bool:
        """Shows the log of `node`, or of the whole run; False where meanwhile something else was wanted."""
        about, task = self.wanted(session, node), session.task_of(node)
        if task is None and not self.is_whole:
            self._put(None, None, "a source: nothing runs for it")
            return True
        path: Path | None = None
        source: LogSource | None = None
        try:
            if self.is_whole:
                source = await self._reads.call(_run_log, session)
            elif task is not None:
                path = await self._reads.call(_log_file, session, task)
                source = FileLog(path) if path is not None else None
            if source is not None:
                await self._reads.call(source.read_on)
        except (OSError, ProblemError):
            source = None
        if not is_wanted():
            if source is not None:
                source.close()
            return False
        if source is None and not self.is_whole:
            source = self._told(session, node)
        silent = "nothing of the run was printed" if self.is_whole else f"{task} has printed nothing"
        self._put(source, about, silent if path is None else "the log is empty")
        return True

    @staticmethod
    def _told(session: Session, node: Node) -> RingLog | None:
        step = session.step_of(node)
        if step is None or not step.line:
            return None
        ring = RingLog()
        ring.add(step.line)
        return ring

    def _put(self, source: LogSource | None, about: object, empty: str) -> None:
        self._give_up()
        self.view.empty = empty
        self.view.show(source, about, "whole run" if self.is_whole else "")
        self.app.foot.refresh()

    # ---- as it grows -----------------------------------------------------------------------------

    def came(self, session: Session, tasks: Collection[str]) -> bool:
        """These tasks of the run changed; False where their log is not the one that is shown."""
        source = self.view.source
        if self.is_whole and isinstance(source, RunLog) and session.live is not None:
            if not self._is_joining:
                self._is_joining = True
                logs = _live_logs(session, tasks)
                self.app.run_worker(self._join(source, logs), group="join", exit_on_error=True)
        elif self.view.about in tasks and self.view.count:
            self.feed()
        else:
            return False
        return True

    async def _join(self, source: RunLog, logs: Iterable[Log]) -> None:
        try:
            await self._reads.call(source.join, [log for log in logs])
        except OSError:
            return
        finally:
            self._is_joining = False
        if self.view.source is source:
            self.feed()

    def feed(self) -> None:
        """The log grew: it is read on, and what is new is searched."""
        self.view.feed()
        if self._search is not None and self._search.is_over and not self._is_again:
            self._is_again = True
            self.app.set_timer(_SETTLE, self._seek_on)

    def _seek_on(self) -> None:
        self._is_again = False
        search, source = self._search, self.view.source
        if search is None or source is None or not search.is_over:
            return
        if isinstance(source, FileLog):
            search.is_over = False
        else:
            search = self._search = self.view.search = Search(search.needle)
        self._begin(search, None)

    # ---- finding ---------------------------------------------------------------------------------

    def find(self, text: str) -> None:
        """Seeks `text` in what is shown, from what is in view on; an empty one ends the search."""
        start = self.view.in_view()[0] if self.view.hit is None else self.view.hit
        self._give_up()
        self.view.search = self.view.hit = None
        if text and self.view.source is not None:
            self._search = self.view.search = Search(Needle(text))
            self._begin(self._search, start)
        self.view.renew()

    def step(self, by: int) -> None:
        """Goes to the next hit, or to the one before."""
        search, view = self._search, self.view
        if search is None:
            return
        first, end = view.in_view()
        place = view.hit if view.hit is not None and first <= view.hit < end else None
        if by > 0:
            found = search.after(first - 1 if place is None else place)
        else:
            found = search.before(end if place is None else place)
        if found is None:
            self.app.tell("no line of this log has it" + ("" if search.is_over else " so far"))
            return
        view.hit = found
        view.go_to_line(found)

    def leave(self) -> bool:
        """Takes off the mark, then what is sought; False if there is neither."""
        view = self.view
        if view.marked_from is not None:
            view.marked_from = None
            view.refresh()
        elif view.search is not None:
            self.find("")
        else:
            return False
        return True

    def _give_up(self) -> None:
        if self._search is not None:
            self._search.is_wanted = False
        self._search = None

    def _begin(self, search: Search, start: int | None) -> None:
        self.app.run_worker(self._seek(search, start), group="seek", exit_on_error=True)

    async def _seek(self, search: Search, start: int | None) -> None:
        source = self.view.source
        if source is None:
            return
        scan = asyncio.ensure_future(self._seeks.call(_scan, source, search))
        while search.is_wanted:
            done, _ = await asyncio.wait((scan,), timeout=_LOOK)
            if start is not None and self._jump(search, start, is_last=bool(done)):
                start = None
            self.app.side.say_follow()
            if done:
                break

    def _jump(self, search: Search, start: int, *, is_last: bool) -> bool:
        """Goes to the first hit from `start` on, if it is known yet."""
        if not search.is_wanted or not search.hits or (search.hits[-1] < start and not is_last):
            return False
        self.view.hit = found = search.after(start - 1)
        if found is not None:
            self.view.go_to_line(found)
        return True


def _scan(source: LogSource, search: Search) -> None:
    """Looks through all that is there. Blocking; ends when the search is not wanted any more."""
    try:
        for chunk in source.chunks(search.line, search.offset):
            if not search.is_wanted or search.is_full:
                break
            search.take(chunk.first, chunk.text)
            search.line, search.offset, search.searched = chunk.line, chunk.offset, chunk.done
    except (OSError, ValueError):  # the file was closed: something else is shown
        search.is_wanted = False
    search.is_over = True


# ---- which files -----------------------------------------------------------------------------------


def _log_file(session: Session, task: str) -> Path | None:
    """The log of the attempt at `task` that is under way, here or elsewhere, or that was broken off; else of the
    last. Blocking."""
    live = session.live
    step = live.steps.get(task) if live is not None else None
    if live is not None and isinstance(live, PastLive):
        path = session.bench.store.logs.path(live.run, task, step.attempt if step is not None else 0)
        return path if path.is_file() else None
    if live is not None and step is not None and step.attempt:
        path = session.bench.store.logs.path(live.run, task, step.attempt)
        if (session.elsewhere is not None or step.broken_off) and path.exists():
            return path
    return session.bench.log_file(task)


def _live_logs(session: Session, tasks: Iterable[str]) -> list[Log]:
    """Where what these steps of the run under way print is kept, if they print."""
    live = session.live
    assert live is not None
    found = ((task, live.steps[task]) for task in tasks if task in live.steps)
    path = session.bench.store.logs.path
    return [
        (task, path(live.run, task, number), step.started or 0.0)
        for task, step in found
        for number in range(1, step.attempt + 1)
    ]


def _run_log(session: Session) -> RunLog | None:
    """The logs of the run under way, or of the last. Blocking. Raises OSError, ProblemError."""
    live = session.live
    if live is not None and session.under_way:
        return RunLog(log for log in _live_logs(session, live.steps) if log[1].exists())
    last = live.run if isinstance(live, PastLive) else next((r.run for r in session.bench.history(1)), None)
    return RunLog(run_logs(session.bench.store, last)) if last is not None else None


def run_logs(store: Store, run: str) -> list[Log]:
    """The logs of a run that are still there, by the time at which their steps began. Blocking."""
    summary = next(one for one in store.runs(-1) if one.run == run)
    logs = [(s.task, path, s.started or 0.0) for s in past_steps(store, summary) for path in s.logs]
    return sorted(logs, key=lambda log: log[2])
