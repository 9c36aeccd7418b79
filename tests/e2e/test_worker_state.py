"""A step cannot tell what ran before it in the same process: nothing that one leaves there reaches another."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import psutil
import pytest

Begin = Callable[..., Awaitable[Any]]

STEPS = """
import contextvars, os, sys, threading, time
import helpers

def pid(): return os.getpid()

SEEN, TABLE, COUNT = [], {"deep": {"er": [1]}}, 0
class Box:
    shared = []
    def __init__(self): self.n = 0
    def more(self): self.n += 1
BOX, VARIABLE = Box(), contextvars.ContextVar("v", default=1)

def nothing(): pass
def lists(): SEEN.append(1)
def deep(): TABLE["deep"]["er"].append(2)
def rebinds():
    global COUNT
    COUNT += 1
def binds():
    global FRESH
    FRESH = 1
def instance(): BOX.more()
def of_class(): Box.shared.append(1)
def default(seen=[]): seen.append(1)
def elsewhere(): helpers.LIMIT = 2
def elsewhere_deep(): helpers.note(1)
def late():
    import lately
    lately.SEEN.append(1)
def fails():
    SEEN.append(1)
    raise ValueError("after it")
def threads(): threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
def lingers(): threading.Thread(target=time.sleep, args=(60,)).start()

def only_imports():
    import package.inner, lately
    return package.inner.N
def environment(): os.environ["BAKER"] = "Ada"; os.environ.pop("HOME", None)
def context(): VARIABLE.set(2)
def path(): sys.path.append("/nowhere")
def streams():
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2): os.dup2(null, fd)

def closes(): lingers(); os.closerange(3, 256)
def replaces():
    os.closerange(3, 256)
    with open("victim", "w"), open("victim2", "w"): time.sleep(0.05)
    os._exit(0) if os.path.getsize("victim") + os.path.getsize("victim2") else None
    for n in range(20): os.open("victim", os.O_RDWR)

def looks():
    return [SEEN, TABLE, COUNT, "FRESH" in globals(), BOX.n, Box.shared, default.__defaults__, helpers.LIMIT,
            helpers.SEEN, VARIABLE.get(), os.environ.get("BAKER"), "HOME" in os.environ, "/nowhere" in sys.path]
"""
FILES = {
    "helpers.py": "LIMIT, SEEN = 1, []\ndef note(n): SEEN.append(n)\n",
    "lately.py": "SEEN = []\n",
    "package/__init__.py": "",
    "package/inner.py": "N = 1\n",
}
PRISTINE = [[], {"deep": {"er": [1]}}, 0, False, 0, [], ([],), 1, [], 1, None, True, False]

KEEPS = ["nothing", "only_imports", "environment", "context", "streams"]
LEAVES = [
    *("lists", "deep", "rebinds", "binds", "instance", "of_class", "default", "elsewhere", "elsewhere_deep"),
    *("late", "fails", "path", "threads", "lingers"),
]


@pytest.fixture
async def steps(begin: Begin, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("HOME", "/")
    steps = await begin(STEPS, jobs=1)
    for name, text in FILES.items():
        (steps.root / name).parent.mkdir(exist_ok=True)
        (steps.root / name).write_text(text)
    return steps


async def pid_of(steps: Any) -> int:
    pid = steps.value(await steps.outcome(steps.python("pid")))
    assert isinstance(pid, int)
    return pid


@pytest.mark.case("P8")
async def test_no_step_sees_what_an_earlier_one_left(steps: Any) -> None:
    for function in [*KEEPS, *LEAVES]:
        before = await pid_of(steps)
        outcome = await steps.outcome(steps.python(function))
        assert outcome.ok is (function != "fails"), outcome
        assert steps.value(await steps.outcome(steps.python("looks"))) == PRISTINE, function
        assert (await pid_of(steps) == before) is (function in KEEPS), function


async def test_what_was_handed_out_ahead_does_not_see_it_either(steps: Any) -> None:
    await steps.all_outcomes([steps.python("nothing", task="short") for _ in range(20)])
    attempts = [steps.python("lists" if n % 5 == 0 else "looks", task="short") for n in range(40)]
    outcomes = await steps.all_outcomes(attempts)
    assert all(outcome.ok for outcome in outcomes)
    assert all(steps.value(outcome) in (None, PRISTINE) for outcome in outcomes)


async def test_the_log_of_the_next_step_is_whole_after_the_streams_were_replaced(steps: Any) -> None:
    assert (await steps.outcome(steps.python("streams"))).ok
    said = steps.submit(steps_action("steps", "helpers"), task="said")
    assert not (await steps.outcome(said)).ok  # a module is no function
    (steps.root / "prints.py").write_text("import os\ndef run(): os.system('echo seen')\n")
    printed = steps.submit(steps_action("prints", "run"))
    assert (await steps.outcome(printed)).ok
    assert steps.log(printed) == b"seen\n"


@pytest.mark.case("P8")
@pytest.mark.parametrize("function", ["closes", "replaces"])
async def test_a_step_that_closes_every_descriptor_fails_at_once_and_alone(steps: Any, function: str) -> None:
    pid = await pid_of(steps)
    attempt = steps.python(function)
    outcome = await steps.outcome(attempt)
    assert not outcome.ok and outcome.error == "the step ended its process: exit code 70"
    assert b"the step closed descriptors of the process that it runs in" in steps.log(attempt)
    assert b"Traceback" not in steps.log(attempt)
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    victims = [steps.root / name for name in ("victim", "victim2")]
    assert not any(victim.exists() and victim.stat().st_size for victim in victims)
    assert steps.value(await steps.outcome(steps.python("looks"))) == PRISTINE


async def test_sets_have_one_order_in_every_process(steps: Any) -> None:
    source = "def run(): return [*{'flour', 'eggs', 'butter', 'sugar', 'salt', 'milk', 'yeast', 'water'}]\n"
    (steps.root / "sets.py").write_text(source)
    attempts = [steps.submit(steps_action("sets", "run"), isolate=True) for _ in range(6)]
    assert len({str(steps.value(outcome)) for outcome in await steps.all_outcomes(attempts)}) == 1


def steps_action(module: str, function: str) -> Any:
    from bakehouse.core.model import PythonAction

    return PythonAction(module, function)


@pytest.mark.case("P6")
@pytest.mark.case("P7")
async def test_a_kill_suggests_what_may_have_done_it(steps: Any) -> None:
    (steps.root / "dies.py").write_text("import os\ndef run(): os.kill(os.getpid(), 9)\n")
    python = await steps.outcome(steps.submit(steps_action("dies", "run")))
    assert python.error == "the step's process was killed by signal 9 (SIGKILL): out of memory?"
    shell = await steps.outcome(steps.shell("sh -c 'kill -9 $$'; exit $?"))
    assert shell.error == "exit code 137, as of a program killed by signal 9 (SIGKILL): out of memory?"
    await asyncio.sleep(0)
