"""Values as bytes and back: which encoding suits a value, and the check that what is read is what was stored.

Runs in the project's interpreter. The app itself only ever handles the bytes.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import reprlib
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path, PurePath
from typing import Any

from ..model import OWN_CODECS, Json, Stored
from ..problems import number_of
from . import plain, tables
from .sink import INLINE, Encoded, Sink, StrPath, create

CHUNK = 1 << 20
PREVIEW = 2 * 1024


class ValueDamaged(Exception):
    """What is stored is not what was committed."""

    def __init__(self, asset: str, detail: str) -> None:
        super().__init__(f"value of {asset} is damaged: {detail}")
        self.asset = asset


class CannotStore(Exception):
    """A step left something that cannot be stored; the message says what and why."""


class CannotRead(Exception):
    """What reads a value is wanting, or failed at it; the message says which and what to do."""


# ---- writing ---------------------------------------------------------------------------------


def encode(value: object, scratch_file: StrPath) -> Encoded:
    """Encode a value; one that is too large to be inline goes to `scratch_file`, which must not exist.

    Raises CannotStore for what no encoding holds, and whatever reading the user's files raises.
    """
    if value is None:
        return nothing()
    if isinstance(value, PurePath):
        return take_file(Path(value), Path(scratch_file), keep=True)
    if (table := tables.table_kind(value)) is not None:
        encoded = _encode_table(value, table, Path(scratch_file))
        if encoded is not None:
            return encoded
    if tables.is_array(value):
        sink = Sink(scratch_file)
        tables.write_array(value, sink)
        shape: Json = {"shape": list(value.shape), "dtype": str(value.dtype)}  # type: ignore[attr-defined]
        return sink.finish("npy", "numpy.ndarray", shape)
    try:
        data = plain.dumps(value)
    except (plain.NotPlain, RecursionError):
        from . import brought

        return brought.encode(value, Path(scratch_file)) or _encode_pickle(value, scratch_file)
    sink = Sink(scratch_file)
    sink.write(data)
    return sink.finish("json", type(value).__name__)


def nothing() -> Encoded:
    """What stands for a step that left no value: new every time."""
    return Encoded(Stored("none", hashlib.sha256().hexdigest(), 0, secrets.token_hex(32), b""))


def _encode_table(value: Any, kind: str, scratch_file: Path) -> Encoded | None:
    scratch_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    metadata = tables.write_table(value, kind, scratch_file)
    if metadata is None:
        scratch_file.unlink(missing_ok=True)
        return None
    return finished_file(scratch_file, "parquet", kind, metadata)


class _Noting(pickle.Pickler):
    """Notes the classes of all that it writes: their methods travel with a value, though not in its bytes."""

    def __init__(self, file: Any, protocol: int) -> None:
        super().__init__(file, protocol=protocol)
        self.classes: dict[type, None] = {}

    def reducer_override(self, obj: Any) -> Any:
        self.classes[obj if isinstance(obj, type) else type(obj)] = None
        return NotImplemented


def _encode_pickle(value: object, scratch_file: StrPath) -> Encoded:
    sink = Sink(scratch_file)
    kind = f"{type(value).__module__}.{type(value).__qualname__}"
    try:
        pickler = _Noting(sink, protocol=5)
        pickler.dump(value)
    except Exception as error:
        raise CannotStore(f"a value of type {kind} cannot be stored: {error}") from error
    encoded = sink.finish("pickle", kind, {"preview": preview(value)})
    return replace(encoded, classes=tuple(pickler.classes))


def preview(value: object) -> str:
    """A short text of a value, for readers that must not unpickle it."""
    short = reprlib.Repr()
    short.maxother = short.maxstring = short.maxlong = PREVIEW
    short.maxlist = short.maxtuple = short.maxdict = short.maxset = short.maxfrozenset = 50
    try:
        return short.repr(value)[:PREVIEW]
    except Exception as error:
        return f"<{type(value).__qualname__}: its repr failed: {type(error).__name__}>"


def finished_file(path: Path, codec: str, kind: str, metadata: Mapping[str, Json] | None = None) -> Encoded:
    """Digest and fsync a file that is complete; a small one becomes inline, and the file goes away."""
    hashed, size, small = hashlib.sha256(), 0, b""
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            hashed.update(chunk)
            size += len(chunk)
            small = chunk if size <= INLINE else b""
        if size > INLINE:
            os.fsync(file.fileno())
    digest = hashed.hexdigest()
    if size > INLINE:
        return Encoded(Stored(codec, digest, size, digest, None, kind), os.fspath(path), metadata or {})
    path.unlink()
    return Encoded(Stored(codec, digest, size, digest, small, kind), None, metadata or {})


def take_file(path: Path, scratch_file: Path, *, keep: bool) -> Encoded:
    """Take in what a step left at `path`. With `keep` a copy is stored, else the thing itself may be moved.

    The file's name is the stored type. Raises CannotStore for what is neither file nor folder.
    """
    if path.is_dir():
        return _take_folder(path, scratch_file, keep=keep)
    if not path.is_file():
        what = "is neither file nor folder" if os.path.lexists(path) else "does not exist"
        raise CannotStore(f"{path} {what}")
    status = path.lstat()
    if not keep and path.is_file() and not path.is_symlink() and status.st_nlink == 1:
        return finished_file(path, "file", path.name)
    sink = Sink(scratch_file)
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            sink.write(chunk)
    return sink.finish("file", path.name)


def _take_folder(path: Path, scratch_file: Path, *, keep: bool) -> Encoded:
    if keep or path.is_symlink():
        scratch_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _refuse_oddities(path)
        shutil.copytree(path, scratch_file)
        path, name = scratch_file, path.name
    else:
        name = path.name
        _refuse_oddities(path)
        _own_files(path)
    digest, size, count = digest_folder(path, sync=True)
    return Encoded(Stored("folder", digest, size, digest, None, name), os.fspath(path), {"files": count})


def _refuse_oddities(folder: Path) -> None:
    for place, folders, files in os.walk(folder):
        for name in folders:
            if (Path(place) / name).is_symlink():
                raise CannotStore(f"{Path(place) / name} is a link to a folder, which cannot be stored")
        for name in files:
            if not (Path(place) / name).is_file():
                raise CannotStore(f"{Path(place) / name} is neither file nor folder")


def _own_files(folder: Path) -> None:
    """Put a copy in the place of every link, so that nothing outside can change what was stored."""
    for place, _, files in os.walk(folder):
        for name in files:
            file = Path(place) / name
            if file.is_symlink() or file.stat().st_nlink > 1:
                copy = file.with_name(f"{name}.{secrets.token_hex(4)}")
                shutil.copy2(file, copy)
                copy.replace(file)


def digest_folder(folder: Path, *, sync: bool = False) -> tuple[str, int, int]:
    """Digest over sorted relative paths and contents; the bytes and the number of the files."""
    whole, size = hashlib.sha256(), 0
    files = sorted(
        (file.relative_to(folder).as_posix(), file) for file in folder.rglob("*") if file.is_file()
    )
    for name, path in files:
        content = hashlib.sha256()
        with path.open("rb") as file:
            while chunk := file.read(CHUNK):
                content.update(chunk)
                size += len(chunk)
            if sync:
                os.fsync(file.fileno())
        whole.update(f"{len(os.fsencode(name))}:".encode() + os.fsencode(name) + content.digest())
    if sync:
        for place in [folder, *(entry for entry in folder.rglob("*") if entry.is_dir())]:
            fd = os.open(place, os.O_RDONLY)
            os.fsync(fd)
            os.close(fd)
    return whole.hexdigest(), size, len(files)


# ---- reading ---------------------------------------------------------------------------------


def decode(
    stored: Stored,
    path: str | None = None,
    *,
    asset: str = "",
    wanted: object = None,
    scratch: StrPath | None = None,
) -> Any:
    """The value. `wanted` is the annotation of the parameter that takes it; `scratch` is where a small
    file is laid out. Raises ValueDamaged, and CannotRead where an encoding of a plugin cannot be used."""
    codec = stored.codec
    if codec == "none":
        return None
    if codec in ("file", "parquet", "folder"):
        place = file_of(stored, path, asset=asset, scratch=scratch)
        return tables.read_table(place, wanted, stored.type) if codec == "parquet" else place
    if codec not in OWN_CODECS:
        from . import brought

        return brought.decode(stored, file_of(stored, path, asset=asset, scratch=scratch), asset)
    data = checked_bytes(stored, path, asset)
    try:
        if codec == "json":
            return plain.loads(data)
        if codec == "npy":
            return tables.read_array(data)
    except Exception as error:
        raise ValueDamaged(asset, f"it is no {codec}: {error}") from error
    return pickle.loads(data)  # noqa: S301 - only ever in a worker, and made by the same project


def checked_bytes(stored: Stored, path: str | None, asset: str) -> bytes:
    """The stored bytes, after a look at their size and digest."""
    data = stored.inline
    if data is None:
        try:
            data = Path(path or "").read_bytes()
        except OSError as error:
            raise ValueDamaged(asset, error.strerror or str(error)) from error
    if len(data) != stored.size:
        raise ValueDamaged(asset, f"{number_of(len(data), 'byte')} where {stored.size} were stored")
    if hashlib.sha256(data).hexdigest() != stored.digest:
        raise ValueDamaged(asset, "its content has changed")
    return data


def file_of(stored: Stored, path: str | None, *, asset: str, scratch: StrPath | None) -> Path:
    """A file (or folder) that holds the stored bytes, after a look at their digest."""
    if path is None:
        if scratch is None:
            raise ValueDamaged(asset, "there is no place to lay it out")
        data = checked_bytes(stored, None, asset)
        place = Path(scratch) / (
            Path(stored.type).name if stored.codec == "file" and stored.type else "value"
        )
        with create(place) as file:
            file.write(data)
        return place
    place = Path(path)
    try:
        if stored.codec == "folder":
            digest, size, _ = digest_folder(place)
        else:
            digest, size = _digest_file(place)
    except OSError as error:
        raise ValueDamaged(asset, error.strerror or str(error)) from error
    if not place.exists():
        raise ValueDamaged(asset, "it is gone")
    if size != stored.size:
        raise ValueDamaged(asset, f"{number_of(size, 'byte')} where {stored.size} were stored")
    if digest != stored.digest:
        raise ValueDamaged(asset, "its content has changed")
    return place


def _digest_file(path: Path) -> tuple[str, int]:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest(), os.fstat(file.fileno()).st_size
