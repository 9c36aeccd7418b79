"""Decodes one image in a process of its own: `picturing.py COLUMNS ROWS PIXELS` reads it from stdin and
writes its size and its pixels. Needs the standard library and Pillow alone."""

from __future__ import annotations

import io
import resource
import sys
import warnings

MEMORY = 1 << 30
SECONDS = 10


def main(columns: int, rows: int, most: int) -> str:
    """Returns what is wrong with the image, or nothing."""
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":  # elsewhere the limit is not kept, or keeps Python from starting
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    from PIL import Image

    warnings.simplefilter("ignore")
    Image.MAX_IMAGE_PIXELS = None  # the size is looked at here, before anything is decoded
    try:
        image = Image.open(io.BytesIO(sys.stdin.buffer.read()), formats=("PNG", "JPEG", "GIF"))
        if image.width * image.height > most:
            return f"{image.width:,} × {image.height:,} pixels are more than {most:,}"
        image.draft("RGB", (columns, rows))
        shown: Image.Image = image.convert("RGBA")
        shown.thumbnail((columns, rows))
        ground = Image.new("RGBA", shown.size, (0, 0, 0, 255))
        ground.alpha_composite(shown)
    except MemoryError:
        return "decoding it takes too much memory"
    except Exception as error:  # a decoder of foreign data may fail in any way
        return f"{type(error).__name__}: {error}"
    sys.stdout.buffer.write(b"%d %d\n" % ground.size + ground.convert("RGB").tobytes())
    return ""


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:4])) or 0)
