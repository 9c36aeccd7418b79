"""The questions that the screen asks: before force, cancelling all and quitting mid-run."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.content import Content
from textual.message import Message
from textual.screen import ModalScreen

from ...core.model import Reason
from ...core.plan import Plan
from ...core.problems import number_of
from ...core.store.lock import Holder
from ...core.undoing import Way
from ..paint.ink import Bit, Ink, Line
from ..paint.sanitize import one_line
from ..panes.overview import when
from ..projection.caps import named
from ..projection.keymap import DEFAULT, Keymap
from ..projection.keys import GROUPS, HERE, KEYS, Key, Situation
from ..projection.preferences import Preferences
from .sheet import Sheet

_SCROLL = " · j k g G scroll"
_ANEW = 0.2
"""Seconds after which a question is asked anew."""
_LETTERS = ("y", "n", "q")
_APART = 0.5
"""Seconds between a letter that answers and another key before it that does not."""


@dataclass(frozen=True, slots=True)
class Question:
    """`yes` and `no` say what each answer does; nothing is done by default."""

    title: str
    lines: tuple[Line, ...]
    yes: str
    no: str = "leave it"


class Box(ModalScreen[bool]):
    """A page in a box over the screen; closes with a yes or a no."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,n,enter", "answer(False)", show=False),
        Binding("j,down", "scroll_by(1)", show=False),
        Binding("k,up", "scroll_by(-1)", show=False),
        Binding("ctrl+d,pagedown", "scroll_by(10)", show=False),
        Binding("ctrl+u,pageup", "scroll_by(-10)", show=False),
        Binding("g,home", "scroll_to_end(False)", show=False),
        Binding("G,end", "scroll_to_end(True)", show=False),
    ]

    def __init__(self, ink: Ink, title: str, lines: Sequence[Line], foot: str) -> None:
        super().__init__()
        self.sheet = Sheet(lambda: ink, id="box-page")
        self._lines = tuple(lines)
        self._title = title
        self._foot = foot

    def compose(self) -> ComposeResult:
        box = Container(self.sheet, id="box")
        box.border_title = Content(self._title)
        yield box

    def on_mount(self) -> None:
        self.sheet.show(self._lines)
        self.sheet.focus()
        self.on_resize()

    def on_resize(self) -> None:
        self.call_after_refresh(self._say_how)

    def _say_how(self) -> None:
        """The keys; those that scroll where there is more than is seen."""
        more = _SCROLL if self.sheet.max_scroll_y > 0 else ""
        self.query_one("#box").border_subtitle = Content(self._foot + more)

    def action_answer(self, answer: bool) -> None:
        self.dismiss(answer)

    def on_click(self, event: events.Click) -> None:
        """A click beside the box is a no."""
        if event.widget is self:
            self.dismiss(False)

    def action_scroll_by(self, by: int) -> None:
        self.sheet.move(by)

    def action_scroll_to_end(self, bottom: bool) -> None:
        if bottom:
            self.sheet.move_bottom()
        else:
            self.sheet.move_top()


Asked = Callable[[], Question | None]
"""A question about what is so now; None where there is nothing to ask any more."""


class Ask(Box):
    """A question. Only `y` is a yes; Enter is no answer. It is asked anew while it stands, and closes with a no when it
    is moot.

    A letter answers only on its own: not one that was pressed before the question was painted, nor one among
    others, as of a name that somebody types.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", show=False),
        Binding("enter", "remind", show=False),
    ]

    def __init__(self, ink: Ink, question: Question, asked: Asked | None = None) -> None:
        self._keys = f"y {question.yes} · Esc {question.no}"
        super().__init__(ink, question.title, question.lines, self._keys)
        self._asked = asked or (lambda: question)
        self._typed = math.inf

    def on_mount(self) -> None:
        self.set_interval(_ANEW, self._ask_anew)
        self.call_after_refresh(self._is_painted)

    def _is_painted(self) -> None:
        self._typed = Message().time - _APART

    def on_key(self, event: events.Key) -> None:
        """Sees a key before what it is bound to."""
        if event.key in _LETTERS and event.time < self._typed + _APART:
            event.stop()
            self._remind("that was typed with others")
        elif event.is_printable and event.key not in _LETTERS:
            self._typed = max(event.time, self._typed) if math.isfinite(self._typed) else self._typed

    def _ask_anew(self) -> None:
        if not self.is_current:
            return
        question = self._asked()
        if question is None:
            self.dismiss(False)
        else:
            self.sheet.show(question.lines)
            self._say_how()

    def action_answer(self, answer: bool) -> None:
        self.dismiss(answer and self._asked() is not None)

    def action_remind(self) -> None:
        self._remind("Enter is no answer")

    def _remind(self, why: str) -> None:
        self._foot = f"{why}: {self._keys}"
        self._say_how()


class Help(Box):
    """What every key does, and why it does not, here and now."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("question_mark,f1", "answer(False)", show=False)]

    def __init__(self, ink: Ink, now: Situation, keymap: Keymap) -> None:
        super().__init__(ink, "Help", help_lines(now, keymap), "Esc closes")


_SIGNS = (
    f"In the tree: ↑ the thing has its own row elsewhere, {named('plan')} jumps there. + new, ± changed, * marked.",
    "2⋯ before a row: it stands two levels further in than there is room to draw.",
    "The mouse works too; hold Shift to select text with it.",
)


def help_lines(now: Situation, keymap: Keymap = DEFAULT) -> list[Line]:
    """The keys of the pane one is in, then all the others by group."""
    here = HERE[now.place]
    lines: list[Line] = [(Bit(f"Here: {here.title}", "accent bold"),)]
    lines += [_help_line(keymap.by_id[id], now, keymap) for id in here.ids]
    for group in GROUPS:
        others = [key for key in keymap.keys if key.group == group and key.id not in here.ids]
        lines += [(), (Bit(group, "accent bold"),)] if others else []
        lines += [_help_line(key, now, keymap) for key in others]
    lines += [(), *((Bit(keymap.spell(told), "muted"),) for told in _SIGNS)]
    return lines


def _help_line(key: Key, now: Situation, keymap: Keymap) -> Line:
    why_not = keymap.reason(key.id, now)
    words = f"{key.description}: {keymap.spell(key.help)}" if key.help else key.description
    return (
        Bit(f"  {keymap.caps(key.id):<9} ", "key bold" if why_not is None else "muted"),
        Bit(words, "text" if why_not is None else "muted"),
        Bit(f"  ({why_not})" if why_not is not None else "", "stale"),
    )


def settings_lines(preferences: Preferences, theme: str, ascii_only: bool) -> list[Line]:
    """What is in force, where it can be set, and what is mistaken there."""
    changed = [key for key, was in zip(preferences.keymap.keys, KEYS, strict=True) if key.keys != was.keys]
    after = "never" if preferences.notify is None else f"of runs longer than {preferences.notify:g} s"
    told = (
        ("file", preferences.file or "no home folder, so none"),
        ("theme", theme),
        ("ascii", "yes" if ascii_only else "no"),
        ("notify", after),
        ("keys", ", ".join(f"{key.id}: {key.shown or 'none'}" for key in changed) or "as they come"),
    )
    lines: list[Line] = [(Bit(f"{name:<8}", "muted"), Bit(words)) for name, words in told]
    for problem in preferences.problems:
        lines += [
            (),
            *(
                (Bit(part, "failed" if n == 0 else "text"),)
                for n, part in enumerate(str(problem).split("\n"))
            ),
        ]
    return lines


def about_force(plan: Plan) -> Question:
    count = plan.counts["run"]
    steps = [(Bit("  " + step.task),) for step in plan.steps if step.action == "run"]
    more = [(Bit(f"  and {len(steps) - 12} more", "muted"),)] if len(steps) > 12 else []
    words = f"{number_of(count, 'step runs', 'steps run')}, whether fresh or not:"
    return Question("Materialize by force", ((Bit(words),), *steps[:12], *more), "run it")


def about_cancelling(open_steps: int, elsewhere: Holder | None = None) -> Question:
    words = f"{number_of(open_steps, 'step is', 'steps are')} running or queued. What is done stays done."
    lines: list[Line] = [(Bit(words),)]
    if elsewhere is not None:
        lines.append((Bit(f"It is the run of another process: {elsewhere}."),))
    return Question("Cancel the run", tuple(lines), "cancel it", "let it run")


def about_acceptance(reasons: Mapping[str, Sequence[Reason]]) -> Question:
    """Before steps are taken as up to date that are not; `reasons` say of each why."""
    lines: list[Line] = [(Bit("Nothing runs. These count as up to date from now on, although:"),), ()]
    for task, each in reasons.items():
        lines.append((Bit(f"{task}  ", "text bold"), Bit(one_line(each[0].detail), "stale")))
        lines += ((Bit(" " * (len(task) + 2)), Bit(one_line(why.detail), "stale")) for why in each[1:])
    return Question("Accept as it is?", tuple(lines), "accept")


def about_undo(leads: Way, now: float, takes_back: str, *, redo: bool) -> Question:
    """What would be current again, and what follows from it."""
    lines: list[Line] = [
        (Bit(f"{leads.task}: what it made {when(leads.made, now)} becomes current again. Nothing runs."),),
        (),
    ]
    for name, (was, then) in list(leads.versions.items())[:12]:
        lines.append((Bit(f"  {name}  "), Bit(f"{was[:8]} → {then[:8]}", "muted")))
    lines += [(), (Bit(f"What is made of it is stale then. {takes_back} takes this back.", "muted"),)]
    word = "Redo" if redo else "Undo"
    return Question(f"{word} a materialization", tuple(lines), f"{word.lower()} it")


def about_quitting(open_steps: int) -> Question:
    steps = number_of(open_steps, "step")
    words = f"A run is under way with {steps} to go. Quitting cancels it; what is done stays done."
    return Question("Quit", ((Bit(words),),), "cancel it and quit", "stay")
