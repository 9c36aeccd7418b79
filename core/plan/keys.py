"""The key of a step: what it would run, with what, on what. Equal keys may share a value."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..encoding import json_encoder
from ..model import PythonAction, ShellAction, SqlAction, StepKey, Task

if TYPE_CHECKING:
    from ..checks.definition import Check

AFTER = "after:"
"""Prefix of the input that stands for a task which only comes before."""
CHECKS = "checks."
"""Prefix of the parts of `config` that say what must hold of the values."""
_LONGEST_PARAM = 4096
"""Params up to this length are recorded as they are, so that a change of one can be shown."""


_canonical = json_encoder(sort_keys=True)
_listed = json_encoder(separators=(", ", ": "))


@dataclass(frozen=True, slots=True)
class StaticKey:
    """The part of a step's key that its definition alone decides; `code` is None where it is not known.

    `text` is its canonical encoding: what is the same in the digests of all its keys.
    """

    code: Mapping[str, str] | None
    config: Mapping[str, str]
    env: Mapping[str, str]
    text: str

    @classmethod
    def of(
        cls, code: Mapping[str, str] | None, config: Mapping[str, str], env: Mapping[str, str]
    ) -> StaticKey:
        return cls(code, config, env, ",".join(_canonical(part) for part in (code or {}, config, env)))


def _action_config(task: Task) -> dict[str, str]:
    match task.action:
        case PythonAction(module=module, function=function):
            return {"kind": "python", "call": f"{module}:{function}"}
        case ShellAction(command=command):
            return {"kind": "shell", "command": command}
        case SqlAction(query=query):
            return {"kind": "sql", "query": query}


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _config(task: Task, checks: Iterable[Check]) -> dict[str, str]:
    config = _action_config(task)
    if task.action.folder:
        config["folder"] = task.action.folder
    config["outputs"] = _listed(task.outputs)
    for name, value in task.params.items():
        text = json.dumps(value, default=str)  # the step sees the order inside of a mapping
        config[f"params.{name}"] = text if len(text) <= _LONGEST_PARAM else _digest(text)
    if len(task.rest) > 1:
        config["order of inputs"] = json.dumps(task.rest)
    if task.partition is not None:
        config["partition"] = _listed(task.partition)
    if task.gathers:
        config["several partitions"] = _listed(task.gathers)
    for given in task.inputs:
        if not given.part and given.identifier != given.asset:
            config[f"as.{given.asset}"] = given.identifier
    for check in checks:
        place = "checks" if len(task.outputs) == 1 else f"checks.{check.asset}"
        text = check.text
        config[f"{place}.{check.name}"] = text if len(text) <= _LONGEST_PARAM else _digest(text)
    return config


def _code(task: Task) -> Mapping[str, str] | None:
    if task.code_version is not None:
        return {"code_version": task.code_version}
    if not isinstance(task.action, PythonAction):
        return {}
    return None if task.code is None else task.code.parts


def _env(task: Task, environ: Mapping[str, str], python: str) -> dict[str, str]:
    env = {}
    for name, declared in task.env.items():
        value = environ.get(name) if declared is None else declared
        env[name] = "unset" if value is None else "sha256:" + _digest(value)[:16]
    if isinstance(task.action, PythonAction) and task.code_version is None and task.code is not None:
        used = {"python": ".".join(python.split(".")[:2]), **task.code.libraries}
        env.update({f"{name} (library)" if name in env else name: found for name, found in used.items()})
    return env


def static_key(
    task: Task, environ: Mapping[str, str], python: str, checks: Iterable[Check] = ()
) -> StaticKey:
    """The static part for `task`; `environ` gives the variables it inherits, `python` is "3.11" or longer; `checks`
    are those of what it makes.

    Values of declared variables enter as digests, so that a secret is not written to the ledger.
    """
    return StaticKey.of(_code(task), _config(task, checks), _env(task, environ, python))


def key_digest(static: StaticKey, inputs: Mapping[str, str | None]) -> str:
    """The digest of the whole key: `static` with the data version of each input."""
    return _digest(f"[{static.text},{_canonical(inputs)}]")


def step_key(static: StaticKey, inputs: Mapping[str, str]) -> StepKey:
    """The whole key: `static` with the data version of each input."""
    return StepKey(key_digest(static, inputs), static.code or {}, static.config, static.env, inputs)


def split_config(config: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """What decides the value, and the checks of it by name."""
    own = {name: text for name, text in config.items() if not name.startswith(CHECKS)}
    checks = {name: text for name, text in config.items() if name.startswith(CHECKS)}
    return own, checks


def differs_in_checks_alone(recorded: StepKey, now: StepKey) -> bool:
    """Whether the value recorded is the one that would be made now, while other things must hold of it."""
    if recorded.digest == now.digest or recorded.code != now.code or recorded.env != now.env:
        return False
    return recorded.inputs == now.inputs and split_config(recorded.config)[0] == split_config(now.config)[0]


def with_checks_of(static: StaticKey, config: Mapping[str, str]) -> StaticKey:
    """`static` with the checks that a recorded `config` has in place of its own."""
    known = {**split_config(static.config)[0], **split_config(config)[1]}
    return StaticKey.of(static.code, known, static.env)
