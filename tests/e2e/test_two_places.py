"""One asset, asked for on a screen and on a command line at the same time: it is made once."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

SCREEN = """
import sys
from pathlib import Path
from bakehouse.tui.terminal import run_screen
sys.exit(run_screen(Path(sys.argv[1]), trust=True))
"""
CAKE = """
assets:
  cake:
    shell: |
      echo made >> ../journal
      while [ ! -e ../ready ]; do sleep 0.02; done
      echo cake > "$OUTPUT"
"""
Opener = Callable[..., Any]


@pytest.fixture
def kitchen(tmp_path: Path) -> Path:
    folder = tmp_path / "kitchen"
    folder.mkdir()
    (folder / "bakehouse.yaml").write_text(CAKE)
    return folder


def journal(kitchen: Path) -> str:
    path = kitchen.parent / "journal"
    return path.read_text() if path.exists() else ""


@pytest.fixture
def line(kitchen: Path, environ: dict[str, str]) -> Iterator[Callable[[], subprocess.Popen[str]]]:
    """Starts `bakehouse materialize`."""
    started: list[subprocess.Popen[str]] = []

    def start() -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "bakehouse", "-C", str(kitchen), "materialize"]
        env = environ | {"BAKEHOUSE_TRUST": "1"}
        started.append(subprocess.Popen(command, env=env, stdout=-1, stderr=-1, text=True))
        return started[-1]

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.mark.case("K4")
def test_what_a_screen_makes_a_command_line_does_not_make_too(
    kitchen: Path, terminal: Opener, line: Callable[[], subprocess.Popen[str]]
) -> None:
    t = terminal(SCREEN, kitchen)
    t.sees("cake")
    t.press("a")
    t.until(lambda: journal(kitchen), "the step to begin")
    second = line()
    _, errors = second.communicate(timeout=60)
    assert second.returncode == 4 and f"process {t.pid}" in errors, errors
    (kitchen.parent / "ready").touch()
    t.sees("fresh")
    assert line().communicate(timeout=60)[1] == "" and journal(kitchen) == "made\n"


@pytest.mark.case("K4")
def test_what_a_command_line_makes_a_screen_does_not_make_too(
    kitchen: Path, terminal: Opener, line: Callable[[], subprocess.Popen[str]]
) -> None:
    t = terminal(SCREEN, kitchen)
    t.sees("cake")
    first = line()
    t.until(lambda: journal(kitchen), "the step to begin")
    t.press("a")
    t.sees(f"process {first.pid}")
    (kitchen.parent / "ready").touch()
    assert first.wait(60) == 0
    t.sees("fresh")
    assert journal(kitchen) == "made\n"
