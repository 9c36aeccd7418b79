"""Steps that print without end: what is kept is bounded, what is kept is right, and the run goes on."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest
from harness.program import bakehouse as called

from bakehouse.core.store.logs import HEAD, TAIL

MB = 1 << 20


Project = Callable[..., Path]
bakehouse = partial(called, text=False)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    def make(folder: str = "project", **commands: str) -> Path:
        root = tmp_path / folder
        root.mkdir(exist_ok=True)
        tasks = {name: {"shell": command} for name, command in commands.items()}
        (root / "bakehouse.yaml").write_text(json.dumps({"tasks": tasks}))
        return root

    return make


def log_of(root: Path, task: str) -> Path:
    (log,) = (root / ".bakehouse" / "logs").glob(f"*/{task}.1.log")
    return log


@pytest.mark.case("L1", "L2")
@pytest.mark.full
@pytest.mark.parametrize(
    "command",
    ["timeout 20 yes || true", "head -c 1000000000 /dev/zero | tr '\\0' x"],
    ids=["lines for twenty seconds", "one line of a gigabyte"],
)
def test_a_flood_fills_neither_the_memory_nor_the_disk(
    project: Project, environ: dict[str, str], command: str
) -> None:
    root = project(flood=command, after="echo after")
    process = subprocess.Popen(
        [str(Path(sys.executable).with_name("bakehouse")), "materialize", "--json"],
        cwd=root, env=environ, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    most, told = 0, 0
    assert process.stdout is not None
    for line in process.stdout:
        told += len(line)
        most = max(most, psutil.Process(process.pid).memory_info().rss)
    process.stdout.close()
    assert process.wait() == 0
    assert most < 150 * MB
    assert told < 20 * MB
    assert log_of(root, "flood").stat().st_size <= HEAD + TAIL + 100
    assert log_of(root, "after").read_bytes() == b"after\n"


@pytest.mark.case("L3")
def test_any_bytes_are_kept_as_they_were_printed(project: Project, environ: dict[str, str]) -> None:
    script = """
import os, random, sys, time
dice, out = random.Random(3), sys.stdout.buffer
odd = [b"\\xff\\xfe", "\\u6f22".encode()[:2], "x\\u0301".encode("utf-16"), b"\\xed\\xa0\\x80"]
odd += [b"\\0" * 9, b"\\r", b"\\x1b]0;x", b"\\n"]
for _ in range(3000):
    out.write(dice.choice([dice.randbytes(dice.randint(1, 3000)), *odd]))
    out.flush()
"""
    root = project(noise="python3 noise.py")
    (root / "noise.py").write_text(script)
    done = bakehouse("materialize", "--json", at=root, env=environ)
    assert done.returncode == 0, done.stderr
    wanted = subprocess.run([sys.executable, root / "noise.py"], capture_output=True, check=True).stdout
    assert hashlib.sha256(log_of(root, "noise").read_bytes()).digest() == hashlib.sha256(wanted).digest()
    for line in done.stdout.decode().splitlines():
        json.loads(line)
    assert bakehouse("logs", "noise", "--raw", at=root, env=environ).stdout == wanted
    shown = bakehouse("logs", "noise", at=root, env=environ).stdout.decode()
    assert "\x1b" not in shown and "\0" not in shown


@pytest.mark.case("L5", "L8")
def test_two_streams_of_many_lines_lose_none_and_keep_their_order(
    project: Project, environ: dict[str, str]
) -> None:
    script = """
import os
for number in range(50_000):
    os.write(1 + number % 2, b"%d %d\\n" % (1 + number % 2, number))
"""
    root = project(both="python3 both.py")
    (root / "both.py").write_text(script)
    done = bakehouse("materialize", "--json", at=root, env=environ)
    assert done.returncode == 0, done.stderr
    lines = [line.split() for line in log_of(root, "both").read_text().splitlines()]
    assert [int(number) for _, number in lines] == list(range(50_000))
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert [event["seq"] for event in told] == sorted(event["seq"] for event in told)
    assert sum(event["event"] == "log" for event in told) < 50_000, "told are as many as can be read"
    assert any("more lines in the log" in event.get("line", "") for event in told)


@pytest.mark.case("L6")
def test_who_looks_on_and_is_stopped_holds_no_run_up(project: Project, environ: dict[str, str]) -> None:
    root = project(one="echo one", two="seq 1 20000", three="echo three")
    assert bakehouse("materialize", "one", at=root, env=environ).returncode == 0
    looks = "import sqlite3, sys, time\nledger = sqlite3.connect(sys.argv[1])\nledger.execute('begin')\n"
    looks += (
        "ledger.execute('select * from events').fetchall(); print('looking', flush=True); time.sleep(600)\n"
    )
    onlooker = subprocess.Popen(
        [sys.executable, "-c", looks, str(root / ".bakehouse" / "ledger.db")],
        stdout=subprocess.PIPE,
        env=environ,
    )
    try:
        assert onlooker.stdout is not None and onlooker.stdout.readline() == b"looking\n"
        onlooker.send_signal(signal.SIGSTOP)
        assert bakehouse("materialize", "--force", at=root, env=environ).returncode == 0
    finally:
        onlooker.kill()
        onlooker.communicate()


@contextmanager
def small_disk(at: Path, size: str) -> Iterator[None]:
    at.mkdir(parents=True, exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(at)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("L7: needs root and mount")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(at)], check=True)


@pytest.mark.case("L7")
def test_a_disk_full_of_logs_costs_the_rest_of_the_log_and_says_so(
    project: Project, environ: dict[str, str]
) -> None:
    root = project(
        loud='echo begin; head -c 5000000 /dev/zero | tr "\\0" x; echo end',
        quiet="echo quiet",
        late="echo late",
    )
    (root / ".bakehouse").mkdir(mode=0o700)
    with small_disk(root / ".bakehouse" / "logs", "1m"):
        done = bakehouse("materialize", "--json", "--jobs", "1", at=root, env=environ)
        told: list[dict[str, Any]] = [json.loads(line) for line in done.stdout.splitlines()]
        assert done.returncode == 0, done.stderr
        lines = [event["line"] for event in told if event["event"] == "log" and event["task"] == "loud"]
        assert lines[0] == "begin"
        assert any("the log is cut off" in line for line in lines)
        shown = bakehouse("logs", "loud", at=root, env=environ)
        assert shown.returncode == 0 and shown.stdout.startswith(b"begin\n")
