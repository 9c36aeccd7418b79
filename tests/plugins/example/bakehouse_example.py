"""A plugin: steps that are written as `copy: NAME` or `shout: TEXT`, and a notifier that appends to a file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def _copy(name: str) -> dict[str, Any]:
    return {"deps": {name: "source"}, "shell": 'cat "$source" > "$OUTPUT"', "verb": "copy"}


def _shout(text: Any) -> dict[str, Any]:
    return {"params": {"said": text.upper()}, "shell": 'printf "%s" "$said" > "$OUTPUT"'}


def _append(told: Mapping[str, Any]) -> None:
    with Path(os.environ["EXAMPLE_FILE"]).open("a") as file:
        print(told["task"] or "run", told["status"], file=file)


step_kinds = {"copy": _copy, "shout": _shout}
notifiers = {"append": _append}
