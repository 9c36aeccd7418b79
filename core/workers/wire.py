"""Orders and outcomes as frames between the app and a worker: four bytes of length, then JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ..encoding import json_encoder
from ..engine.executor import Given, Made, Order, Outcome
from ..model import Action, Input, Json, PythonAction, ShellAction, SqlAction, Stored

if TYPE_CHECKING:
    from ..checks.definition import Check, Checked

_encode = json_encoder()


def frame(message: Json) -> bytes:
    body = _encode(message).encode("ascii")
    return len(body).to_bytes(4, "big") + body


class Frames:
    """Cuts a stream of bytes into messages."""

    def __init__(self) -> None:
        self._data = bytearray()

    def feed(self, chunk: bytes) -> Iterator[Any]:
        self._data += chunk
        while len(self._data) >= 4:
            end = 4 + int.from_bytes(self._data[:4], "big")
            if len(self._data) < end:
                return
            body = self._data[4:end]
            del self._data[:end]
            yield json.loads(body)


# ---- stored values: bytes travel as latin-1 text ---------------------------------------------


def stored_to(stored: Stored) -> list[Json]:
    inline = None if stored.inline is None else stored.inline.decode("latin-1")
    return [stored.codec, stored.digest, stored.size, stored.version, inline, stored.type]


def stored_from(fields: list[Any]) -> Stored:
    codec, digest, size, version, inline, kind = fields
    return Stored(codec, digest, size, version, None if inline is None else inline.encode("latin-1"), kind)


# ---- orders ----------------------------------------------------------------------------------


def order_to(order: Order) -> dict[str, Json]:
    action = order.action
    what = [action.module, action.function] if isinstance(action, PythonAction) else [text_of(action)]
    message: dict[str, Json] = {
        "attempt": order.attempt,
        "task": order.task,
        "action": [action.kind, action.folder, *what],
        "inputs": [_given_to(given) for given in order.inputs],
        "outputs": [[output.asset, output.identifier] for output in order.outputs],
    }
    if order.number != 1:
        message["number"] = order.number
    if order.params:
        message["params"] = dict(order.params)
    if order.env:
        message["env"] = dict(order.env)
    if order.checks:
        message["checks"], message["now"] = [check.as_json() for check in order.checks], order.now
    if order.partition is not None:
        message["partition"] = dict(order.partition)
    if order.gathers:
        message["gathers"] = order.gathers
    return message


def order_from(message: Mapping[str, Any]) -> Order:
    return Order(
        message["attempt"],
        message["task"],
        _action_from(*message["action"]),
        tuple(map(_given_from, message["inputs"])),
        tuple(Input(*output) for output in message["outputs"]),
        message.get("params", {}),
        message.get("env", {}),
        number=message.get("number", 1),
        checks=_checks_from(message["checks"]) if "checks" in message else (),
        now=message.get("now", 0.0),
        partition=message.get("partition"),
        gathers=tuple(message.get("gathers", ())),
    )


def _checks_from(checks: list[Any]) -> tuple[Check, ...]:
    from ..checks.definition import Check

    return tuple(map(Check.from_json, checks))


def text_of(action: ShellAction | SqlAction) -> str:
    return action.command if isinstance(action, ShellAction) else action.query


def _action_from(kind: str, folder: str, first: str, second: str = "") -> Action:
    if kind == "python":
        return PythonAction(first, second, folder)
    return SqlAction(first, folder) if kind == "sql" else ShellAction(first, folder)


def _given_to(given: Given) -> list[Json]:
    value = None if given.value is None else stored_to(given.value)
    part = (given.input.part,) if given.input.part else ()
    return [given.input.asset, given.input.identifier, value, given.path, given.file, *part]


def _given_from(fields: list[Any]) -> Given:
    asset, identifier, value, path, file, *part = fields
    return Given(
        Input(asset, identifier, "", *part), None if value is None else stored_from(value), path, file
    )


# ---- outcomes --------------------------------------------------------------------------------


def outcome_to(outcome: Outcome) -> dict[str, Json]:
    message: dict[str, Json] = {"ok": outcome.ok, "seconds": outcome.seconds}
    if outcome.made:
        message["made"] = [[m.asset, stored_to(m.value), m.path, dict(m.metadata)] for m in outcome.made]
    if outcome.metadata:
        message["metadata"] = dict(outcome.metadata)
    if outcome.error:
        message["error"], message["traceback"] = outcome.error, outcome.traceback
    if outcome.checks:
        message["checks"] = [checked.as_json() for checked in outcome.checks]
    return message


def outcome_from(message: Mapping[str, Any], attempt: str) -> Outcome:
    return Outcome(
        attempt,
        bool(message["ok"]),
        tuple(Made(asset, stored_from(s), path, data) for asset, s, path, data in message.get("made", ())),
        message.get("metadata", {}),
        message.get("error", ""),
        message.get("traceback", ""),
        False,
        float(message["seconds"]),
        _checked_from(message["checks"]) if "checks" in message else (),
    )


def _checked_from(checks: list[Any]) -> tuple[Checked, ...]:
    from ..checks.definition import Checked

    return tuple(map(Checked.from_json, checks))
