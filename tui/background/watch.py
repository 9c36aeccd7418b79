"""Sees when the project's files change, and waits until they have stopped changing."""

from __future__ import annotations

import asyncio
import hashlib
import stat
from collections.abc import Awaitable, Callable, Iterable, Mapping
from pathlib import Path

from ...core.load.files import is_as_read

SETTLE = 0.2
"""Seconds for which the files must stay as they are."""
POLL = 2
"""Seconds between two looks where changes are not told."""
_WATCHED = frozenset({".yaml", ".yml", ".py", ".sql", ".csv", ".json", ".parquet", ".txt", ".toml", ".sh"})
_IGNORED = frozenset(
    {".bakehouse", ".git", "__pycache__", ".venv", "node_modules", ".mypy_cache", ".ruff_cache"}
)
_READ_WHOLE = 1 << 20


def is_watched(path: Path, root: Path, extra: frozenset[Path] = frozenset()) -> bool:
    """False for what no definition or source can be: caches, the store, an editor's own files."""
    if path in extra:
        return True
    parts = path.relative_to(root).parts if path.is_relative_to(root) else path.parts
    if any(part in _IGNORED for part in parts[:-1]):
        return False
    return path.suffix in _WATCHED and not path.name.startswith((".", "#"))


def fingerprint(paths: Iterable[Path]) -> Mapping[Path, str]:
    """What each path holds now: a digest, or the stamp of a large file; empty where there is nothing."""
    found = {}
    for path in paths:
        try:
            status = path.stat()
            if status.st_size > _READ_WHOLE or not stat.S_ISREG(status.st_mode):
                found[path] = f"{status.st_size}:{status.st_mtime_ns}:{status.st_ino}"
            else:
                found[path] = hashlib.sha256(path.read_bytes()).hexdigest()
        except OSError:
            found[path] = ""
    return found


async def settle(paths: Iterable[Path]) -> None:
    """Returns when two readings of `paths`, `SETTLE` seconds apart, were equal."""
    paths = tuple(paths)
    before = await asyncio.to_thread(fingerprint, paths)
    while True:
        await asyncio.sleep(SETTLE)
        now = await asyncio.to_thread(fingerprint, paths)
        if now == before:
            return
        before = now


async def watch(
    root: Path,
    paths: Iterable[Path],
    files: Mapping[str, str],
    changed: Callable[[], Awaitable[None]],
    told: Callable[[str], object] = lambda words: None,
) -> None:
    """Calls `changed` after files under `paths` changed and came to rest, and at the start if `files` (as they
    were read) are not what is there any more. Ends when it is cancelled.

    Where the system has no watches left, or the file system has none, `told` is told so, and the files are
    looked at every `POLL` seconds.
    """
    try:
        await _watch(root, paths, files, changed, polling=False)
    except (OSError, RuntimeError) as error:
        told(f"the files cannot be watched, so they are looked at every {POLL} seconds: {error}")
        await _watch(root, paths, files, changed, polling=True)


async def _watch(
    root: Path,
    paths: Iterable[Path],
    files: Mapping[str, str],
    changed: Callable[[], Awaitable[None]],
    polling: bool,
) -> None:
    watchfiles = await asyncio.to_thread(_import_watchfiles)
    stop = asyncio.Event()

    def wanted(_change: object, path: str) -> bool:
        return is_watched(Path(path), root)

    existing = [path for path in dict.fromkeys(paths) if path.exists()]
    if not existing:
        return
    how = {"force_polling": polling, "poll_delay_ms": POLL * 1000}
    stream = watchfiles.awatch(*existing, watch_filter=wanted, debounce=100, step=50, stop_event=stop, **how)
    coming = asyncio.ensure_future(anext(stream))
    try:
        await settle(root / name for name in files)
        if not await asyncio.to_thread(is_as_read, root, files):
            await changed()
        while True:
            changes = await coming
            coming = asyncio.ensure_future(anext(stream))
            await settle(Path(path) for _kind, path in changes)
            await changed()
    finally:
        stop.set()
        coming.cancel()


def _import_watchfiles():  # type: ignore[no-untyped-def]
    import watchfiles

    return watchfiles
