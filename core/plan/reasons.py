"""The difference between the key that was recorded and the one that would run, told as reasons."""

from __future__ import annotations

from collections.abc import Mapping

from ..model import Reason, ReasonKind, StepKey
from ..problems import number_of
from .keys import AFTER, CHECKS, StaticKey, split_config

_MOST_NAMED = 6
PYTHON = "python "
"""How the recorded text of a check in Python begins."""


def _changes(old: Mapping[str, str], new: Mapping[str, str]) -> list[tuple[str, str | None, str | None]]:
    if old == new:
        return []
    names = dict.fromkeys([*new, *old])
    return [(n, old.get(n), new.get(n)) for n in names if old.get(n) != new.get(n)]


def _told(name: str, old: str | None, new: str | None) -> str:
    if name.startswith(CHECKS):
        name = f"check {name.removeprefix(CHECKS)}"
    if old is None:
        return f"{name} is new"
    if new is None:
        return f"{name} is gone"
    return f"{name} changed"


def _component(kind: ReasonKind, old: Mapping[str, str], new: Mapping[str, str], what: str) -> list[Reason]:
    changes = _changes(old, new)
    reasons = [
        Reason(kind, _told(name, before, after), None, before, after)
        for name, before, after in changes[:_MOST_NAMED]
    ]
    if len(changes) > _MOST_NAMED:
        reasons.append(
            Reason(kind, f"and {number_of(len(changes) - _MOST_NAMED, 'more part')} of the {what}")
        )
    return reasons


def _inputs(old: Mapping[str, str], new: Mapping[str, str | None]) -> list[Reason]:
    reasons = []
    for name in dict.fromkeys([*new, *old]):
        before, after = old.get(name), new.get(name)
        if before == after or (after is None and name in new):
            continue
        key = name.removeprefix(AFTER)
        told = (
            f"{key} was made again"
            if before and after and name.startswith(AFTER)
            else _told(key, before, after)
        )
        reasons.append(Reason(ReasonKind.INPUT_CHANGED, told, key, before, after))
    return reasons


def key_changes(
    recorded: StepKey, static: StaticKey, inputs: Mapping[str, str | None], *, withheld: bool = False
) -> list[Reason]:
    """What differs between `recorded` and what would run now.

    An input whose version is None is not made yet; that is told by another reason. With another Python the
    code's digests differ as a matter of course, so only the Python is named. Where the code is not known
    (the project is not trusted), neither it nor what it would run on is compared; `withheld` is that checks in
    Python were not read either.
    """
    before, now = recorded.env.get("python"), static.env.get("python")
    same_python = before == now or before is None or now is None
    reasons = []
    if static.code is not None and same_python:
        reasons += _component(ReasonKind.CODE_CHANGED, recorded.code, static.code, "code")
    known = recorded.env if static.code is not None else {n: recorded.env.get(n, "") for n in static.env}
    (own, checks), (new, new_checks) = split_config(recorded.config), split_config(static.config)
    if withheld:
        checks = {n: text for n, text in checks.items() if n in new_checks or not text.startswith(PYTHON)}
    reasons += _component(ReasonKind.CONFIG_CHANGED, own, new, "config")
    reasons += _component(ReasonKind.CHECK_CHANGED, checks, new_checks, "checks")
    reasons += _component(ReasonKind.ENV_CHANGED, known, static.env, "environment")
    return reasons + _inputs(recorded.inputs, inputs)
