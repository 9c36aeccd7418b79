"""Versions of the libraries that a step's code refers to."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import cache
from importlib.machinery import PathFinder

OURS = "bakehouse"


def library_of(module: str | None) -> str | None:
    """The top-level name of a module that is versioned; None for the standard library and for Bakehouse."""
    top = (module or "").partition(".")[0]
    if not top or top == OURS or top in sys.stdlib_module_names or top == "__main__":
        return None
    return top


@cache
def version_of(top: str) -> str | None:
    """The version of the distribution that gives this module, `absent` if there is no such module.

    None: it is there, but says no version.
    """
    from importlib import metadata  # 15 ms that a step without libraries does not pay

    try:
        return metadata.version(top)
    except (metadata.PackageNotFoundError, ValueError):
        pass
    for name in _distributions().get(top, ()):
        try:
            return metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    module = sys.modules.get(top)
    given = getattr(module, "__version__", None)
    if isinstance(given, str):
        return given
    return None if module is not None or _exists(top) else "absent"


@cache
def _distributions() -> Mapping[str, list[str]]:
    from importlib import metadata

    return metadata.packages_distributions()


def _exists(top: str) -> bool:
    return PathFinder.find_spec(top) is not None
