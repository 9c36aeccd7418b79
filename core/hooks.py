"""What the project wants done after a run or a step: a command, a function, a notice. None of it changes the run.

Commands and functions run as steps do, in supervised children; notices to the desktop too. A webhook is sent from a
thread of ours. What is told goes along as variables, as arguments of those names or as JSON, never as part of a
command.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial

from .engine.executor import Executor, Order, Outcome
from .events import Event, Kind
from .model import Action, Definitions, Json, PythonAction, ShellAction
from .naming import readable, shown_part, split
from .problems import ProblemError

MOST_WAITING = 1_000
"""Hooks that wait at most; what comes beyond is left out, and told."""
_LONGEST = 8_000
"""Characters of a text that goes along at most."""
_WORDS = {
    Kind.STEP_SUCCEEDED: "on_success",
    Kind.STEP_FAILED: "on_failure",
    Kind.RUN_FINISHED: "",
}
_DESKTOP = """
if command -v notify-send >/dev/null 2>&1; then exec notify-send -a bakehouse -- "$BAKEHOUSE_TITLE" "$BAKEHOUSE_TEXT"
elif command -v osascript >/dev/null 2>&1; then exec osascript -e 'on run argv' \\
  -e 'display notification (item 2 of argv) with title (item 1 of argv)' -e 'end run' \\
  "$BAKEHOUSE_TITLE" "$BAKEHOUSE_TEXT"
else echo 'neither notify-send nor osascript is here' >&2; exit 1; fi
"""
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


@dataclass(frozen=True, slots=True)
class Call:
    """One hook that is due: what it does, and what is told to it."""

    hook: Mapping[str, Json]
    told: Mapping[str, Json]

    @property
    def name(self) -> str:
        of = self.told["task"] or "the run"
        return f"{self.hook['word']} of {of}"


def calls_for(event: Event, definitions: Definitions, project: str) -> Iterator[Call]:
    """The hooks that an event makes due, in the order in which they are written."""
    word = _WORDS.get(event.kind)
    if word is None or "retry_in" in event.data or event.data.get("status") == "cancelled":
        return
    if not word:
        word = "on_success" if event.data.get("ok") else "on_failure"
    hooks = definitions.hooks.get(split(event.task or "")[0], {}).get(word, ())
    told = _told(event, definitions, project, word) if hooks else {}
    for hook in hooks:
        yield Call({**hook, "word": word}, told)


def _told(event: Event, definitions: Definitions, project: str, word: str) -> dict[str, Json]:
    status = "succeeded" if word == "on_success" else "failed"
    error = str(event.data.get("error") or "")[:_LONGEST]
    counts = {name: count for name, count in (event.data.get("counts") or {}).items() if count}
    words = ", ".join(f"{count} {name}" for name, count in counts.items()) or error.split("\n", 1)[0]
    task, part = split(event.task or "")
    return {
        "event": event.kind.value,
        "status": status,
        "project": project,
        "profile": definitions.profile,
        "run": event.run,
        "task": task,
        "partition": shown_part(part),
        "error": readable(error),
        "counts": counts,
        "title": f"{readable(event.task or '') or project} {status}",
        "text": readable(words) or status,
    }


def _environment(told: Mapping[str, Json]) -> dict[str, str]:
    """Variables of `told`, without the NUL characters that none can hold."""
    said = {
        name: json.dumps(value) if isinstance(value, dict) else str(value) for name, value in told.items()
    }
    return {f"BAKEHOUSE_{name.upper()}": value.replace("\0", "\ufffd") for name, value in said.items()}


@dataclass
class Hooks:
    """Hears the events of a run and does what they make due, one after the other. `warnings` say what went wrong.

    `hire` gives those who run children, `clean` takes secrets out of a text.
    """

    definitions: Definitions
    project: str
    hire: Callable[[], Executor]
    clean: Callable[[str], str]
    warnings: list[str] = field(default_factory=list)
    _due: deque[Call] = field(default_factory=deque)
    _lost: int = 0
    _doing: asyncio.Task[None] | None = None
    _workers: Executor | None = None
    _ends: dict[str, asyncio.Future[Outcome]] = field(default_factory=dict)
    _printed: bytearray = field(default_factory=bytearray)
    _number: int = 0

    def __call__(self, event: Event) -> None:
        for call in calls_for(event, self.definitions, self.project):
            if len(self._due) >= MOST_WAITING:
                self._lost += 1
                continue
            self._due.append(call)
            if self._doing is None or self._doing.done():
                self._doing = asyncio.get_running_loop().create_task(self._work(), name="hooks")

    async def finish(self) -> None:
        """Waits for what is due, each for its own time at most, and lets the children go."""
        try:
            if self._doing is not None:
                await self._doing
        finally:
            if self._workers is not None:
                await self._workers.aclose()
        if self._lost:
            self.warnings.append(f"{self._lost} hooks were left out: more than {MOST_WAITING:,} were waiting")

    async def _work(self) -> None:
        while self._due:
            call = self._due.popleft()
            try:
                wrong = await self._do(call)
            except (OSError, ProblemError, ValueError) as error:
                wrong = str(error) or type(error).__name__
            if wrong:
                self.warnings.append(self.clean(f"{call.name}: {wrong}"))

    async def _do(self, call: Call) -> str:
        seconds = float(call.hook["timeout"])
        if url := call.hook.get("webhook"):
            return await self._send(url, call.told, seconds)
        if self._workers is None:
            workers = self.hire()
            await workers.start(self, 1)
            self._workers = workers
        order = self._order(call)
        ended = self._ends[order.attempt] = asyncio.get_running_loop().create_future()
        self._printed.clear()
        self._workers.submit(order)
        done, _ = await asyncio.wait([ended], timeout=seconds)
        if not done:
            self._workers.cancel(order.attempt)
            await ended
            return f"it took longer than {seconds:g} s"
        outcome = ended.result()
        said = self._printed.decode("utf-8", "replace").strip().rpartition("\n")[2]
        return "" if outcome.ok else ": ".join(filter(None, (outcome.error, said[:500])))

    def _order(self, call: Call) -> Order:
        hook, self._number = call.hook, self._number + 1
        action: Action
        told = call.told
        more: dict[str, str] = {}
        if hook.get("notify"):
            from .plugins import NOTIFY

            action = ShellAction(NOTIFY, hook["folder"])
            more = {
                "BAKEHOUSE_SELF": sys.executable,
                "BAKEHOUSE_NOTIFIER": hook["notify"],
                "BAKEHOUSE_TOLD": json.dumps(told),
            }
        elif hook.get("python"):
            module, _, function = hook["python"].partition(":")
            action = PythonAction(module, function, hook["folder"])
        else:
            action = ShellAction(hook.get("shell") or _DESKTOP, hook["folder"])
        name = f"hook-{call.told['run']}-{self._number}"
        params = call.told if hook.get("python") else {}
        env = {**os.environ, **_environment(told), **more}
        return Order(name, call.name, action, (), (), params, env)

    async def _send(self, url: str, told: Mapping[str, Json], seconds: float) -> str:
        from .outlet import post

        if (match := _VARIABLE.fullmatch(url)) and not (url := os.environ.get(match[1], "")):
            return f"the variable {match[1]} of its address is not set"
        if not url.startswith(("http://", "https://")):
            return "its address is not http"
        body = self.clean(json.dumps({"schema": 1, **told}))
        send = partial(post, url, body.encode(), seconds=seconds)
        try:
            await asyncio.wait_for(asyncio.to_thread(send), seconds)
        except TimeoutError:
            return f"there was no answer within {seconds:g} s"
        return ""

    # ---- what the children tell --------------------------------------------------------------

    def started(self, attempt: str, pid: int) -> None: ...
    def progress(self, attempt: str, fraction: float, note: str) -> None: ...
    def metadata(self, attempt: str, asset: str | None, values: Mapping[str, Json]) -> None: ...

    def output(self, attempt: str, data: bytes) -> None:
        self._printed += data
        del self._printed[:-4_000]

    def finished(self, outcome: Outcome) -> None:
        if (ended := self._ends.pop(outcome.attempt, None)) is not None and not ended.done():
            ended.set_result(replace(outcome, made=()))
