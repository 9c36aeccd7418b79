"""Every key of the screen, once: footer, help, palette and the README's table are read from here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from .caps import named

Place = Literal["tree", "pane", "history", "log"]
RowIs = Literal["", "asset", "source", "task", "alias", "group", "ghost"]


@dataclass(frozen=True, slots=True)
class Situation:
    """What decides whether a key can do something now. All of it is data, so that the reasons can be tested."""

    place: Place = "tree"
    alone: bool = False
    row: RowIs = ""
    loaded: bool = True
    trusted: bool = True
    unread: str = ""
    running: bool = False
    elsewhere: bool = False
    step_running: bool = False
    failed: int = 0
    unfinished: int = 0
    outdated: int = 0
    new: int = 0
    changed: int = 0
    since: str = ""
    said: bool = False
    marked: int = 0
    table: bool = False
    value: bool = False
    matches: int = 0
    filtered: bool = False
    isolated: bool = False
    divided: bool = False
    previewing: bool = False
    defined_at: bool = True
    opens: bool = False
    opened: bool = False
    printed: bool = False
    sought: bool = False
    replayable: bool = False
    replaying: str = ""


Reason = Callable[[Situation], str | None]
"""Why a key does nothing now, or None when it works."""


@dataclass(frozen=True, slots=True)
class Key:
    """`keys` are Textual's names, `shown` what is printed on the cap; `footer` is the short name below (empty:
    not in the footer)."""

    id: str
    keys: tuple[str, ...]
    shown: str
    description: str
    help: str
    group: str
    footer: str = ""
    reason: Reason | None = None


def _not_ready(now: Situation) -> str | None:
    if not now.loaded:
        return "the project is still being read"
    if not now.trusted:
        return f"this project is not trusted: it can be looked at only ({named('trust')} to trust it)"
    if now.unread:
        return f"mend the definitions first ({now.unread}): what is shown is what they said before"
    if now.elsewhere:
        return (
            f"another process runs this project: wait for its end, or {named('cancel_run')} cancels its run"
        )
    return None


def _to_run(now: Situation) -> str | None:
    if (why := _not_ready(now)) is not None:
        return why
    if now.row == "" and not now.marked:
        return "there is nothing under the cursor"
    if now.row == "source" and not now.marked:
        return "a source is given, not made: nothing here runs for it"
    if now.row == "ghost" and not now.marked:
        return "this step is not defined any more: it can be cancelled, not begun"
    return None


def _to_plan(now: Situation) -> str | None:
    if now.opens and now.place in ("history", "pane"):
        return None
    if now.place == "history":
        return "there is nothing here to open"
    if now.previewing:
        return _not_ready(now)
    return None if now.row in ("alias", "group") else _to_run(now)


def _to_run_all(now: Situation) -> str | None:
    if (why := _not_ready(now)) is not None or now.outdated:
        return why
    return "all that is stale is under way" if now.running else "everything is fresh: there is nothing to run"


def _to_retry(now: Situation) -> str | None:
    if (why := _not_ready(now)) is not None or now.failed or now.unfinished:
        return why
    return f"nothing failed or was cancelled ({named('all')} makes all that is out of date)"


def _to_cancel(now: Situation) -> str | None:
    if not now.running and not now.elsewhere:
        return "nothing is running"
    return None if now.step_running else f"this step is not under way ({named('cancel_run')} cancels the run)"


def _to_cancel_all(now: Situation) -> str | None:
    return None if now.running or now.elsewhere else "nothing is running"


def _to_resize(now: Situation) -> str | None:
    return None if now.running or now.replaying else "nothing of this screen is running"


def _to_isolate(now: Situation) -> str | None:
    return None if now.isolated else _to_mark(now)


def _to_divide(now: Situation) -> str | None:
    return None if now.divided else "this is not divided into partitions"


def _to_copy_command(now: Situation) -> str | None:
    return None if now.said else "no key has done anything yet that a command could do"


def _to_undo(now: Situation) -> str | None:
    if now.running or now.elsewhere:
        return f"a run holds the project: wait for its end, or {named('cancel_run')} cancels it"
    if now.row == "source":
        return "a source is given, not made: there is nothing to undo"
    return "this step is not defined any more" if now.row == "ghost" else _on_row(now)


def _to_accept_as_is(now: Situation) -> str | None:
    if now.running or now.elsewhere:
        return f"a run holds the project: wait for its end, or {named('cancel_run')} cancels it"
    if now.row in ("source", "ghost", "group", "") and not now.marked:
        return "only what a step has made can be accepted"
    return None


def _to_compare(now: Situation) -> str | None:
    return "a source is not kept, so it cannot be compared" if now.row == "source" else _on_row(now)


def _to_sort(now: Situation) -> str | None:
    return None if now.table else "only a table on the Value tab can be sorted"


def _to_accept(now: Situation) -> str | None:
    if now.place == "log" and now.sought:
        return f"in a log {named('previous_match')} goes to the hit before; {named('accept')} accepts, from the tree"
    if now.since:
        return f"new is what {now.since} has not: open without --since to accept"
    return None if now.new or now.changed else "there is nothing new to accept"


def _to_next_new(now: Situation) -> str | None:
    return None if now.new or now.changed else "nothing is new or changed"


def _to_next_match(now: Situation) -> str | None:
    if now.place == "log":
        return None if now.sought else f"nothing is sought in this log ({named('filter')} finds a text)"
    return None if now.filtered else f"there is no filter ({named('filter')} sets one)"


def _to_previous_match(now: Situation) -> str | None:
    return (
        _to_next_match(now)
        if now.place == "log"
        else f"only in a log, in which {named('filter')} finds a text"
    )


def _to_read_elsewhere(now: Situation) -> str | None:
    if now.running:
        return "not while something runs: the other program would take the terminal from it"
    return None if now.printed else "there is no log on the Log tab"


def _to_copy(now: Situation) -> str | None:
    if now.place == "log":
        return None if now.printed else "there is nothing to copy: the log is empty"
    return _on_row(now)


def _to_replay(now: Situation) -> str | None:
    if now.replaying:
        return None
    if now.running or now.elsewhere:
        return "not while a run goes on: a replay would hide it"
    return None if now.replayable else "there is no run here to replay: open History and go to one"


def _in_replay(now: Situation) -> str | None:
    return None if now.replaying else f"only in a replay ({named('replay')} in History)"


def _to_edit(now: Situation) -> str | None:
    if now.running:
        return "not while something runs: the editor would take the terminal from it"
    return None if now.defined_at else "there is no definition under the cursor"


def _to_stream(now: Situation) -> str | None:
    return None if now.running else "nothing is running: there is nothing to stream"


def _to_trust(now: Situation) -> str | None:
    return "this project is trusted already" if now.trusted else None


def _to_mark(now: Situation) -> str | None:
    return "this step is not defined any more" if now.row == "ghost" else _on_row(now)


def _on_row(now: Situation) -> str | None:
    return None if now.row else "there is nothing under the cursor"


KEYS: tuple[Key, ...] = (
    Key("help", ("question_mark", "f1"), "?", "Help", "what the keys do here", "Screen", "Help"),
    Key("plan", ("enter",), "Enter", "Plan", "preview the plan in the tree: run or reuse, why, how long; "
        "again: run it. On an alias: jump to its row. On a group: fold. "
        "On a run or a step in History: open it; on a thing beside the tree: go there", "Run", "Plan",
        reason=_to_plan),
    Key("materialize", ("m",), "m", "Materialize", "what is marked, else what is under the cursor, with whatever "
        "upstream is stale", "Run", "Make", reason=_to_run),
    Key("toggle_view", ("t",), "t", "Tasks ⇄ assets", "the same pipeline as tasks or as assets; the cursor stays "
        "on the same thing", "Look", "Tasks/assets"),
    Key("filter", ("slash",), "/", "Filter", "by part of a name (! turns it round) or the selection language; "
        "in a log: find a text in it", "Look", "Filter"),
    Key("cancel_step", ("x",), "x", "Cancel the step", "the step under the cursor", "Run", "Cancel",
        reason=_to_cancel),
    Key("quit", ("q", "ctrl+q"), "q", "Quit", "asks only while something runs", "Screen", "Quit"),
    Key("force", ("M",), "M", "Materialize by force", "even what is fresh; asks first", "Run", reason=_to_run),
    Key("downstream", ("d",), "d", "Materialize downstream", "this and everything made of it", "Run",
        reason=_to_run),
    Key("all", ("a",), "a", "Materialize all", "everything that is stale or was never made", "Run",
        reason=_to_run_all),
    Key("retry", ("r",), "r", "Retry", "what failed, was cancelled or interrupted, and what that blocked", "Run",
        reason=_to_retry),
    Key("cancel_run", ("X",), "X", "Cancel the run", "every step of it; asks first", "Run", reason=_to_cancel_all),
    Key("undo", ("u",), "u", "Undo", "the value before becomes current again; again: one further back; asks first",
        "Run", reason=_to_undo),
    Key("redo", ("U",), "U", "Redo", "what was undone; asks first", "Run", reason=_to_undo),
    Key("accept_as_is", ("A",), "A", "Accept as it is", "what was made counts as up to date, though something changed: "
        "for a change that makes no difference; asks first", "Run", reason=_to_accept_as_is),
    Key("trust", ("exclamation_mark",), "!", "Trust the project", "shows what would run, and asks", "Run",
        reason=_to_trust),
    Key("more_jobs", ("greater_than_sign",), ">", "More steps at once", "in the run under way, and the next",
        "Run", reason=_to_resize),
    Key("fewer_jobs", ("less_than_sign",), "<", "Fewer steps at once", "what runs is let end", "Run",
        reason=_to_resize),
    Key("mark", ("space",), "space", "Mark", "the thing under the cursor, and move down; in a plan: "
        "leave this step out, or take it in again", "Mark", reason=_to_mark),
    Key("mark_range", ("v",), "v", "Mark a range", "from here to where v is pressed again", "Mark", reason=_to_mark),
    Key("down", ("j", "down"), "j ↓", "Down", "one row down", "Move"),
    Key("up", ("k", "up"), "k ↑", "Up", "one row up", "Move"),
    Key("fold", ("h", "left"), "h ←", "Fold", "fold, or go to what it stands under", "Move"),
    Key("unfold", ("l", "right"), "l →", "Unfold", "unfold, or go to the first below", "Move"),
    Key("top", ("g", "home"), "g", "Top", "first row", "Move"),
    Key("bottom", ("G", "end"), "G", "Bottom", "last row; in a log: follow again", "Move"),
    Key("half_down", ("ctrl+d", "pagedown"), "ctrl+d", "Half a page down", "", "Move"),
    Key("half_up", ("ctrl+u", "pageup"), "ctrl+u", "Half a page up", "", "Move"),
    Key("fold_all", ("minus",), "-", "Fold all", "every row", "Move"),
    Key("unfold_all", ("equals_sign",), "=", "Unfold all", "every row", "Move"),
    Key("both", ("T",), "T", "Both views", "the other view beside the tree, moving with it; again: what was there",
        "Look"),
    Key("turn", ("o",), "o", "Turn the tree", "what it is made of below, or what follows from it", "Look"),
    Key("faults", ("f",), "f", "Faults only", "failed, stale, running and new rows; again: all", "Look"),
    Key("isolate", ("i",), "i", "Isolate", "only what this is made of and what is made of it; again: all", "Look",
        reason=_to_isolate),
    Key("partitions", ("V",), "V", "Partitions", "of what is divided: a row for each, to be marked, made and looked at "
        "as any other; again: one row", "Look", reason=_to_divide),
    Key("go_back", ("b", "backspace"), "b", "Go back", "to where the cursor jumped from", "Look"),
    Key("go_forward", ("B",), "B", "Go forward", "again", "Look"),
    Key("next_match", ("n",), "n", "Next match", "of the filter; in a log: of what is sought", "Look",
        reason=_to_next_match),
    Key("next_new", ("c",), "c", "Next new or changed", "since what was last accepted", "Look",
        reason=_to_next_new),
    Key("accept", ("N",), "N", "Accept new", "what is here now is no longer new", "Look", reason=_to_accept),
    Key("next_tab", ("right_square_bracket",), "]", "Next tab", "", "Panes"),
    Key("previous_tab", ("left_square_bracket",), "[", "Previous tab", "", "Panes"),
    Key("next_pane", ("tab",), "tab", "Next pane", "tree or details; where only one fits, the other takes its place",
        "Panes"),
    Key("previous_pane", ("shift+tab",), "shift+tab", "Previous pane", "", "Panes"),
    Key("zoom", ("z",), "z", "Zoom", "this pane over the whole screen, and back", "Panes"),
    Key("difference", ("D",), "D", "Difference", "what set the value apart from the one before; again: the value",
        "Panes", reason=_to_compare),
    Key("sort_rows", ("S",), "S", "Sort", "the table by the picked column "
        f"({named('fold')} {named('unfold')} pick): up, down, not", "Panes",
        reason=_to_sort),
    Key("follow", ("F",), "F", "Follow the log", "stay at its end; scrolling up stops it", "Panes"),
    Key("wrap", ("w",), "w", "Wrap", "long lines of the log", "Panes"),
    Key("previous_match", ("P",), "P", "Previous match", "in a log: of what is sought", "Panes",
        reason=_to_previous_match),
    Key("times", ("C",), "C", "Clock", "the time beside each line of the log, or not", "Panes"),
    Key("whole_run", ("W",), "W", "Log of the whole run", "the lines of all steps as they came; again: of one step",
        "Panes"),
    Key("pager", ("vertical_line",), "|", "Log in the pager", "the log without its escape sequences, in $PAGER",
        "Panes", reason=_to_read_elsewhere),
    Key("edit_log", ("E",), "E", "Log in the editor", "the same in $VISUAL or $EDITOR, at the line in view", "Panes",
        reason=_to_read_elsewhere),
    Key("replay", ("p",), "p", "Replay", "on a run in History: its events on the tree, as they came; again: pause, "
        f"or go on. {named('more_jobs')} and {named('fewer_jobs')} change the speed, {named('back')} ends it",
        "Replay", reason=_to_replay),
    Key("event_after", ("full_stop",), ".", "Next event", "of the replay", "Replay", reason=_in_replay),
    Key("event_before", ("comma",), ",", "Event before", "of the replay", "Replay", reason=_in_replay),
    Key("copy", ("y",), "y", "Copy the key", "to the clipboard (OSC 52); in a log: the lines that v marked, or those "
        "in view", "Screen", reason=_to_copy),
    Key("copy_command", ("Y",), "Y", "Copy the command", "that does what the last key did", "Screen",
        reason=_to_copy_command),
    Key("commands", ("at",), "@", "Command log", "what the keys did, as commands", "Screen",
        reason=_to_copy_command),
    Key("edit", ("e",), "e", "Edit the definition", "at its line, in $VISUAL or $EDITOR", "Screen", reason=_to_edit),
    Key("reload", ("R",), "R", "Reload", "read the definitions again", "Screen"),
    Key("stream", ("s",), "s", "Stream", "leave the screen for plain lines, and come back", "Screen",
        reason=_to_stream),
    Key("theme", ("L",), "L", "Next theme", "dark, light, high contrast, the terminal's own colours; it is remembered",
        "Screen"),
    Key("schedules", ("H",), "H", "Schedules", "what runs by itself: next and last runs, missed slots; there p pauses "
        "one or lets it go on, m runs it now", "Screen"),
    Key("settings", ("O",), "O", "Settings", "what is set, where, and what is mistaken there", "Screen"),
    Key("palette", ("colon", "ctrl+p"), ":", "Palette", "every command by name", "Screen"),
    Key("back", ("escape",), "Esc", "Back", "one step: open run, preview, filter, marks, zoom; never quits", "Screen"),
    Key("suspend", ("ctrl+z",), "ctrl+z", "Suspend", "back to the shell (fg returns)", "Screen"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Here:
    """The keys that matter most in a place, and what the place is called."""

    title: str
    ids: tuple[str, ...]


_PAGE = ("down", "up", "half_down", "half_up", "top", "bottom")
_AROUND = ("next_tab", "previous_tab", "zoom", "next_pane")
HERE: Mapping[Place, Here] = {
    "tree": Here("the tree", ("plan", "materialize", "downstream", "mark", "fold", "unfold", "toggle_view", "filter",
        "faults", "next_pane")),
    "log": Here("the log", ("filter", "next_match", "previous_match", "follow", "wrap", "times", "whole_run", "copy",
        "pager", "edit_log", *_PAGE, *_AROUND)),
    "history": Here("the history", ("plan", "back", "replay", "event_after", "event_before", *_PAGE, *_AROUND)),
    "pane": Here("the details", (*_PAGE, "fold", "unfold", "difference", "sort_rows", *_AROUND)),
}  # fmt: skip
"""What help tells first."""

BY_ID: Mapping[str, Key] = {key.id: key for key in KEYS}
GROUPS = tuple(dict.fromkeys(key.group for key in KEYS))


_LIVE = frozenset({"accept", "edit", "reload", "stream", "mark"})
_STILL = frozenset({"more_jobs", "fewer_jobs"})


def is_live(key: Key, now: Situation) -> bool:
    """Whether `key` would run, write or read anew something of the project as it is: a replay has none of these."""
    if key.id == "plan":
        goes_there = now.place == "history" or (now.place == "pane" and now.opens)
        return not goes_there and now.row not in ("alias", "group")
    if key.id == "mark_range":
        return now.place != "log"
    return key.id in _LIVE or (key.group == "Run" and key.id not in _STILL)


def reason(key: Key, now: Situation) -> str | None:
    """Why `key` does nothing in this situation, or None."""
    if now.replaying and is_live(key, now):
        return f"this is a replay of run {now.replaying}, not live ({named('back')} leaves it)"
    return None if key.reason is None else key.reason(now)
