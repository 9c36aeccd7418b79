"""Shell steps: what a command is given (by environment variables only, never pasted) and what it left."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..engine.executor import Given, Made, Order
from ..model import Json, ShellAction
from . import plain
from .codecs import CannotStore, ValueDamaged, checked_bytes, nothing, take_file
from .sink import create

SHELL = "/bin/sh"
LONGEST = 100
SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,8}\Z")


@dataclass(frozen=True, slots=True)
class Prepared:
    """How to start a command. `places` is where each output asset is expected."""

    argv: tuple[str, ...]
    cwd: str
    env: Mapping[str, str]
    scratch: Path | None
    places: Mapping[str, Path]


def prepare(order: Order, root: Path, store: Path) -> Prepared:
    """Lay out what the command reads. Raises CannotStore, ValueDamaged, OSError."""
    assert isinstance(order.action, ShellAction)
    scratch = store / "tmp" / order.attempt
    env = dict(order.env)
    for given in order.inputs:
        if not given.input.part:
            env[given.input.identifier] = place_of(given, scratch)
    if order.partition is not None or order.gathers:
        env.update(_of_partitions(order, scratch))
    for name, value in order.params.items():
        env[variable(name)] = param_text(value)
    places = output_places(order, scratch / "out")
    if places:
        scratch.mkdir(mode=0o700, parents=True, exist_ok=True)
        (scratch / "out").mkdir(mode=0o700)
    for output in order.outputs:
        env[f"OUTPUT_{output.identifier}"] = os.fspath(places[output.asset])
    if len(places) == 1:
        env["OUTPUT"] = os.fspath(places[order.outputs[0].asset])
    for name, text in env.items():
        if "\0" in text:
            raise CannotStore(f"the value of {name} has a NUL character, which no environment can hold")
    cwd = os.fspath(root / order.action.folder)
    return Prepared((SHELL, "-c", order.action.command), cwd, env, scratch if places else None, places)


def _of_partitions(order: Order, scratch: Path) -> dict[str, str]:
    from .partitions import gathered, lay_out, variables

    env = variables(order)
    found = gathered(order.inputs)
    for name in order.gathers:
        places = {g.input.part: place_of(g, scratch / str(n)) for n, g in enumerate(found.get(name, ()))}
        env[name] = lay_out(scratch / "parts" / name[:LONGEST], places)
    return env


def variable(name: str) -> str:
    """A param's name as a variable of the shell."""
    text = re.sub(r"[^A-Za-z0-9_]", "_", name)
    return f"_{text}" if text[:1].isdigit() else text


def param_text(value: Json) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def place_of(given: Given, scratch: Path) -> str:
    """The path of an input: of the stored value, of a small one laid out here, or of the source."""
    value = given.value
    if value is None:
        return given.file or ""
    if value.codec == "none":
        return ""
    if given.path is not None and value.inline is None:
        if not os.path.lexists(given.path):
            raise ValueDamaged(given.input.asset, "it is gone")
        return given.path
    data = checked_bytes(value, None, given.input.asset)
    name = Path(value.type).name if value.codec == "file" and value.type else f"value.{value.codec}"
    if value.codec == "json":
        data = readable(data)
    path = scratch / "in" / given.input.identifier[:LONGEST] / name
    with create(path) as file:
        file.write(data)
    return os.fspath(path)


def readable(data: bytes) -> bytes:
    """Plain JSON for a command: exactly what was stored, unless it has tags that only we know."""
    if b'{"$' not in data:
        return data
    return json.dumps(plain.loads(data), default=_simple, skipkeys=True, ensure_ascii=False).encode(
        "utf-8", "surrogatepass"
    )


def _simple(value: object) -> Json:
    if isinstance(value, set | frozenset):
        return sorted(value, key=repr)
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def output_places(order: Order, folder: Path) -> dict[str, Path]:
    places = {}
    for number, output in enumerate(order.outputs):
        suffix = SUFFIX.search(output.asset)
        name = output.identifier[:LONGEST] + (suffix.group() if suffix else "")
        places[output.asset] = folder / (f"{number}_{name}" if len(order.outputs) > 1 else name)
    return places


def take(order: Order, prepared: Prepared) -> tuple[Made, ...]:
    """What a command that ended well has left. Raises CannotStore where it left nothing but should have."""
    assert isinstance(order.action, ShellAction) and prepared.scratch is not None
    made = []
    for number, (asset, place) in enumerate(prepared.places.items()):
        if os.path.lexists(place):
            encoded = take_file(place, prepared.scratch / f"{number}.value", keep=False)
        elif "OUTPUT" in order.action.command:
            variable = (
                "$OUTPUT" if len(prepared.places) == 1 else f"$OUTPUT_{order.outputs[number].identifier}"
            )
            raise CannotStore(f"exit 0, but nothing at {variable} for {asset}")
        else:
            encoded = nothing()
        made.append(Made(asset, encoded.stored, encoded.path, encoded.metadata))
    return tuple(made)
