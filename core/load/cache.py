"""Remembers loaded definitions in the store, and knows when they still hold without reading them again.

A record is sealed with the user's own key, so that one that came with a clone is not believed.
"""

from __future__ import annotations

import io
import json
import os
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ... import __version__
from ..model import Definitions
from ..places import private_folder, user_key, write_private
from ..problems import DefinitionError, ProblemError
from ..store.disk import read_up_to
from .collector import collector_paused
from .discovery import Project, Stamp, Walk, defines, is_candidate, walk
from .files import digest_of

FORMAT = 5
MOST_BYTES = 256 * 2**20
_RACY_NS = 2_000_000_000
"""A file this much younger than the record may have changed within one tick of its clock."""

_IDLE = "-"
"""Stands for the digest of a file that was seen but not used."""


@dataclass(frozen=True, slots=True)
class DefinitionCache:
    """The record of one project, as one interpreter sees it, trusted or not."""

    path: Path
    project: Project
    interpreter: str
    code_folder: Path
    key: bytes

    @classmethod
    def at(
        cls, store: Path | None, project: Project, interpreter: str, trusted: bool
    ) -> DefinitionCache | None:
        """The record in the folder `store`; None where nothing can be remembered."""
        if store is None:
            return None
        try:
            key = user_key()
        except ProblemError:
            return None
        which = [
            FORMAT,
            __version__,
            str(project.path),
            interpreter,
            trusted,
            os.environ.get("PYTHONPATH", ""),
        ]
        name = f"definitions-{_seal(json.dumps(which).encode(), key)[:24]}.json"
        return cls(store / "cache" / name, project, interpreter, store / "code", key)

    # ---- recall ------------------------------------------------------------------------------

    def recall(self) -> Definitions | None:
        """What was loaded last, if every file it depends on is as it was then. Never raises."""
        now = time.time_ns()
        try:
            head, body = self._read()
            if head["surroundings"] != _surroundings(self.interpreter):
                return None
            if any(_variable(name) != digest for name, digest in head["variables"].items()):
                return None
            renewed = self._still_holds(head)
            if renewed is None:
                return None
            from .snapshot import from_json

            with collector_paused():
                definitions = from_json(map(json.loads, io.BytesIO(body)))
            if not all((self.code_folder / module.digest).is_file() for module in definitions.modules):
                return None
        except (OSError, ValueError, KeyError, TypeError, AttributeError, ProblemError, RecursionError):
            return None
        if renewed:
            self._write({**head, "files": {**head["files"], **renewed}, "began": now}, body)
        return definitions

    def recall_as_it_was(self) -> Definitions | None:
        """What was loaded last, whether or not it still holds: for hints only. Never raises."""
        from .snapshot import from_json

        try:
            with collector_paused():
                return from_json(map(json.loads, io.BytesIO(self._read()[1])))
        except (OSError, ValueError, KeyError, TypeError, AttributeError, ProblemError, RecursionError):
            return None

    def _read(self) -> tuple[dict[str, Any], bytes]:
        with self.path.open("rb") as file:
            data = read_up_to(file, MOST_BYTES)
        seal, _, sealed = data.partition(b"\n")
        del data
        if seal.decode("ascii") != _seal(sealed, self.key):
            raise ValueError("this record was not written by this user")
        head, _, body = sealed.partition(b"\n")
        return json.loads(head), body

    def _still_holds(self, head: Mapping[str, Any]) -> Mapping[str, list[Any]] | None:
        """The files whose stamp had to be looked behind, with their new stamps; None if one has changed."""
        files = head["files"]
        stamps = dict(walk(self.project, head["patterns"]).stamps)
        for file in files.keys() - stamps.keys():
            if (stamp := _stamp(self.project.root / file)) is None:
                return None
            stamps[file] = stamp
        if stamps.keys() != files.keys():
            return None
        renewed: dict[str, list[Any]] = {}
        for file, (digest, *recorded) in files.items():
            stamp = stamps[file]
            if list(stamp) == recorded and max(stamp.mtime_ns, stamp.ctime_ns) < head["began"] - _RACY_NS:
                continue
            if not self._same(file, digest):
                return None
            renewed[file] = [digest, *stamp]
        return renewed

    def _same(self, file: str, digest: str) -> bool:
        from hashlib import sha256

        from .files import read_file

        try:
            data = read_file(self.project.root / file, file)
        except DefinitionError:
            return False
        if digest == _IDLE:
            return not (is_candidate(file) and defines(file, data))
        return sha256(data).hexdigest() == digest

    # ---- remember ----------------------------------------------------------------------------

    def remember(
        self,
        definitions: Definitions,
        walked: Walk,
        patterns: tuple[str, ...],
        python: tuple[str, ...],
        began: int,
    ) -> None:
        """Keep `definitions`, which were loaded from what was `walked` at the time `began` (in ns).

        What cannot be kept costs only time.
        """
        from .snapshot import to_json

        used = dict(definitions.files)
        stamps = dict(walked.stamps)
        for file in used.keys() - stamps.keys():
            if (stamp := _stamp(self.project.root / file)) is None:
                return
            stamps[file] = stamp
        files = {}
        for file, stamp in stamps.items():
            digest = used.get(file) or (digest_of(self.project.root / file) if file in python else _IDLE)
            files[file] = [digest, *stamp]
        surroundings = _surroundings(self.interpreter)
        head = {
            "began": began,
            "files": files,
            "patterns": patterns,
            "surroundings": surroundings,
            "variables": dict(definitions.variables),
        }
        try:
            with collector_paused():
                body = b"\n".join(_line(piece) for piece in to_json(definitions))
        except (TypeError, ValueError, RecursionError):
            return
        self._write(head, body)

    def _write(self, head: Mapping[str, Any], body: bytes) -> None:
        sealed = json.dumps(head, separators=(",", ":")).encode() + b"\n" + body
        try:
            private_folder(self.path.parent)
            write_private(self.path, _seal(sealed, self.key).encode() + b"\n" + sealed)
        except (OSError, ProblemError):
            return


def _line(piece: Any) -> bytes:
    return json.dumps(piece, separators=(",", ":")).encode()


def _seal(data: bytes, key: bytes) -> str:
    from hashlib import blake2b

    return blake2b(data, key=key, digest_size=32).hexdigest()


def _variable(name: str) -> str:
    from .reads import digest_of_variable

    return digest_of_variable(os.environ.get(name))


def _stamp(path: Path) -> Stamp | None:
    try:
        return Stamp.of(path.stat())
    except (OSError, ValueError):
        return None


def _surroundings(interpreter: str) -> list[list[int | str]]:
    """Stamps of what the definitions depend on outside of the project: the interpreter, the libraries that
    are installed for it, and our own code."""
    return [[str(path), *stamp[1:]] for path in _around(interpreter) if (stamp := _stamp(path)) is not None]


def _around(interpreter: str) -> Iterator[Path]:
    program = Path(interpreter)
    yield program
    for prefix in {program.parent.parent: None, Path(os.path.realpath(program)).parent.parent: None}:
        yield prefix / "pyvenv.cfg"
        yield from sorted(prefix.glob("lib/python3*/site-packages"))
        yield from sorted(prefix.glob("lib/python3*/dist-packages"))
    yield from (
        Path(p) for p in sys.path if p.endswith(("site-packages", "dist-packages"))
    )  # and our plugins
    yield from (Path(entry) for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry)
    here = Path(__file__).parent
    yield here.parent / "model.py"
    for folder in (here, here.parent / "fingerprint", here.parent / "schedules"):
        yield from sorted(folder.glob("*.py"))
