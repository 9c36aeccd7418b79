"""Images among values: what their first bytes say, and their pixels, which another process decodes.

A decoder is fed by whoever made the file, so it runs in a child with little memory and time, and a picture that would
unfold to more than `MOST_PIXELS` is refused. Pixels need Pillow, an extra; what it is and how large is read without it.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from .model import Stored

if TYPE_CHECKING:
    from .workbench import Workbench

MOST_BYTES = 64 << 20
MOST_PIXELS = 50_000_000
LIMIT = 15.0
"""Seconds that decoding may take."""
MISSING = "pip install 'bakehouse[images]' shows it"
_CHILD = Path(__file__).with_name("picturing.py")
_NO_SIZE = frozenset({0xC4, 0xC8, 0xCC})


class PictureError(Exception):
    """The picture cannot be shown; the message says why."""


@dataclass(frozen=True, slots=True)
class Picture:
    """What the header says; `width` and `height` in pixels, None where it does not say so at its place."""

    form: str
    width: int | None = None
    height: int | None = None

    @property
    def words(self) -> str:
        if self.width is None or self.height is None:
            return f"{self.form} image"
        return f"{self.form} image, {self.width:,} × {self.height:,} pixels"


@dataclass(frozen=True, slots=True)
class Pixels:
    """`data` has three bytes, red, green and blue, for each pixel, line by line."""

    width: int
    height: int
    data: bytes


def picture_of(head: bytes) -> Picture | None:
    """What the first bytes of a PNG, JPEG or GIF say; None for anything else."""
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return Picture("PNG", *_two(head[16:24], "big", 4)) if head[12:16] == b"IHDR" else Picture("PNG")
    if head.startswith((b"GIF87a", b"GIF89a")):
        return Picture("GIF", *_two(head[6:10], "little", 2))
    return _jpeg(head) if head.startswith(b"\xff\xd8\xff") else None


def _two(data: bytes, order: Literal["big", "little"], size: int) -> tuple[int, int] | tuple[None, None]:
    if len(data) < 2 * size:
        return None, None
    return int.from_bytes(data[:size], order), int.from_bytes(data[size:], order)


def _jpeg(head: bytes) -> Picture:
    """The size is in the first frame header (SOF), behind any number of other segments."""
    at = 2
    while at + 9 <= len(head) and head[at] == 0xFF:
        kind = head[at + 1]
        if kind == 0xFF:
            at += 1
        elif 0xC0 <= kind <= 0xCF and kind not in _NO_SIZE:
            height, width = _two(head[at + 5 : at + 9], "big", 2)
            return Picture("JPEG", width, height)
        else:
            at += 2 + max(2, int.from_bytes(head[at + 2 : at + 4], "big"))
    return Picture("JPEG")


def can_decode() -> bool:
    """Whether Pillow is there. Imports nothing."""
    return find_spec("PIL") is not None


def pixels_of(bench: Workbench, asset: str, columns: int, rows: int) -> Pixels:
    """The image that `asset` is, made to fit into so many pixels. Blocking. Raises PictureError, StoreError."""
    if not can_decode():
        raise PictureError(MISSING)
    return decoded(_bytes_of(bench, asset), columns, rows)


def _bytes_of(bench: Workbench, asset: str) -> bytes:
    path = bench.source_file(asset)
    if path is None and (made := bench.materialization(asset)) is not None:
        value: Stored = made.value
        if value.inline is not None or value.codec == "json":
            return _plain_bytes(bench, value)
        path = bench.store.values.path(value)
    if path is None:
        raise PictureError("there is no value yet")
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise PictureError(f"{path} cannot be read: {error.strerror}") from error
    if len(data) > MOST_BYTES:
        raise PictureError(f"it is not shown: more than {MOST_BYTES >> 20} MiB")
    return data


def _plain_bytes(bench: Workbench, value: Stored) -> bytes:
    data = value.inline if value.inline is not None else bench.store.values.path(value).read_bytes()
    if value.codec != "json":
        return data
    from .workers import plain

    found = plain.loads(data)
    if not isinstance(found, bytes):
        raise PictureError("the value is no image")
    return found


def decoded(data: bytes, columns: int, rows: int) -> Pixels:
    """The image in `data`, made to fit into so many pixels. Blocking. Raises PictureError."""
    command = [sys.executable, "-I", str(_CHILD), str(max(1, columns)), str(max(1, rows)), str(MOST_PIXELS)]
    try:
        done = subprocess.run(command, input=data, capture_output=True, timeout=LIMIT, check=False)
    except subprocess.TimeoutExpired as error:
        raise PictureError(f"it is not shown: decoding took more than {LIMIT:.0f} s") from error
    except OSError as error:
        raise PictureError(f"it is not shown: {error}") from error
    size, _, pixels = done.stdout.partition(b"\n")
    if done.returncode == 0 and len(numbers := size.split()) == 2 and all(one.isdigit() for one in numbers):
        width, height = map(int, numbers)
        if len(pixels) == 3 * width * height and width <= columns and height <= rows:
            return Pixels(width, height, pixels)
    told = done.stderr.decode("utf-8", "replace").strip().splitlines()
    raise PictureError(f"it is not shown: {told[-1][:200] if told else 'its decoder was ended'}")
