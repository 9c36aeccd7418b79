"""What a program did to the disk, call by call, and what a disk would hold that lost its power in between.

The model is harsher than a real file system: bytes count as kept only after a sync of their file, and names
only after a sync of their folder.
"""

from __future__ import annotations

import random
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from posixpath import basename, dirname

import pytest

_TRACED = (
    "openat,close,write,pwrite64,rename,renameat,renameat2,link,linkat,unlink,unlinkat,fsync,fdatasync,"
    "ftruncate,mkdir,mkdirat,rmdir,lseek"
)
_UNKNOWN = "creat,open,writev,pwritev,truncate,copy_file_range,sendfile,fallocate,symlink,symlinkat"
_LINE = re.compile(r"^(\d+) +(\w+)\((.*)\) += (-?\d+)(?:<[^>]*>)?(?: .*)?$")
_HALF = re.compile(r"^(\d+) +(\w+)\((.*) <unfinished \.\.\.>$")
_REST = re.compile(r"^(\d+) +<\.\.\. (\w+) resumed>(.*)$")
_TEXT = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
_PLACE = re.compile(r"^(AT_FDCWD|-?\d+)<((?:\\x[0-9a-f]{2})*)>")


@dataclass(frozen=True)
class Did:
    """One call that succeeded. `paths` are absolute; `data` what was written."""

    call: str
    fd: int
    paths: tuple[str, ...]
    data: bytes
    numbers: tuple[int, ...]
    result: int
    flags: str


def record(command: Sequence[str], folder: Path) -> list[Did]:
    """Runs the command to its end under strace; skips by name where that cannot be."""
    if shutil.which("strace") is None:
        pytest.skip("no strace to record the calls with")
    log = folder / "strace"
    traced = f"trace={_TRACED},{_UNKNOWN}"
    done = subprocess.run(
        [
            "strace",
            "-f",
            "-y",
            "-xx",
            "-s",
            "1000000",
            "-e",
            traced,
            "-e",
            "signal=none",
            "-o",
            str(log),
            *command,
        ],
        capture_output=True,
        text=True,
        timeout=120,
    )
    if "ptrace" in done.stderr and done.returncode:
        pytest.skip(f"strace may not trace here: {done.stderr.splitlines()[0]}")
    assert done.returncode == 0, done.stderr
    return list(_calls(log.read_text().splitlines()))


def _calls(lines: list[str]) -> Iterator[Did]:
    begun: dict[str, str] = {}
    for line in lines:
        if half := _HALF.match(line):
            begun[half[1]] = f"{half[1]} {half[2]}({half[3]}"
            continue
        if rest := _REST.match(line):
            line = begun.pop(rest[1]) + rest[3]
        found = _LINE.match(line)
        if found is not None and int(found[4]) >= 0:
            yield _did(found[2], found[3], int(found[4]))


def _did(call: str, arguments: str, result: int) -> Did:
    texts = [bytes.fromhex(text.replace("\\x", "")) for text in _TEXT.findall(arguments)]
    place = _PLACE.match(arguments)
    fd = int(place[1]) if place and place[1] != "AT_FDCWD" else -1
    here = bytes.fromhex(place[2].replace("\\x", "")).decode() if place else ""
    rest = _TEXT.sub("", arguments).split(",")
    numbers = tuple(int(one) for one in map(str.strip, rest) if re.fullmatch(r"\d+|0[0-7]+", one))
    if call in ("write", "pwrite64"):
        return Did(call, fd, (here,), texts[0] if texts else b"", numbers, result, "")
    paths = tuple(text.decode() if text.startswith(b"/") else f"{here}/{text.decode()}" for text in texts)
    return Did(call, fd, paths or (here,), b"", numbers, result, arguments)


Change = Callable[[], None]


@dataclass
class _File:
    kept: bytes = b""
    now: bytearray = field(default_factory=bytearray)
    since: list[tuple[int, int, bytes | None]] = field(default_factory=list)
    """What was done since the last sync: number, offset and bytes, or a size and None."""

    def write(self, number: int, at: int, data: bytes) -> None:
        self.since.append((number, at, data))
        _put(self.now, at, data)

    def cut(self, number: int, size: int) -> None:
        self.since.append((number, size, None))
        _put(self.now, size, None)

    def sync(self) -> None:
        self.kept, self.since = bytes(self.now), []

    def left(self, keeps: Callable[[int], bool]) -> bytes:
        data = bytearray(self.kept)
        for number, at, written in self.since:
            if keeps(number):
                _put(data, at, written)
        return bytes(data)


def _put(data: bytearray, at: int, written: bytes | None) -> None:
    end = at if written is None else at + len(written)
    if written is None:
        del data[at:]
    if len(data) < end:
        data.extend(bytes(end - len(data)))
    if written is not None:
        data[at:end] = written


@dataclass
class _Folder:
    kept: dict[str, _File | _Folder] = field(default_factory=dict)
    now: dict[str, _File | _Folder] = field(default_factory=dict)
    since: list[tuple[int, str, _File | _Folder | None]] = field(default_factory=list)

    def name(self, number: int, name: str, what: _File | _Folder | None) -> None:
        self.since.append((number, name, what))
        _enter(self.now, name, what)

    def sync(self) -> None:
        self.kept, self.since = dict(self.now), []

    def left(self, keeps: Callable[[int], bool]) -> dict[str, _File | _Folder]:
        entries = dict(self.kept)
        for number, name, what in self.since:
            if keeps(number):
                _enter(entries, name, what)
        return entries


def _enter(entries: dict[str, _File | _Folder], name: str, what: _File | _Folder | None) -> None:
    if what is None:
        entries.pop(name, None)
    else:
        entries[name] = what


class Disk:
    """Everything below one folder, as the calls of one process change it."""

    def __init__(self, root: Path) -> None:
        self.root = str(root)
        self.top = _Folder()
        self._open: dict[int, tuple[_File | _Folder, int, bool]] = {}
        self._number = 0

    def does(self, did: Did) -> bool:
        """Follows one call; whether it changed anything here."""
        self._number += 1
        if did.call == "openat":
            return self._opens(did)
        if did.call == "close":
            self._open.pop(did.fd, None)
            return False
        if did.fd in self._open and did.call in (
            "write",
            "pwrite64",
            "ftruncate",
            "fsync",
            "fdatasync",
            "lseek",
        ):
            return self._uses(did)
        if not any(path.startswith(self.root + "/") for path in did.paths):
            return False
        assert did.call not in _UNKNOWN.split(","), f"{did.call} is not modelled"
        return self._names(did)

    def _at(self, path: str) -> _File | _Folder | None:
        found: _File | _Folder | None = self.top
        for part in path[len(self.root) :].strip("/").split("/"):
            if part:
                found = found.now.get(part) if isinstance(found, _Folder) else None
        return found

    def _parent(self, path: str) -> _Folder:
        found = self._at(dirname(path))
        assert isinstance(found, _Folder), path
        return found

    def _opens(self, did: Did) -> bool:
        (path,) = did.paths
        self._open.pop(did.result, None)
        if path != self.root and not path.startswith(self.root + "/"):
            return False
        found = self._at(path)
        changed = found is None and "O_CREAT" in did.flags
        if changed:
            found = _File()
            self._parent(path).name(self._number, basename(path), found)
        assert found is not None, path
        if isinstance(found, _File) and "O_TRUNC" in did.flags and found.now:
            found.cut(self._number, 0)
            changed = True
        self._open[did.result] = found, 0, "O_APPEND" in did.flags
        return changed

    def _uses(self, did: Did) -> bool:
        what, at, appends = self._open[did.fd]
        if did.call in ("fsync", "fdatasync"):
            what.sync()
            return True
        if isinstance(what, _Folder):
            return False
        if did.call == "lseek":
            self._open[did.fd] = what, did.result, appends
            return False
        if did.call == "ftruncate":
            what.cut(self._number, did.numbers[-1])
        elif did.call == "pwrite64":
            what.write(self._number, did.numbers[-1], did.data[: did.result])
        else:
            at = len(what.now) if appends else at
            what.write(self._number, at, did.data[: did.result])
            self._open[did.fd] = what, at + did.result, appends
        return True

    def _names(self, did: Did) -> bool:
        path = did.paths[-1]
        if did.call.startswith("mkdir"):
            self._parent(path).name(self._number, basename(path), _Folder())
        elif did.call.startswith(("unlink", "rmdir")):
            self._parent(path).name(self._number, basename(path), None)
        elif did.call.startswith(("rename", "link")):
            found = self._at(did.paths[0])
            self._parent(path).name(self._number, basename(path), found)
            if did.call.startswith("rename"):
                self._parent(did.paths[0]).name(self._number, basename(did.paths[0]), None)
        else:
            return False
        return True

    def left(
        self, chance: random.Random | None = None, *, everything: bool = False
    ) -> dict[str, bytes | None]:
        """What a reboot finds: the bytes of each file by its path, None for a folder.

        What was not synced is gone; with `chance` each such change is there or not, by itself.
        """
        decided: dict[int, bool] = {}

        def keeps(number: int) -> bool:
            return everything or (chance is not None and decided.setdefault(number, chance.random() < 0.5))

        found: dict[str, bytes | None] = {}
        todo: list[tuple[str, _Folder]] = [("", self.top)]
        while todo:
            path, folder = todo.pop()
            for name, what in folder.left(keeps).items():
                inside = f"{path}/{name}".lstrip("/")
                if isinstance(what, _Folder):
                    found[inside] = None
                    todo.append((inside, what))
                else:
                    found[inside] = what.left(keeps)
        return found


def put(tree: dict[str, bytes | None], folder: Path) -> None:
    """Makes the files that a reboot finds. The shared memory of SQLite does not outlive one."""
    for path, data in sorted(tree.items()):
        place = folder / path
        if data is None:
            place.mkdir(parents=True, mode=0o700, exist_ok=True)
        elif not path.endswith("-shm"):
            place.parent.mkdir(parents=True, mode=0o700, exist_ok=True)
            place.write_bytes(data)


def python(*arguments: str) -> list[str]:
    """A command for this interpreter that leaves no bytecode."""
    return [sys.executable, "-B", *arguments]
