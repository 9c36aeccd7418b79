"""Keeps Python's cycle collector from going over a growing heap again and again while much is built."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collector_paused() -> Iterator[None]:
    """Building 100,000 definitions makes no garbage, but the collector would look for it for seconds."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def keep_for_good() -> None:
    """What is there now stays, as far as the collector is concerned: it does not go over definitions of 100,000 nodes
    again at each of its rounds, which takes a second of somebody's key. What nobody refers to any more is freed
    nevertheless, but for what refers to itself: of that, snapshots of definitions have none."""
    gc.freeze()
