"""Values in the encodings that plugins bring, where no encoding of our own holds them.

Runs in the project's interpreter.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from ..model import Stored
from ..plugins import plugins
from .codecs import CannotRead, CannotStore, finished_file, preview
from .sink import Encoded


def encode(value: object, scratch_file: Path) -> Encoded | None:
    """The value as the first codec that handles it writes it; None if none does. Raises CannotStore."""
    for name, (plugin, codec) in plugins().codecs.items():
        try:
            if not codec.handles(value):
                continue
            scratch_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            codec.write(value, scratch_file)
        except Exception as error:
            raise CannotStore(f"the codec {name} of the plugin {plugin} failed: {_said(error)}") from error
        if scratch_file.is_symlink() or not scratch_file.is_file():
            raise CannotStore(
                f"the codec {name} of the plugin {plugin} left no file at the path it was given"
            )
        kind = f"{type(value).__module__}.{type(value).__qualname__}"
        done = finished_file(scratch_file, name, kind, {"preview": preview(value)})
        return replace(done, classes=(type(value),))
    return None


def decode(stored: Stored, path: Path, asset: str) -> Any:
    """The value that a codec reads from the file at `path`. Raises CannotRead."""
    found = plugins().codecs.get(stored.codec)
    if found is None:
        wanting = filter(None, (f"no plugin brings the codec {stored.codec!r}", plugins().told()))
        hint = "install it for the interpreter of the steps, or make the value anew"
        raise CannotRead(f"the value of {asset} cannot be read: {'; '.join(wanting)} ({hint})")
    plugin, codec = found
    try:
        return codec.read(path)
    except Exception as error:
        told = f"the codec {stored.codec} of the plugin {plugin} failed: {_said(error)}"
        raise CannotRead(f"the value of {asset} cannot be read: {told}") from error


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".split("\n", 1)[0][:500]
