"""Whether the user said that the code of a project may run. The record is kept in the user's own folder,
never in the project, and holds for this very folder: not for a copy, and not for where it is moved to.
"""

from __future__ import annotations

import json
import os
import stat
import time
from collections.abc import Mapping
from pathlib import Path

from .places import private_folder, read_private, user_state, write_private
from .problems import ProblemError

_YES = frozenset({"1", "true", "yes"})


def is_trusted(root: Path, environ: Mapping[str, str] = os.environ) -> bool:
    """Whether code of the project at `root` may run. Never raises.

    `BAKEHOUSE_TRUST=1` in the caller's environment says yes to whatever folder it is.
    """
    if environ.get("BAKEHOUSE_TRUST", "").strip().lower() in _YES:
        return True
    try:
        data = read_private(_record(root, environ))
        known = None if data is None else json.loads(data)
        return known is not None and _fault(root) is None and known.get("folder") == _identity(root)
    except (ProblemError, OSError, ValueError, AttributeError):
        return False


def trust(root: Path, environ: Mapping[str, str] = os.environ) -> None:
    """Let the code of the project at `root` run from now on.

    Raises ProblemError where the folder is another user's, where everyone can write to it, and where
    there is no place to keep the record.
    """
    try:
        fault, identity = _fault(root), _identity(root)
    except OSError as error:
        raise ProblemError(f"cannot look at {root}: {error.strerror or error}") from error
    if fault:
        raise ProblemError(*fault)
    record = _record(root, environ)
    private_folder(record.parent.parent)
    private_folder(record.parent)
    content = {"schema": 1, "folder": identity, "since": time.time()}
    try:
        write_private(record, json.dumps(content).encode())
    except OSError as error:
        raise ProblemError(f"cannot write {record}: {error.strerror or error}") from error


def untrust(root: Path, environ: Mapping[str, str] = os.environ) -> None:
    """Take the trust back; nothing happens where there was none. Raises ProblemError if that fails."""
    record = _record(root, environ)
    try:
        record.unlink(missing_ok=True)
    except OSError as error:
        raise ProblemError(f"cannot remove {record}: {error.strerror or error}") from error


def _record(root: Path, environ: Mapping[str, str]) -> Path:
    from hashlib import sha256

    name = sha256(os.fsencode(os.path.realpath(root))).hexdigest()
    return user_state(environ) / "trust" / f"{name}.json"


def _identity(root: Path) -> dict[str, str | int]:
    real = os.path.realpath(root)
    status = Path(real).stat()
    return {
        "path": os.fsencode(real).hex(),
        "device": status.st_dev,
        "inode": status.st_ino,
        "uid": status.st_uid,
    }


def _fault(root: Path) -> tuple[str, str] | None:
    """Why this folder cannot be trusted by record, and what to do; None if it can."""
    status = Path(os.path.realpath(root)).stat()
    user = os.geteuid()
    if not stat.S_ISDIR(status.st_mode):
        return f"{root} is not a folder", "trust the folder that the project lies in"
    if user != 0 and status.st_uid != user:
        return (
            f"{root} belongs to another user (uid {status.st_uid}, you are {user}), who can change what runs",
            "copy it to a folder of yours, or set BAKEHOUSE_TRUST=1 for one call",
        )
    if status.st_mode & stat.S_IWOTH:
        return f"every user can write to {root}, and so change what runs", "chmod o-w it"
    return None
