"""The question whether a project is trusted: what of it would run, as it is written. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from ...core.model import Definitions, PythonAction, ShellAction, Task
from ...core.problems import number_of
from ...core.schedules.schedule import Schedule
from ..paint.ink import Bit, Line
from ..paint.sanitize import clean_lines
from .confirm import Question

_FILES = 100
_STEPS = 300
_LINES = 40
_WIDE = 2000
"""Files, steps, lines of a command and characters of a line that are shown. What is left out is said, and where."""


def about_trust(definitions: Definitions, withheld: Sequence[str], interpreter: str) -> Question:
    """What trusting the project would let run."""
    tasks = list(definitions.tasks.values())
    lines: list[Line] = [
        (Bit("This folder is not trusted, so nothing of it runs. If you trust it:"),),
        (),
        (Bit(definitions.root, "text bold"),),
    ]
    if withheld:
        files = "file runs" if len(withheld) == 1 else "files run"
        they = "it defines" if len(withheld) == 1 else "they define"
        lines += [(), (Bit(f"{len(withheld)} Python {files} immediately, to read what {they}:"),)]
        lines += [(Bit("  "), Bit(name, "accent")) for name in withheld[:_FILES]]
        lines += _more(len(withheld) - _FILES, "files")
    if withheld or any(isinstance(task.action, PythonAction) for task in tasks):
        lines.append((Bit("Python is ", "muted"), Bit(interpreter, "accent")))
    if tasks:
        counts = Counter(task.action.kind for task in tasks)
        told = ", ".join(number_of(size, f"{kind} step") for kind, size in counts.items())
        asked = "when you ask for it, or a schedule does" if definitions.schedules else "when you ask for it"
        lines += [(), (Bit(f"{told} can be run, each {asked}:"),)]
    for task in tasks[:_STEPS]:
        lines += _step(task)
    lines += _more(len(tasks) - _STEPS, "steps")
    if definitions.schedules:
        lines += _schedules(list(definitions.schedules.values()))
    return Question("Trust this project?", tuple(lines), "trust it", "look only")


def _schedules(schedules: Sequence[Schedule]) -> Iterator[Line]:
    count = number_of(len(schedules), "schedule runs by itself", "schedules run by themselves")
    yield from ((), (Bit(f"{count} while a screen of this project is open:"),))
    for one in schedules[:_FILES]:
        times = Bit(f"  {one.cron}  {one.timezone}  ", "muted")
        yield (Bit("  "), Bit(one.name, "text bold"), times, Bit(one.select or "all that is stale", "accent"))
    yield from _more(len(schedules) - _FILES, "schedules")


def _step(task: Task) -> Iterator[Line]:
    action = task.action
    where = f"  in {action.folder}" if action.folder else ""
    yield (Bit("  "), Bit(task.name, "text bold"), Bit(f"  {action.kind}{where}  {task.place}", "muted"))
    for name, value in task.env.items():
        yield (Bit("    "), Bit(f"{name}={value or ''}"[:_WIDE], "changed"))
    match action:
        case PythonAction(module=module, function=function):
            yield (Bit("    "), Bit(f"{module}:{function}", "accent"))
        case ShellAction(command=text):
            yield from _code(text, str(task.place))
        case _:
            yield from _code(action.query, str(task.place))


def _code(text: str, place: str) -> Iterator[Line]:
    lines = clean_lines(text).strip("\n").split("\n")
    for line in lines[:_LINES]:
        yield (Bit("    "), Bit(line[:_WIDE], "accent"))
        if len(line) > _WIDE:
            yield (Bit(f"    … {len(line) - _WIDE:,} characters more: see {place}", "failed"),)
    if len(lines) > _LINES:
        yield (Bit(f"    … {len(lines) - _LINES:,} lines more: see {place}", "failed"),)


def _more(count: int, what: str) -> Iterable[Line]:
    return [(Bit(f"  and {count:,} more {what}, which are not shown", "failed"),)] if count > 0 else []
