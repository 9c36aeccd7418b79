"""The first file of every child process: gives the project's interpreter the package `bakehouse`, and no
other package of ours, then becomes a loader or a worker. Run as `python -P -X utf8 boot.py ROLE ARGUMENT…`.
"""

from __future__ import annotations

import sys

ROLES = {"load": "bakehouse.core.load.child", "work": "bakehouse.core.workers.worker"}
TOO_OLD = 78


def main(argv: list[str]) -> int:
    """The exit status of the role, or TOO_OLD."""
    if sys.version_info[:2] < (3, 11):  # noqa: UP036
        sys.stderr.write("{} is older than Python 3.11\n".format(sys.executable))  # noqa: UP032
        return TOO_OLD
    import importlib

    role, *arguments = argv
    provide_package()
    status: int = importlib.import_module(ROLES[role]).main(arguments)
    return status


def provide_package() -> None:
    """Make `import bakehouse` mean the package that this file belongs to, wherever it lies."""
    from importlib.machinery import SourceFileLoader
    from importlib.util import module_from_spec, spec_from_file_location
    from pathlib import Path

    folder = Path(__file__).absolute().parent.parent
    first = str(folder / "__init__.py")
    loader = SourceFileLoader("bakehouse", first)
    spec = spec_from_file_location(
        "bakehouse", first, loader=loader, submodule_search_locations=[str(folder)]
    )
    if spec is None:
        raise ImportError(f"{folder} is no package")
    package = module_from_spec(spec)
    sys.modules["bakehouse"] = package
    loader.exec_module(package)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
