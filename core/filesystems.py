"""Which file system a path lies on: SQLite's log needs memory that is shared, and a network has none."""

from __future__ import annotations

import os
import re
from pathlib import Path

MOUNTS = Path("/proc/self/mountinfo")
NETWORK = frozenset(
    {"9p", "acfs", "afs", "beegfs", "ceph", "cifs", "coda", "gfs", "glusterfs", "gpfs", "lustre", "ncpfs"}
    | {"nfs", "nfs4", "ocfs2", "orangefs", "smb3", "smbfs"}
)
_REMOTE = re.compile(r"fuse\.(?:sshfs|s3fs|rclone|gcsfuse|glusterfs|ceph|davfs|goofys|juicefs|smbnetfs)\b.*")
_ESCAPE = re.compile(r"\\([0-7]{3})")


def kind_of(path: Path) -> str:
    """The type of the file system, as the kernel names it, of `path` or of what is there of it; empty where
    that is not known. Never raises."""
    try:
        lines = MOUNTS.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return ""
    real = os.path.realpath(path)
    best, kind = "", ""
    for line in lines:
        head, _, tail = line.partition(" - ")
        fields = head.split(" ")
        if len(fields) < 5:
            continue
        place = _ESCAPE.sub(lambda found: chr(int(found[1], 8)), fields[4])
        inside = real == place or real.startswith(place.rstrip("/") + "/")
        if inside and len(place) >= len(best):  # what was mounted last covers what was there before
            best, kind = place, tail.partition(" ")[0]
    return kind


def network_of(path: Path) -> str:
    """The type of the network file system that `path` lies on; empty if it is none."""
    kind = kind_of(path)
    return kind if kind in NETWORK or _REMOTE.fullmatch(kind) else ""
