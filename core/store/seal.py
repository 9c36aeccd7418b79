"""The seal of a store: who made its ledger, and how far it had come.

Every group of events that is committed adds a link to a chain, keyed with the user's own key; the head of the
chain is a row of the ledger. Beside the ledger lies `seal-<id>`: which file the ledger is, its last event and
the head, sealed with the same key, written after each commit and never waited for. It stands there twice, and
the two are written in turn, so that one that was half written leaves the other. So it is never ahead of a
ledger that lost nothing, and a ledger without the head that the seal names is older than it was.

Where the ledger is another file than the seal says (moved to another disk, copied, unpacked) the whole chain is
read once. Nothing of a path is in it.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from hmac import compare_digest
from pathlib import Path
from typing import Any

from .crash import crash_point
from .disk import FILE_MODE, sync_file, write_whole

_PART = 512
"""Rows that are digested at a time. Part of the format: other parts give other heads."""
_MARK = "bakehouse-seal-1"
_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=True).encode


def new_name() -> str:
    """A name for a store that no other has: 32 hexadecimal digits."""
    return os.urandom(16).hex()


def first_head(name: str) -> bytes:
    """The head of the chain before any event."""
    return blake2b(name.encode(), digest_size=32, person=b"bakehouse-first").digest()


def link(key: bytes, head: bytes, rows: Iterable[Sequence[Any]]) -> bytes:
    """The head of the chain after `rows` of the table of events, in the order of `seq`."""
    digest = blake2b(head, key=key, digest_size=32, person=b"bakehouse-chain")
    rest = iter(rows)
    while part := list(itertools.islice(rest, _PART)):
        digest.update(_encode(part).encode())
    return digest.digest()


@dataclass(frozen=True, slots=True)
class Seal:
    """`device` and `inode` are those of the ledger's file; `head` is that of the chain at the event `seq`."""

    name: str
    device: int
    inode: int
    seq: int
    head: bytes

    def is_of(self, file: tuple[int, int] | None) -> bool:
        """Whether the seal is of this very file (`database.identity`)."""
        return file == (self.device, self.inode)

    def written(self, key: bytes) -> bytes:
        """As it lies on the disk: always of the same length, so that it can be written over."""
        text = f"{_MARK} {self.name} {self.device:020} {self.inode:020} {self.seq:020} {self.head.hex()}"
        return f"{text} {_mac(text, key)}\n".encode()


def _mac(text: str, key: bytes) -> str:
    return blake2b(text.encode(), key=key, digest_size=32, person=b"bakehouse-seal").hexdigest()


def seal_path(folder: Path, name: str) -> Path:
    return folder / f"seal-{name}"


def read_seal(folder: Path, name: str, key: bytes) -> Seal | None:
    """The seal of the store `name`; None if there is none that this user's key made."""
    if len(name) != 32 or not set(name) <= set("0123456789abcdef"):
        return None
    for _ in range(3):  # it may be written this very moment
        with contextlib.suppress(OSError):
            handle = os.open(seal_path(folder, name), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            with os.fdopen(handle, "rb") as file:
                slots = file.read(1024).split(b"\n")
            found = [seal for slot in slots if (seal := _parsed(slot, name, key)) is not None]
            if found:
                return max(found, key=lambda seal: seal.seq)
    return None


def _parsed(slot: bytes, name: str, key: bytes) -> Seal | None:
    with contextlib.suppress(ValueError):
        text, _, mac = slot.decode("ascii").rpartition(" ")
        mark, named, device, inode, seq, head = text.split(" ")
        if mark == _MARK and named == name and compare_digest(mac, _mac(text, key)):
            return Seal(name, int(device), int(inode), int(seq), bytes.fromhex(head))
    return None


def put_seal(folder: Path, seal: Seal, key: bytes) -> None:
    """Writes a seal durably: over the one that is there, or whole. Raises OSError."""
    path, data = seal_path(folder, seal.name), seal.written(key) * 2
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        write_whole(path, data, folder)
        return
    try:
        os.pwrite(descriptor, data, 0)
        os.ftruncate(descriptor, len(data))
        os.fchmod(descriptor, FILE_MODE)
        sync_file(descriptor)
    finally:
        os.close(descriptor)


class Sealer:
    """Keeps the seal of a store up with what its one writer commits."""

    def __init__(self, folder: Path, seal: Seal, key: bytes) -> None:
        self._seal = seal
        self._key = key
        self._slot = 0
        self._file: int | None = os.open(
            seal_path(folder, seal.name), os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC
        )

    @property
    def head(self) -> bytes:
        return self._seal.head

    def start_at(self, seq: int, head: bytes) -> None:
        """What the ledger says is its head now: at or after the one that was sealed last."""
        self._seal = replace(self._seal, seq=seq, head=head)

    def next(self, rows: Iterable[Sequence[Any]]) -> bytes:
        """The head after these rows, which are to be committed."""
        return link(self._key, self._seal.head, rows)

    def advance(self, seq: int, head: bytes) -> None:
        """Notes what is durable now, without waiting for the disk. A seal that falls behind does no harm."""
        crash_point("seal.before_write")
        self.start_at(seq, head)
        if self._file is not None:
            with contextlib.suppress(OSError):
                data = self._seal.written(self._key)
                if os.pwrite(self._file, data, len(data) * self._slot) == len(data):
                    self._slot = 1 - self._slot
        crash_point("seal.written")

    def close(self) -> None:
        if self._file is None:
            return
        with contextlib.suppress(OSError):
            sync_file(self._file)
        os.close(self._file)
        self._file = None
