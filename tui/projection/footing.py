"""Which keys the footer shows, in which order, and what it calls them where one is."""

from __future__ import annotations

from collections.abc import Iterable

from .keys import KEYS, Key, Situation, reason

_IN_LOG = {"filter": "Find", "next_match": "Next", "previous_match": "Before", "follow": "Follow", "wrap": "Wrap",
           "times": "Clock", "whole_run": "Whole run", "pager": "Pager", "copy": "Copy"}  # fmt: skip
_IN_REPLAY = {"back": "Leave", "replay": "Play/pause", "event_after": "Next event", "event_before": "Before",
              "more_jobs": "Faster", "fewer_jobs": "Slower"}  # fmt: skip


def footer(now: Situation, keys: Iterable[Key] = KEYS) -> list[tuple[Key, str, bool]]:
    """What the footer shows, first the most important, last `Quit`: key, its short name here, whether it works."""
    out = []
    for key in keys:
        name = key.footer
        if key.id == "plan":
            name = {"alias": "Jump", "group": "Fold"}.get(now.row, name)
            name = "Run it" if now.previewing else name
            if now.opens and now.place in ("history", "pane"):
                name = "Open" if now.place == "history" else "Go there"
        elif key.id == "cancel_step" and not now.step_running and (now.elsewhere or not now.running):
            name = ""
        elif key.id == "accept" and (now.new or now.changed) and not now.since:
            name = "Accept new"
        elif key.id == "trust" and not now.trusted:
            name = "Trust"
        elif key.id == "retry" and (now.failed or now.unfinished) and not now.running:
            name = "Retry"
        elif key.id == "sort_rows" and now.table and now.place == "pane":
            name = "Sort"
        elif key.id == "difference" and now.value and now.row != "source":
            name = "Difference"
        elif now.place == "log" and key.id in _IN_LOG:
            name = _IN_LOG[key.id] if reason(key, now) is None else ""
        elif now.replaying and key.id in _IN_REPLAY:
            name = _IN_REPLAY[key.id]
        elif key.id == "replay" and now.replayable and now.place == "history":
            name = "Replay"
        elif key.id == "back" and (
            now.previewing
            or now.filtered
            or now.isolated
            or now.marked
            or (now.opened and now.place == "history")
            or (now.sought and now.place == "log")
        ):
            name = "Back"
        elif key.id == "next_pane" and now.alone:
            name = "Details" if now.place == "tree" else "Tree"
        if name and key.keys:
            out.append((key, name, reason(key, now) is None))
    first: tuple[str, ...] = ("help", "next_pane")
    if now.previewing or (now.opened and now.place == "history"):
        first = ("help", "plan", "back")
    if now.replaying:
        out = sorted(
            (told for told in out if told[2]), key=lambda told: [*_IN_REPLAY, told[0].id].index(told[0].id)
        )
        first = ("help", *_IN_REPLAY)
    elif now.place == "log":
        first = ("help", *_IN_LOG)
    return sorted(out, key=lambda told: (told[0].id == "quit", told[0].id != "help", told[0].id not in first))
