"""Python steps in warm workers: what they get, what they leave, and that a death is nobody else's."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakehouse.core.engine.executor import Order
from bakehouse.core.model import PythonAction
from bakehouse.core.workers.codecs import encode
from bakehouse.core.workers.pool import Workers
from bakehouse.core.workers.stream import Splitter, begin_mark, end_mark

Begin = Callable[..., Awaitable[Any]]

STEPS = """
import asyncio, ctypes, os, subprocess, sys, threading, time
from pathlib import Path
from bakehouse import Context

SUGAR = 2

def noop(): pass
def one(): return 1
def double(x): return x * SUGAR
async def later(x): await asyncio.sleep(0); return x + 1
def keywords(x, **rest): return [x, sorted(rest.items())]
def defaults(x, y=5, *, z): return [x, y, z]
def content(flour: Path, water): return [flour.read_text(), water, os.getcwd(), os.environ["BAKER"]]
def two(): return {"a": 1, "b_c": 2}
def half(): return {"a": 1}
def pid(): return os.getpid()
def said(context: Context):
    context.progress(0.1)
    for n in range(1000):
        context.progress(n / 1000, str(n))
    context.progress(1, "last")
    context.metadata(rows=3, odd={1, 2}, huge="x" * 100_000)
    context.log.info("noted")
    return None
def boom():
    def inner(): raise ValueError("no eggs\\nleft")
    try: inner()
    except ValueError as e: raise KeyError("egg") from e
def os_exit(): print("going", flush=True); os._exit(3)
def sys_exit(): sys.exit(0)
def segfault(): ctypes.string_at(0)
def forks():
    if os.fork() == 0: return "child"
    os.wait(); return "parent"
def threads(): threading.Thread(target=time.sleep, args=(60,), daemon=True).start(); return 1
def leaves_child(): return subprocess.Popen(["sleep", "60"]).pid
def stubborn():
    import signal
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print("ready", flush=True); time.sleep(60)
def sleeps(seconds=60): print("asleep", flush=True); time.sleep(seconds)
def mark(path): Path(path).open("a").write("x")
def reads(): return [sys.stdin.read(), subprocess.run(["cat"], capture_output=True).stdout.decode()]
def descriptors():
    places = [f"/proc/self/fd/{n}" for n in os.listdir("/proc/self/fd")]
    return sorted(os.readlink(place).split(":")[0] for place in places if os.path.lexists(place))
def childs_descriptors():
    return subprocess.run(["ls", "/proc/self/fd"], capture_output=True, close_fds=False).stdout.split()
def noisy(n):
    for i in range(20):
        print(f"out {n}"); print(f"err {n}", file=sys.stderr); os.system(f"echo child {n}")
    sys.stdout.write(f"no newline {n}")
def flood():
    line = "x" * 1000
    while True: print(line)
def replaces():
    import io
    sys.stdout = io.StringIO(); print("lost")
def printing(): print("seen")
"""


async def test_functions_get_their_inputs_params_and_context(begin: Begin, tmp_path: Path) -> None:
    steps = await begin(STEPS)
    flour = tmp_path / "flour"
    flour.write_text("white")
    x = encode(20, tmp_path / "unused").stored
    cases: list[tuple[str, dict[str, Any], Any]] = [
        ("one", {}, 1),
        ("double", {"inputs": {"x": x}}, 40),
        ("later", {"inputs": {"x": x}}, 21),
        ("keywords", {"inputs": {"x": x, "y": x, "z": None}}, [20, [("y", 20), ("z", None)]]),
        ("defaults", {"inputs": {"x": x}, "params": {"z": 1}}, [20, 5, 1]),
        ("content", {"inputs": {"flour": str(flour), "water": None}, "env": {"BAKER": "Ada"}},
         ["white", None, str(steps.root), "Ada"]),
        ("forks", {}, "parent"),
    ]  # fmt: skip
    for function, more, expected in cases:
        outcome = await steps.outcome(steps.python(function, **more))
        assert outcome.ok, outcome
        assert steps.value(outcome) == expected


async def test_several_outputs_are_a_dict(begin: Begin) -> None:
    steps = await begin(STEPS)
    outcome = await steps.outcome(steps.python("two", outputs=("a", "b.c")))
    assert [(made.asset, made.value.inline) for made in outcome.made] == [("a", b"1"), ("b.c", b"2")]
    assert "no 'b.c'" in (await steps.outcome(steps.python("half", outputs=("a", "b.c")))).error
    assert "returns a dict" in (await steps.outcome(steps.python("one", outputs=("a", "b.c")))).error
    assert (await steps.outcome(steps.python("one", outputs=()))).made == ()
    assert (await steps.outcome(steps.python("noop"))).made[0].value.codec == "none"


async def test_what_a_step_tells_is_throttled_and_made_plain(begin: Begin) -> None:
    steps = await begin(STEPS)
    attempt = steps.python("said")
    outcome = await steps.outcome(attempt)
    progress = [what[2:] for what in steps.told if what[0] == "progress"]
    assert progress[0] == (0.1, "") and progress[-1] == (1.0, "last") and len(progress) < 100
    assert outcome.metadata["rows"] == 3 and outcome.metadata["odd"] == [1, 2]
    assert "huge" not in outcome.metadata and "huge" in outcome.metadata["…"]
    assert steps.log(attempt) == b"noted\n"


async def test_an_exception_is_one_sentence_and_the_users_frames(begin: Begin) -> None:
    steps = await begin(STEPS)
    outcome = await steps.outcome(steps.python("boom"))
    assert outcome.error == "KeyError: 'egg'"
    assert "inner" in outcome.traceback and "direct cause" in outcome.traceback
    assert "workers" not in outcome.traceback and "importlib" not in outcome.traceback
    missing = await steps.outcome(steps.python("bom"))
    assert missing.error == "steps has no function 'bom' · did you mean 'boom'?"


async def test_a_death_fails_its_own_step_with_a_plain_sentence(begin: Begin) -> None:
    steps = await begin(STEPS)
    words = {
        "os_exit": "the step ended its process: exit code 3",
        "sys_exit": "the step called sys.exit(0)",
        "segfault": "the step's process was killed by signal 11 (SIGSEGV)",
    }
    deaths = {function: steps.python(function) for function in words}
    others = [steps.python("one") for _ in range(20)]
    for function, sentence in words.items():
        outcome = await steps.outcome(deaths[function])
        assert not outcome.ok and not outcome.cancelled and outcome.error == sentence
    assert all(outcome.ok for outcome in await steps.all_outcomes(others))
    assert steps.log(deaths["os_exit"]) == b"going\n"
    sleeper = steps.python("sleeps")
    await steps.says(sleeper, b"asleep")
    psutil.Process(steps.pids[sleeper]).kill()
    assert (
        await steps.outcome(sleeper)
    ).error == "the step's process was killed by signal 9 (SIGKILL): out of memory?"


async def test_a_death_in_the_middle_of_a_batch_takes_none_along(begin: Begin, tmp_path: Path) -> None:
    steps = await begin(STEPS, jobs=1)
    await steps.all_outcomes([steps.python("noop") for _ in range(10)])
    marks = [tmp_path / f"{n}" for n in range(30)]
    attempts = []
    for n, path in enumerate(marks):
        attempts.append(steps.python("os_exit", task="quick") if n % 7 == 3 else
                        steps.python("mark", params={"path": str(path)}, task="quick"))  # fmt: skip
    outcomes = await steps.all_outcomes(attempts)
    assert [n for n, outcome in enumerate(outcomes) if not outcome.ok] == [3, 10, 17, 24]
    assert [path.read_text() if path.exists() else "" for path in marks] == [
        "" if n % 7 == 3 else "x" for n in range(30)
    ]


async def test_cancelling_one_of_a_batch_spares_the_others(begin: Begin, tmp_path: Path) -> None:
    steps = await begin(STEPS, jobs=1)
    await steps.all_outcomes([steps.python("noop") for _ in range(10)])
    paths = [tmp_path / f"{n}" for n in range(14)]
    blocker = steps.python("sleeps", params={"seconds": 0.3}, task="warm")
    attempts = [steps.python("mark", params={"path": str(path)}) for path in paths]
    await steps.says(blocker, b"asleep")
    for victim in (3, 9):
        steps.workers.cancel(attempts[victim])
    outcomes = await steps.all_outcomes([blocker, *attempts])
    assert outcomes[0].ok
    assert [n for n, outcome in enumerate(outcomes[1:]) if outcome.cancelled] == [3, 9]
    assert [path.exists() for path in paths] == [n not in (3, 9) for n in range(14)]


async def test_what_waits_behind_a_long_step_is_given_to_others(begin: Begin) -> None:
    steps = await begin(STEPS, jobs=2)
    await steps.all_outcomes([steps.python("noop") for _ in range(40)])
    long = steps.python("sleeps", task="quick")
    short = [steps.python("one") for _ in range(60)]
    assert all(outcome.ok for outcome in await steps.all_outcomes(short))
    assert long not in steps.outcomes
    steps.workers.cancel(long)
    outcome = await steps.outcome(long)
    assert outcome.cancelled and outcome.error == "cancelled"


async def test_cancel_ends_what_ignores_the_request(begin: Begin) -> None:
    steps = await begin(STEPS)
    python = steps.python("stubborn")
    shell = steps.shell("trap '' TERM; echo ready; sleep 1000 & while :; do sleep 1; done")
    for attempt in (python, shell):
        await steps.says(attempt, b"ready")
        steps.workers.cancel(attempt)
        steps.workers.cancel(attempt)
    queued = [steps.python("one") for _ in range(3)]
    steps.workers.cancel(queued[1])
    outcomes = await steps.all_outcomes([python, shell, *queued])
    assert [outcome.cancelled for outcome in outcomes] == [True, True, False, True, False]
    steps.workers.cancel("nobody")


async def test_logs_belong_to_their_steps_also_in_batches(begin: Begin) -> None:
    steps = await begin(STEPS)
    attempts = [steps.python("noisy", params={"n": n}) for n in range(40)]
    assert all(outcome.ok for outcome in await steps.all_outcomes(attempts))
    for n, attempt in enumerate(attempts):
        expected = f"out {n}\nerr {n}\nchild {n}\n" * 20 + f"no newline {n}"
        assert steps.log(attempt).decode() == expected


async def test_streams_are_put_back_after_a_step(begin: Begin) -> None:
    steps = await begin(STEPS, jobs=1)
    for _ in range(3):
        await steps.outcome(steps.python("replaces"))
        attempt = steps.python("printing")
        await steps.outcome(attempt)
        assert steps.log(attempt) == b"seen\n"


async def test_stdin_is_empty_and_no_descriptor_leaks(begin: Begin) -> None:
    steps = await begin(STEPS)
    assert steps.value(await steps.outcome(steps.python("reads"))) == ["", ""]
    assert steps.value(await steps.outcome(steps.python("childs_descriptors"))) == [b"0", b"1", b"2", b"3"]
    kinds = steps.value(await steps.outcome(steps.python("descriptors")))
    assert kinds == ["/dev/null", "pipe", "pipe", "pipe", "pipe", "socket"]


async def test_workers_are_warm_and_isolated_steps_have_their_own(begin: Begin) -> None:
    steps = await begin(STEPS, jobs=1)
    pids = [steps.value(await steps.outcome(steps.python("pid"))) for _ in range(3)]
    assert len(set(pids)) == 1
    alone = steps.value(await steps.outcome(steps.python("pid", isolate=True)))
    assert alone not in pids
    assert steps.value(await steps.outcome(steps.python("pid"))) == pids[0]


@pytest.mark.parametrize(("share", "fewest", "most"), [(0, 2, 8), (1e9, 1, 1)])
async def test_a_worker_is_renewed_after_enough_steps_unless_its_start_is_dear(
    begin: Begin, monkeypatch: pytest.MonkeyPatch, share: float, fewest: int, most: int
) -> None:
    monkeypatch.setattr("bakehouse.core.workers.pool.RENEW_AFTER", 5)
    monkeypatch.setattr("bakehouse.core.workers.pool.RENEW_SHARE", share)
    steps = await begin(STEPS, jobs=1)
    outcomes = await steps.all_outcomes([steps.python("pid") for _ in range(40)])
    assert fewest <= len({steps.value(outcome) for outcome in outcomes}) <= most


async def test_a_child_that_a_step_leaves_is_ended_with_its_worker(
    begin: Begin, eventually: Callable[..., None]
) -> None:
    steps = await begin(STEPS)
    child = steps.value(await steps.outcome(steps.python("leaves_child")))
    await asyncio.to_thread(eventually, lambda: not psutil.pid_exists(child))
    assert (await steps.outcome(steps.python("threads"))).ok


@pytest.mark.case("L1")
async def test_a_flood_of_output_needs_bounded_memory(begin: Begin) -> None:
    steps = await begin(STEPS)
    seen = 0

    def output(attempt: str, data: bytes) -> None:
        nonlocal seen
        seen += len(data)
        steps.heard.set()

    steps.output = output
    attempt = steps.python("flood")
    await steps.until(lambda: seen > 5_000_000)
    before = psutil.Process().memory_info().rss
    await steps.until(lambda: seen > 100_000_000)
    assert psutil.Process().memory_info().rss - before < 20_000_000
    steps.workers.cancel(attempt)
    assert (await steps.outcome(attempt)).cancelled


async def test_damaged_values_fail_the_step_that_reads_them(begin: Begin, tmp_path: Path) -> None:
    steps = await begin(STEPS)
    stored = encode(20, tmp_path / "unused").stored
    bad = type(stored)(stored.codec, stored.digest, stored.size, stored.version, b"21", stored.type)
    outcome = await steps.outcome(steps.python("double", inputs={"x": bad}))
    assert outcome.error == "value of x is damaged: its content has changed"


async def test_no_worker_comes_up(begin: Begin, tmp_path: Path) -> None:
    steps = await begin(STEPS, interpreter=str(tmp_path / "no-python"))
    outcome = await steps.outcome(steps.python("one"))
    assert "the worker cannot be started: No such file or directory" in outcome.error
    broken = tmp_path / "broken"
    broken.write_text("#!/bin/sh\necho 'no module named encodings' >&2\nexit 1\n")
    broken.chmod(0o755)
    steps.workers.interpreter = str(broken)
    outcomes = await steps.all_outcomes([steps.python("one") for _ in range(4)])
    assert {outcome.error for outcome in outcomes} == {"no worker came up: no module named encodings"}


@pytest.mark.case("P10")
async def test_five_thousand_steps_with_few_descriptors(begin: Begin) -> None:
    import resource

    steps = await begin(STEPS)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(64, psutil.Process().num_fds() + 32), hard))
    try:
        attempts = [steps.python("noop") for _ in range(2000)] + [steps.shell("true") for _ in range(100)]
        assert all(outcome.ok for outcome in await steps.all_outcomes(attempts))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def test_steps_submitted_from_the_end_of_another(begin: Begin) -> None:
    steps = await begin(STEPS)
    left = 300

    def follow(outcome: Any) -> None:
        nonlocal left
        if left:
            left -= 1
            steps.python("noop")

    steps.on_finished = follow
    steps.python("noop")
    await steps.until(lambda: len(steps.outcomes) == 301)


# ---- the end of everything --------------------------------------------------------------------


def is_alive(process: psutil.Process) -> bool:
    """A dead one that the system's first process has not yet taken note of is not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


async def test_closing_ends_every_process_and_tells_every_end(begin: Begin) -> None:
    steps = await begin(STEPS)
    me = psutil.Process()
    before = set(me.children(recursive=True))
    running = [steps.python("stubborn"), steps.shell("trap '' TERM; echo ready; setsid sleep 100")]
    queued = [steps.python("one") for _ in range(5)]
    for attempt in running:
        await steps.says(attempt, b"ready")
    mine = set(me.children(recursive=True)) | before
    await steps.workers.aclose()
    await steps.workers.aclose()
    assert all(steps.outcomes[attempt].cancelled for attempt in (*running, *queued))
    assert not [process for process in mine if is_alive(process) and process.ppid() != me.pid]


@pytest.mark.parametrize("pause", [0, 0.001, 0.01, 0.03, 0.06])
async def test_closing_while_workers_start(begin: Begin, pause: float) -> None:
    steps = await begin(STEPS)
    attempts = [steps.python("one") for _ in range(4)] + [steps.shell("sleep 50")]
    await asyncio.sleep(pause)
    mine = psutil.Process().children(recursive=True)
    await steps.workers.aclose()
    assert all(attempt in steps.outcomes for attempt in attempts)
    assert not [process for process in mine if process.is_running()]


async def test_closing_without_a_start(tmp_path: Path) -> None:
    await Workers(tmp_path, tmp_path / "store", sys.executable).aclose()


async def test_a_supervisor_that_dies_is_replaced(begin: Begin) -> None:
    steps = await begin(STEPS)
    python, shell = steps.python("sleeps"), steps.shell("echo up; setsid sleep 100 & sleep 100")
    await steps.says(python, b"asleep")
    await steps.says(shell, b"up")
    mine = psutil.Process().children(recursive=True)
    supervisor = next(process for process in mine if "supervisor.py" in " ".join(process.cmdline()))
    supervisor.kill()
    for attempt in (python, shell):
        assert "supervisor of the workers ended: killed by signal 9" in (await steps.outcome(attempt)).error
    assert (await steps.outcome(steps.python("one"))).ok
    await asyncio.to_thread(psutil.wait_procs, mine, 10)
    assert not [p for p in mine if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]


async def test_without_standard_streams(begin: Begin, monkeypatch: pytest.MonkeyPatch) -> None:
    class Screen:
        def fileno(self) -> int:
            return -1

    for name in ("stdin", "stdout", "stderr"):
        monkeypatch.setattr(sys, name, Screen())
    steps = await begin(STEPS)
    assert (await steps.outcome(steps.python("one"))).ok


def test_orders_are_frozen_data() -> None:
    assert Order("a", "t", PythonAction("m", "f"), (), ()).params == {}


# ---- marks in the output ----------------------------------------------------------------------


@given(
    st.lists(
        st.binary(max_size=30) | st.sampled_from([b"\x1e", b"\x1etok", b"\x1etoken+", b"\n"]), max_size=8
    ),
    st.data(),
)
def test_marks_are_found_wherever_the_chunks_are_cut(texts: list[bytes], data: st.DataObject) -> None:
    token = b"token123"
    whole = b"".join(begin_mark(token, n) + text + end_mark(token, n) for n, text in enumerate(texts))
    splitter, found, current = Splitter(token), dict.fromkeys(range(len(texts)), b""), -1
    at = 0
    while at < len(whole):
        size = data.draw(st.integers(1, 40))
        for kind, piece in splitter.feed(whole[at : at + size]):
            if kind == "text":
                assert isinstance(piece, bytes)
                found[current] += piece
            elif kind == "begin":
                assert isinstance(piece, int)
                current = piece
        at += size
    assert list(found.values()) == texts and not splitter.rest()
