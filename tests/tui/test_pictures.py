"""Images on the Value tab: told from their header, decoded apart from the app, whatever is in them."""

from __future__ import annotations

import asyncio
import base64
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakehouse.core import pictures
from bakehouse.core.pictures import Picture, PictureError, Pixels, decoded, picture_of
from bakehouse.core.preview import preview_file
from bakehouse.tui.panes.picture import picture_lines


def png(
    width: int, height: int, rows: bytes | None = None, *, claims: tuple[int, int] | None = None
) -> bytes:
    """Red above, blue below."""
    lines = [b"\0" + (b"\xff\0\0" if y < height / 2 else b"\0\0\xff") * width for y in range(height)]
    data = zlib.compress(b"".join(lines) if rows is None else rows)
    size = claims or (width, height)

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", *size, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", data) + chunk(b"IEND", b"")


JPEG = (
    b"\xff\xd8\xff\xe0\x00\x10JFIF"
    + bytes(10)
    + b"\xff\xfe\x00\x04hi"
    + b"\xff\xc2\x00\x11\x08\x01\x02\x03\x04"
    + bytes(9)
)


def test_the_header_alone_says_what_an_image_is_and_how_large(tmp_path: Path) -> None:
    assert picture_of(png(7, 9)) == Picture("PNG", 7, 9)
    assert picture_of(b"GIF89a\x05\x00\x06\x01") == Picture("GIF", 5, 262)
    assert picture_of(JPEG) == Picture("JPEG", 0x0304, 0x0102)
    assert picture_of(b"GIF89a") == Picture("GIF") and picture_of(b"BM") is None
    (tmp_path / "x").write_bytes(png(7, 9))
    seen = preview_file(tmp_path / "x")
    assert seen.kind == "image" and seen.note.startswith("PNG image, 7 × 9 pixels, ")


@given(
    st.binary(max_size=300),
    st.sampled_from([b"", b"\xff\xd8\xff", b"GIF89a", b"\x89PNG\r\n\x1a\n", JPEG[:30]]),
)
def test_no_header_breaks_its_reader(data: bytes, magic: bytes) -> None:
    found = picture_of(magic + data)
    assert found is None or found.words


def test_an_image_is_made_to_fit_and_painted_two_pixels_a_cell() -> None:
    shown = decoded(png(40, 40), 20, 20)
    assert (shown.width, shown.height) == (20, 20)
    lines = picture_lines(shown)
    assert len(lines) == 10 and all("".join(bit.text for bit in line) == "▀" * 20 for line in lines)
    assert lines[0][0].style == "sgr 38;2;248;0;0;48;2;248;0;0" and "0;0;248" in lines[-1][0].style
    plain = picture_lines(Pixels(2, 1, b"\xff\xff\xff\0\0\0"), ascii_only=True)
    assert "".join(bit.text for bit in plain[0]).isascii()


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (png(1, 1, b"\0" * 100_000_000, claims=(60_000, 60_000)), "pixels are more than"),
        (png(8, 8)[:45], ""),
        (b"GIF89a" + b"\xff" * 400, ""),
        (JPEG, ""),
        (b"", ""),
    ],
    ids=["a bomb", "cut off", "noise", "a JPEG that is only a header", "nothing"],
)
def test_a_hostile_image_is_refused_with_a_word(data: bytes, why: str) -> None:
    with pytest.raises(PictureError, match="it is not shown") as caught:
        decoded(data, 40, 40)
    assert why in str(caught.value) and "Traceback" not in str(caught.value)


async def test_the_value_tab_draws_an_image_file_and_bytes_that_are_one(
    tmp_path: Path, screen: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = base64.b64encode(png(30, 30)).decode()
    (tmp_path / "steps.py").write_text(
        f"import base64\n\ndef draw():\n    return base64.b64decode('{kept}')\n"
    )
    (tmp_path / "photo.png").write_bytes(png(30, 30))
    (tmp_path / "bakehouse.yaml").write_text(
        "assets:\n  photo: {file: photo.png}\n  drawing: {python: 'steps:draw'}\n"
        '  copied: {deps: [photo], shell: \'cat "$photo" > "$OUTPUT"\'}\n'
    )
    program = [sys.executable, "-m", "bakehouse", "-C", str(tmp_path), "--trust", "-q", "materialize"]
    await asyncio.to_thread(subprocess.run, program, check=True, capture_output=True)
    async with screen(tmp_path) as s:
        s.app.side.go_to_tab("value")
        for name in ("drawing", "photo", "copied"):
            await s.go(name)
            await s.sees(name + "  ", "PNG image, 30 × 30 pixels", "▀▀▀▀▀▀▀▀")
        monkeypatch.setattr(pictures, "can_decode", lambda: False)
        await s.go("photo")
        await s.sees("PNG image, 30 × 30 pixels", "pip install 'bakehouse[images]'")
