"""Keys of a step that a plugin brings, replaced by those that they stand for."""

from __future__ import annotations

import json
from collections.abc import Container, Mapping

from ..model import Json
from ..plugins import plugins
from ..problems import Problem
from .drafts import Origin
from .names import shown


def with_step_kinds(
    data: Mapping[str, Json], known: Container[str], origin: Origin, label: str, problems: list[Problem]
) -> Mapping[str, Json]:
    """`data` with what the plugins make of the keys that are not `known`. What a step says itself comes first."""
    found = plugins()
    out = dict(data)
    for key in [key for key in data if key not in known]:
        if key not in found.step_kinds:
            if found.broken:
                problems.append(origin.problem(f"{label}{found.told()}", key, key=True))
            continue
        plugin, expand = found.step_kinds[key]
        value = out.pop(key)
        try:
            made = json.loads(json.dumps(dict(expand(value))))
        except Exception as error:
            told = f"{type(error).__name__}: {error}".split("\n", 1)[0][:500]
            problems.append(
                origin.problem(f"{label}the plugin {plugin} cannot read {shown(key)}: {told}", key)
            )
            made = {"shell": "false"}
        out = {**made, **out}
    return out
