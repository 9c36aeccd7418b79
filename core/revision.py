"""The files of a project as they were at a commit, read from git without touching the work tree or running anything.

Only objects are read (`ls-tree`, `cat-file`): no filter, hook or attribute of the repository has a say.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from .problems import ProblemError

MOST_BYTES = 256 * 2**20
MOST_FILES = 50_000
_CODE = (".py", ".yaml", ".yml", ".sql")
_MOST_OF_CODE = 16 * 2**20
_MOST_OF_ELSE = 2**20
_SECONDS = 60


class _Blob(NamedTuple):
    digest: str
    size: int
    path: str


def write_revision(root: Path, revision: str, folder: Path) -> None:
    """Writes the files below `root`, as they were at `revision`, below `folder`.

    Data of more than 1 MiB is left out: definitions need the code. Raises ProblemError where git, the
    repository or the commit is not there, or there is too much.
    """
    commit = _git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    if not commit.strip():
        raise ProblemError(
            f"{revision!r} is neither a file nor a commit of the repository of {root}",
            "name a branch, a tag, a commit, or another definitions file",
        )
    blobs = list(
        _wanted(_git(root, "ls-tree", "-r", "-z", "-l", "--end-of-options", commit.decode().strip()))
    )
    if len(blobs) > MOST_FILES or sum(blob.size for blob in blobs) > MOST_BYTES:
        raise ProblemError(f"{revision} has too many files to compare with ({len(blobs):,})", "")
    _write(root, blobs, folder)


def _wanted(listing: bytes) -> Iterator[_Blob]:
    for entry in filter(None, listing.split(b"\0")):
        head, _, name = entry.partition(b"\t")
        mode, kind, digest, size = head.split()
        path = os.fsdecode(name)
        if kind != b"blob" or not mode.startswith(b"100") or ".." in PurePosixPath(path).parts:
            continue
        most = _MOST_OF_CODE if path.endswith(_CODE) else _MOST_OF_ELSE
        if int(size) <= most:
            yield _Blob(digest.decode(), int(size), path)


def _write(root: Path, blobs: list[_Blob], folder: Path) -> None:
    asked = "".join(f"{blob.digest}\n" for blob in blobs).encode()
    told = _git(root, "cat-file", "--batch", asked=asked)
    at = 0
    for blob in blobs:
        start = told.index(b"\n", at) + 1
        at = start + blob.size + 1
        path = folder / blob.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(told[start : start + blob.size])


def _git(root: Path, *words: str, asked: bytes = b"") -> bytes:
    quiet = {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "GIT_NO_LAZY_FETCH": "1"}
    command = ["git", "-c", "core.fsmonitor=false", "-C", str(root), *words]
    try:
        done = subprocess.run(
            command,
            input=asked,
            capture_output=True,
            timeout=_SECONDS,
            env={**os.environ, **quiet},
            check=False,
        )
    except FileNotFoundError:
        raise ProblemError("git is not installed", "to compare with a commit, install it") from None
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ProblemError(f"git {words[0]} did not work in {root}: {error}", "") from error
    if done.returncode and not (words[0] == "rev-parse" and not done.stderr):
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise ProblemError(f"git {words[0]}: {said[-1] if said else f'exit {done.returncode}'}", "")
    return done.stdout
