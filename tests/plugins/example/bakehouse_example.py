"""A plugin: steps that are written as `copy: NAME` or `shout: TEXT`, a notifier that appends to a file, an encoding of
fractions, and an importer of files that have lines like `made: from this and that`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any


def _copy(name: str) -> dict[str, Any]:
    return {"deps": {name: "source"}, "shell": 'cat "$source" > "$OUTPUT"', "verb": "copy"}


def _shout(text: Any) -> dict[str, Any]:
    return {"params": {"said": text.upper()}, "shell": 'printf "%s" "$said" > "$OUTPUT"'}


def _append(told: Mapping[str, Any]) -> None:
    with Path(os.environ["EXAMPLE_FILE"]).open("a") as file:
        print(told["task"] or "run", told["status"], file=file)


class FractionText:
    """Fractions as text, `1/3`."""

    @staticmethod
    def handles(value: object) -> bool:
        return isinstance(value, Fraction)

    @staticmethod
    def write(value: Fraction, path: Path) -> None:
        path.write_text(str(value))

    @staticmethod
    def read(path: Path) -> Fraction:
        return Fraction(path.read_text())


def _read_lines(path: Path) -> dict[str, Any]:
    assets = {}
    for line in path.read_text().splitlines():
        name, _, others = line.partition(":")
        deps = [other for other in others.split() if other not in ("from", "and")]
        assets[name] = {"deps": deps, "shell": f'echo {name} > "$OUTPUT"'}
    return {"assets": assets}


step_kinds = {"copy": _copy, "shout": _shout}
notifiers = {"append": _append}
codecs = {"fraction": FractionText}
importers = {"lines": _read_lines}
