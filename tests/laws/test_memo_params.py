"""The params of a step in its key: equal keys exactly for what the step cannot tell apart, in every process."""

from __future__ import annotations

import json
import math
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bakehouse.core.engine.executor import Order
from bakehouse.core.model import ShellAction, Task
from bakehouse.core.plan.keys import static_key, step_key
from bakehouse.core.workers import wire

POOL: list[Any] = [
    *(0, 0.0, -0.0, 1, 1.0, True, False, None, 2**80, float(2**80), -1, 0.1, 1e300, math.inf, -math.inf),
    *("", "0", "1", "true", "null", "nan", "caf\u00e9", "cafe\u0301", "\ud800", "\x00", "[]", "x" * 300),
]
"""Few values that are nearly the same, so that random structures of them often are, or nearly are."""


def random_value(dice: random.Random, depth: int = 0) -> Any:
    kind = dice.randrange(6) if depth < 3 else 0
    if kind <= 2:
        return dice.choice(POOL)
    if kind == 3:
        return [random_value(dice, depth + 1) for _ in range(dice.randrange(3))]
    names = dice.sample(["a", "b", "1", "caf\u00e9", "cafe\u0301", ""], dice.randrange(4))
    return {name: random_value(dice, depth + 1) for name in names}


def neighbour(value: Any) -> Any:
    """Much the same, but for order and kind."""
    match value:
        case dict():
            return {name: neighbour(value[name]) for name in reversed(value)}
        case bool():
            return int(value)
        case int() if abs(value) < 2**53:
            return float(value)
        case list():
            return [neighbour(item) for item in value]
        case _:
            return value


def key_of(value: Any) -> str:
    task = Task("t", ShellAction("true"), params={"p": value})
    return step_key(static_key(task, {}, "3.11"), {}).digest


def told_apart(value: Any) -> Any:
    """An independent notion of sameness: by kind, sign, order and all."""
    match value:
        case float():
            return ("float", value.hex())
        case list():
            return ("list", tuple(map(told_apart, value)))
        case dict():
            return ("dict", tuple((name, told_apart(item)) for name, item in value.items()))
        case _:
            return (type(value).__name__, value)


def given(value: Any) -> Any:
    """The param as it arrives in a worker."""
    order = Order("attempt", "t", ShellAction("true"), (), (), params={"p": value})
    (message,) = wire.Frames().feed(wire.frame(wire.order_to(order)))
    return wire.order_from(message).params["p"]


def check(count: int) -> str:
    """Raises AssertionError; returns all keys as text."""
    dice, by_key, by_sameness = random.Random(count), dict[str, Any](), dict[Any, str]()
    values = [random_value(dice) for _ in range(count)]
    for value in [*values, *map(neighbour, values)]:
        key, same = key_of(value), told_apart(value)
        assert by_key.setdefault(key, same) == same, f"one key for {value!r} and {by_key[key]!r}"
        assert by_sameness.setdefault(same, key) == key, f"two keys for {value!r}"
        assert told_apart(given(value)) == same, f"{value!r} arrives as {given(value)!r}"
    return json.dumps([*by_key])


@pytest.mark.case("M8")
@pytest.mark.parametrize("count", [300, pytest.param(10_000, marks=pytest.mark.full)])
def test_keys_are_equal_exactly_if_the_params_are_in_five_processes(count: int) -> None:
    command = [sys.executable, str(Path(__file__)), str(count)]
    found = {
        subprocess.run(
            command,
            env={**os.environ, "PYTHONHASHSEED": str(seed)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in range(5)
    }
    assert found == {check(count)}


if __name__ == "__main__":
    sys.stdout.write(check(int(sys.argv[1])))
