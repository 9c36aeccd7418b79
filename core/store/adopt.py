"""What a user can decide of a store that is not believed: to believe it from now on, or to put it out of the way."""

from __future__ import annotations

import os
import time
from pathlib import Path

from ..places import user_key
from ..problems import StoreError
from .database import LEDGER, check, connect_to_write, identity
from .faults import damaged, storage_error, told
from .lock import ProjectLock
from .migrate import seal_anew, upgrade
from .replay import verify_inline, verify_replay
from .seal import put_seal, seal_path


def adopt(folder: Path) -> None:
    """Seals the store at `folder` as this user's, as it is now.

    Raises ProjectHeld, and StoreError where there is none, and where its parts do not fit together.
    """
    path = folder / LEDGER
    if not path.exists():
        raise StoreError(f"there is no store at {folder}")
    with ProjectLock.acquire(folder, "bakehouse doctor --adopt"), told(path):
        _check_parts(path)
        upgrade(folder, user_key())
        name = _adopted(folder, user_key())
        for other in folder.glob("seal-*"):
            if other != seal_path(folder, name):
                other.unlink()


def _check_parts(path: Path) -> None:
    connection = connect_to_write(path, any_format=True)
    try:
        check(connection, path)
        wrong = [str(row[0]) for row in connection.execute("pragma integrity_check") if row[0] != "ok"]
        wrong += verify_replay(connection) + verify_inline(connection)
    finally:
        connection.close()
    if wrong:
        raise damaged(path, wrong[0])


def _adopted(folder: Path, key: bytes) -> str:
    connection = connect_to_write(folder / LEDGER)
    try:
        connection.execute("begin immediate")
        made = seal_anew(connection, key, identity(folder) or (0, 0))
        put_seal(folder, made, key)
        connection.execute("commit")
    finally:
        connection.close()
    return made.name


def set_aside(folder: Path) -> Path:
    """Moves the store at `folder` out of the way, whole, and returns where it is now.

    Raises ProjectHeld, and StoreError where there is none or it cannot be moved.
    """
    if not os.path.lexists(folder):
        raise StoreError(f"there is no store at {folder}")
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    aside = folder.with_name(f"{folder.name}.set-aside-{stamp}")
    with ProjectLock.acquire(folder, "bakehouse doctor --set-aside"):
        try:
            folder.rename(aside)
        except OSError as error:
            raise storage_error(folder / LEDGER, error) from error
    return aside
