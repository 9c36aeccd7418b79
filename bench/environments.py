"""The environment of each peer: what is installed, in which version, made on first use."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from measure import Unfit

HERE = Path(__file__).resolve().parent
ENVIRONMENTS = HERE / ".venv"

TABLES = ("pandas==3.1.1", "pyarrow==26.0.1")
PACKAGES: dict[str, tuple[str, ...]] = {
    "doit": ("doit==0.37.0",),
    "ninja": ("ninja==1.13.0",),
    "luigi": ("luigi==3.8.1",),
    "hamilton": ("apache-hamilton==1.90.0", "diskcache==5.6.3"),
    "dask": ("dask[distributed]==2026.8.0",),
    "redun": ("redun==0.44.1",),
    "snakemake": ("snakemake==9.27.1",),
    "dagster": ("dagster==1.13.27", TABLES[0]),
    "prefect": ("prefect==3.7.2", "fastapi==0.119.1"),
    "tables": (*TABLES, "duckdb==2.0.0"),
}
"""What pip installs for each; the first is the peer itself."""

_failed: dict[str, str] = {}


def python_of(peer: str) -> Path:
    """The interpreter of the environment of `peer`. Raises Unfit, with the reason, where it cannot be made."""
    if peer in _failed:
        raise Unfit(_failed[peer])
    packages = PACKAGES[peer]
    folder = ENVIRONMENTS / peer
    python, ready = folder / "bin" / "python", folder / ".ready"
    wanted = "\n".join(packages)
    if not ready.is_file() or ready.read_text() != wanted:
        print(f"  an environment for {peer}: {', '.join(packages)}", file=sys.stderr)
        try:
            _install(folder, python, packages)
        except (OSError, subprocess.SubprocessError) as fault:
            _failed[peer] = f"not installed: {_reason(fault)}"
            raise Unfit(_failed[peer]) from fault
        ready.write_text(wanted)
    return python


def program_of(peer: str, program: str) -> Path:
    return python_of(peer).parent / program


def _install(folder: Path, python: Path, packages: tuple[str, ...]) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", folder], check=True, capture_output=True)
    quiet = ("-q", "--disable-pip-version-check")
    command = [python, "-m", "pip", "install", *quiet, *packages]
    subprocess.run(command, check=True, capture_output=True, timeout=600)


def _reason(fault: Exception) -> str:
    told: bytes = getattr(fault, "stderr", None) or str(fault).encode()
    lines = told.decode(errors="replace").strip().splitlines()
    return next(
        (line for line in reversed(lines) if "ERROR" in line), lines[-1] if lines else "no reason given"
    )


if __name__ == "__main__":
    for each in sys.argv[1:] or PACKAGES:
        try:
            print(each, python_of(each))
        except Unfit as unfit:
            print(each, unfit)
