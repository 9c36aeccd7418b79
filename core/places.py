"""Where Bakehouse keeps its own things: the user's state folder, and the store of a project."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Mapping
from pathlib import Path

from .filesystems import network_of
from .problems import ProblemError
from .store.crash import crash_point

STORE = ".bakehouse"
LEDGER = "ledger.db"
_KEY_BYTES = 32


def user_state(environ: Mapping[str, str] = os.environ) -> Path:
    """The user's own folder for what must not lie in a project (it may not exist yet).

    `BAKEHOUSE_HOME`, else the platform's state folder. Raises ProblemError where there is no home.
    """
    if chosen := environ.get("BAKEHOUSE_HOME"):
        return Path(chosen).expanduser().absolute()
    bases = (environ.get("XDG_STATE_HOME", ""), environ.get("HOME", ""))
    if not any(Path(base).is_absolute() for base in bases):
        raise ProblemError(
            "there is no home folder to keep your own state in: HOME is not set", "set HOME or BAKEHOUSE_HOME"
        )
    from platformdirs import user_state_path

    return user_state_path("bakehouse", appauthor=False)


def user_settings(environ: Mapping[str, str] = os.environ) -> Path | None:
    """The user's own file of settings for the screen; None where there is no home to have one in.

    `BAKEHOUSE_CONFIG` (a file, or a folder with `config.yaml` in it), else `config.yaml` in the platform's
    configuration folder. It need not exist.
    """
    name = "config.yaml"
    if chosen := environ.get("BAKEHOUSE_CONFIG"):
        path = Path(chosen).expanduser().absolute()
        return path / name if path.is_dir() else path
    bases = (environ.get("XDG_CONFIG_HOME", ""), environ.get("HOME", ""))
    if not any(Path(base).is_absolute() for base in bases):
        return None
    from platformdirs import user_config_path

    return user_config_path("bakehouse", appauthor=False) / name


def private_folder(path: Path) -> Path:
    """Make `path` with what is missing above it, for this user's eyes only (0700).

    Raises ProblemError where that is not possible, or where the folder belongs to another user.
    """
    try:
        for folder in reversed([path, *path.parents]):
            if not folder.exists():
                folder.mkdir(mode=0o700, exist_ok=True)
        status = path.stat()
        if status.st_uid != os.geteuid():
            raise ProblemError(f"{path} belongs to another user", "set BAKEHOUSE_HOME to a folder of yours")
        if stat.S_IMODE(status.st_mode) & 0o077:
            path.chmod(0o700)
    except OSError as error:
        raise ProblemError(
            f"cannot make the folder {path}: {error.strerror or error}",
            "set BAKEHOUSE_HOME to a folder that can be written to",
        ) from error
    return path


def write_private(path: Path, data: bytes) -> None:
    """Put `data` into `path` in one step, readable by this user only (0600). Raises OSError."""
    import tempfile

    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        crash_point("private.before_rename")
        Path(name).replace(path)
        crash_point("private.renamed")
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def read_private(path: Path, most: int = 1 << 20) -> bytes | None:
    """The bytes of a file that this user alone can have written; None for any other, or none at all."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    with os.fdopen(handle, "rb") as file:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & 0o022:
            return None
        data = file.read(most + 1)
    return data if len(data) <= most else None


def user_key() -> bytes:
    """A random key of this user, made at first use: what is sealed with it was written by this user.

    Raises ProblemError where the user's state folder cannot be used.
    """
    path = _key_place()
    if (known := read_private(path)) is not None and len(known) == _KEY_BYTES:
        return known
    private_folder(path.parent)
    draft = path.with_name(f".key-{os.urandom(8).hex()}")
    try:
        write_private(draft, os.urandom(_KEY_BYTES))
        try:
            with contextlib.suppress(FileExistsError):  # somebody was faster: his key holds
                os.link(draft, path)
            if len(read_private(path) or b"") != _KEY_BYTES:
                draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        raise ProblemError(f"cannot write {path}: {error.strerror or error}") from error
    return read_private(path) or b""


def _key_place() -> Path:
    """Without HOME the home that the system knows of this user: a job without one has its user's key too."""
    try:
        return user_state() / "key"
    except ProblemError:
        with contextlib.suppress(RuntimeError):
            if Path.home().is_absolute():
                return _system_key_place()
        raise


def _system_key_place() -> Path:
    from platformdirs import user_state_path

    return user_state_path("bakehouse", appauthor=False) / "key"


def store_folder(root: Path) -> Path:
    """Where the store of the project at `root` lies; nothing is made.

    `.bakehouse` in the project, where it can be written to or holds a ledger that can be read; else a folder
    in the user's state. A `.bakehouse` that is a link, holds links or is another user's is never used (what is
    written to it would land where somebody else wants it), nor one on a network file system. Raises
    ProblemError where there is no other place either.
    """
    if why_outside(root) is None:
        return root / STORE
    outside = user_state() / "projects" / _project_id(root)
    if network := network_of(outside):
        raise ProblemError(
            f"{outside} lies on a network file system ({network}), where SQLite's log cannot be kept",
            "set BAKEHOUSE_HOME to a folder on a local disk",
        )
    return outside


def why_outside(root: Path) -> str | None:
    """Why the store of the project at `root` does not lie in it, in words; None if it does."""
    inside = root / STORE
    try:
        status = inside.lstat()
    except FileNotFoundError:
        if not os.access(root, os.W_OK | os.X_OK):
            return f"{root} cannot be written to"
    except OSError as error:
        return f"{inside} cannot be read: {error.strerror or error}"
    else:
        if not stat.S_ISDIR(status.st_mode):
            return f"{inside} is a link" if stat.S_ISLNK(status.st_mode) else f"{inside} is no folder"
        if status.st_uid != os.geteuid():
            return f"{inside} belongs to another user"
        if not (os.access(inside, os.W_OK | os.X_OK) or os.access(inside / LEDGER, os.R_OK)):
            return f"{inside} cannot be read"
        if _leads_elsewhere(inside):
            return f"{inside} holds links"
    if network := network_of(root):
        return f"{root} lies on a network file system ({network})"
    return None


def _leads_elsewhere(store: Path) -> bool:
    """Whether one of the folders that we write to (or of those below `values`) is a link."""
    for folder in (store, store / "values"):
        try:
            with os.scandir(folder) as entries:
                if any(entry.is_symlink() for entry in entries):
                    return True
        except OSError:
            continue
    return False


def is_in_store(path: Path) -> bool:
    """Whether a path lies in a project's store, links followed. What does is no data of the user's, and reading
    the ledger there would drop the locks that SQLite has on it."""
    return STORE in Path(os.path.realpath(path)).parts


def make_store_folder(root: Path) -> Path:
    """`store_folder`, made if it is not there (0700), with a `.gitignore` that hides all of it.

    Raises ProblemError where that is not possible.
    """
    folder = private_folder(store_folder(root))
    ignore = folder / ".gitignore"
    if not ignore.exists():
        try:
            write_private(ignore, b"*\n")
        except OSError as error:
            raise ProblemError(f"cannot write {ignore}: {error.strerror or error}") from error
    return folder


def _project_id(root: Path) -> str:
    from hashlib import sha256

    real = os.path.realpath(root)
    return sha256(os.fsencode(real)).hexdigest()[:24]
