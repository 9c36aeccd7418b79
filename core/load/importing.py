"""The project of another tool as definitions, by an importer that a plugin brings."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory

from ..plugins import plugins
from ..problems import DefinitionError, ProblemError
from .definitions import load_definitions
from .discovery import ROOT_FILE, Project
from .names import did_you_mean, shown


def imported(name: str, source: Path) -> str:
    """What a `bakehouse.yaml` has to say for the project at `source`.

    Raises ProblemError where there is no such importer, where it fails, and where it makes what cannot be read.
    """
    found = plugins()
    if name not in found.importers:
        known = ", ".join(sorted(found.importers)) or "none is installed"
        hint = did_you_mean(name, found.importers) or f"importers: {known}"
        broken = f" ({found.told()})" if found.broken else ""
        raise ProblemError(f"no plugin brings the importer {name!r}{broken}", hint)
    plugin, function = found.importers[name]
    try:
        made = json.loads(json.dumps(dict(function(source)), allow_nan=False))
    except Exception as error:
        told = f"{type(error).__name__}: {error}".split("\n", 1)[0][:500]
        raise ProblemError(f"the plugin {plugin} cannot import {source}: {told}") from error
    text = _written(name, source, made)
    try:
        _read(text)
    except ProblemError as error:
        told = str(error) if isinstance(error, DefinitionError) else error.message
        raise ProblemError(f"what the plugin {plugin} made of {source} cannot be read:\n{told}") from error
    return text


def _written(name: str, source: Path, made: object) -> str:
    import yaml

    body = yaml.safe_dump(made, sort_keys=False, allow_unicode=True, width=100)
    return f"# imported from {shown(source.name)} by {shown(name)}\n{body}"


def _read(text: str) -> None:
    with TemporaryDirectory(prefix="bakehouse-import-") as folder:
        (Path(folder) / ROOT_FILE).write_text(text, encoding="utf-8")
        load_definitions(Project(Path(folder), None, Path(folder).name), trusted=False)
