"""What the user last accepted: everything else in a pipeline is shown as new or changed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..problems import StoreError
from .crash import crash_point
from .disk import private_folder, write_whole
from .logs import safe_name

_SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Baseline:
    """The names of assets and tasks, each with the digest of its definition. `taken` is Unix time."""

    assets: Mapping[str, str] = field(default_factory=dict)
    tasks: Mapping[str, str] = field(default_factory=dict)
    taken: float = 0.0


def _path(folder: Path, selection: str) -> Path:
    return folder / "baselines" / f"{safe_name(selection)}.json"


def baseline_stamp(folder: Path, selection: str = "") -> tuple[int, int, int] | None:
    """Another value whenever anyone accepted something; None where nothing was."""
    try:
        status = _path(folder, selection).stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size


def load_baseline(folder: Path, selection: str = "") -> Baseline | None:
    """The baseline of one choice of definition files; None if there is none that can be read."""
    try:
        raw = json.loads(_path(folder, selection).read_bytes())
        if raw["schema"] != _SCHEMA or raw["selection"] != selection:
            return None
        return Baseline(dict(raw["assets"]), dict(raw["tasks"]), float(raw["taken"]))
    except (OSError, ValueError, TypeError, KeyError):
        return None


def save_baseline(folder: Path, baseline: Baseline, selection: str = "") -> None:
    """Keeps `baseline` in place of the one before, durably. Raises StoreError where that cannot be."""
    path = _path(folder, selection)
    body = {
        "schema": _SCHEMA,
        "selection": selection,
        "taken": baseline.taken,
        "assets": dict(baseline.assets),
        "tasks": dict(baseline.tasks),
    }
    try:
        private_folder(path.parent)
        crash_point("baseline.written")
        write_whole(path, json.dumps(body, indent=1).encode(), path.parent)
        crash_point("baseline.renamed")
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error.strerror}") from error
