"""Where the output goes: a reader that goes away, a full disk, a stream that is closed, text from strangers."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Call = Callable[..., subprocess.CompletedProcess[str]]

COMMANDS = ("ls", "schema", "why bread", "logs dough", "graph --format json", "runs")
FULL = Path("/dev/full")


@pytest.fixture
def shell(project: Path, environ: dict[str, str]) -> Call:
    """Runs a line of bash in which `bakehouse` is the program on the project; `rc` are its exit codes."""

    def run(line: str) -> subprocess.CompletedProcess[str]:
        program = f"{sys.executable} -m bakehouse -C {project} --trust"
        script = f'set -o pipefail; bakehouse() {{ {program} "$@"; }}; {line}'
        kept = {name: value for name, value in environ.items() if name != "PYTHONUNBUFFERED"}
        return subprocess.run(["bash", "-c", script], env=kept, capture_output=True, text=True, timeout=120)

    return run


def each(how: str) -> str:
    """Every command with its output going there, and the exit codes on a line of their own."""
    return (
        "; ".join(f"bakehouse {command} {how}; codes=$codes' '$?" for command in COMMANDS) + "; echo $codes"
    )


@pytest.mark.parametrize(
    ("how", "code", "told"),
    [
        ("| head -c 1 >/dev/null", 141, ""),
        (">&-", 0, ""),
        (">&- 2>&-", 0, ""),
        ("2>/dev/full >/dev/null", 0, ""),
        pytest.param(
            ">/dev/full",
            1,
            "bakehouse: the output cannot be written: No space left on device\n",
            marks=pytest.mark.skipif(not FULL.exists(), reason="there is no /dev/full"),
        ),
    ],
)
def test_a_command_that_nobody_can_hear_ends_in_words(shell: Call, how: str, code: int, told: str) -> None:
    shell("bakehouse -q materialize")
    done = shell(each(how))
    codes = {int(word) for word in done.stdout.split()}
    assert codes == {code} if code != 141 else codes <= {0, 141}, done.stdout
    assert done.stderr == told * len(COMMANDS)


def test_a_run_that_cannot_be_told_any_more_is_recorded_and_frees_the_project(
    shell: Call, call: Call, project: Path
) -> None:
    if not FULL.exists():
        pytest.skip("there is no /dev/full")
    done = shell("bakehouse materialize >/dev/full")
    assert done.returncode == 1
    assert done.stderr == "bakehouse: the output cannot be written: No space left on device\n"
    assert "cancelled" in call("runs").stdout
    assert call("materialize").returncode == 0


def test_a_run_without_any_output_runs_to_its_end_and_says_how_it_went(shell: Call, call: Call) -> None:
    assert shell("bakehouse materialize <&- >&- 2>&-").returncode == 0
    assert call("status", "--check").returncode == 0


def test_with_closed_streams_no_file_of_the_store_takes_the_place_of_stdout(
    shell: Call, call: Call, project: Path
) -> None:
    (project / "bakehouse.yaml").write_text("assets:\n  a: {shell: 'echo noise; echo noise >&2'}\n")
    shell("bakehouse materialize <&- >&- 2>&-")
    assert call("doctor").returncode == 0
    assert call("logs", "a").stdout == "noise\nnoise\n"


def test_colours_do_not_move_the_columns_and_can_be_switched_off(call: Call) -> None:
    call("materialize")
    plain = call("ls").stdout
    coloured = call("ls", FORCE_COLOR="1").stdout
    assert "\x1b[32m" in coloured and re.sub(r"\x1b\[\d*m", "", coloured) == plain
    assert call("ls", FORCE_COLOR="1", NO_COLOR="1").stdout == plain
    assert (
        len({line.index(word) for line, word in zip(plain.splitlines(), ("flour", "water"), strict=False)})
        == 1
    )


def test_a_name_is_whole_in_a_pipe_and_cut_in_its_middle_on_a_terminal(
    shell: Call, project: Path, environ: dict[str, str]
) -> None:
    names = ["a" + "b" * 90 + end for end in ("_first", "_second")]
    (project / "bakehouse.yaml").write_text(
        "".join(["assets:\n", *(f"  {name}: {{file: x}}\n" for name in names)])
    )
    assert [line.split()[1] for line in shell("bakehouse ls").stdout.splitlines()] == names
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "bakehouse", "-C", str(project), "ls"]
    subprocess.run(command, env=environ | {"NO_COLOR": "1"}, stdout=theirs, timeout=60, check=True)
    os.close(theirs)
    shown = [line.split()[1] for line in os.read(ours, 1 << 16).decode().splitlines()]
    os.close(ours)
    assert [name[-7:] for name in shown] == [name[-7:] for name in names] and all("b…" in n for n in shown)


HOSTILE = "\x1b]0;owned\x07\x9b31m\u202e\r"


@pytest.mark.parametrize(
    "words",
    [("lss",), ("runs", "a"), ("why",), ("show",), ("logs",), ("ls",), ("runs",), ("completion",), ("-C",)],
)
def test_a_hostile_argument_is_never_printed_as_it_is(call: Call, words: tuple[str, ...]) -> None:
    done = call(*words, HOSTILE)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert not set("\x1b\x07\x9b\u202e\r") & set(done.stdout + done.stderr)


def test_an_error_of_several_lines_stays_several_lines(call: Call, project: Path) -> None:
    (project / "steps.py").write_text("def fail():\n    raise SystemExit('first\\nsecond\\x1b[31m')\n")
    (project / "bakehouse.yaml").write_text("assets:\n  bread: {python: 'steps:fail'}\n")
    done = call("materialize")
    assert "first" in done.stdout and "second" in done.stdout and "␊" not in done.stdout + done.stderr
    for words in (("ls",), ("plan",), ("why", "bread"), ("runs",), ("logs", "bread")):
        looked = call(*words)
        assert not set("␊\x1b") & set(looked.stdout + looked.stderr), words
