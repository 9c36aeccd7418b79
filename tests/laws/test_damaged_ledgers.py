"""A ledger that is cut short or has a page of garbage is read rightly, or said to be damaged. Never wrongly."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from bakehouse.core.model import Damage
from bakehouse.core.problems import StoreError
from bakehouse.core.store.baseline import _path, load_baseline
from bakehouse.core.store.crash import VARIABLE
from bakehouse.core.store.store import Store

pytestmark = pytest.mark.spoils
PROGRAM = Path(__file__).with_name("committing.py")
SEED = int(os.environ.get("BAKEHOUSE_SEED", random.SystemRandom().randrange(10**6)))
PAGE = 4096
Answers = Mapping[str, Any]
Judge = Callable[[Path, Answers, str], int]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store after three runs of forty steps, closed."""
    folder = tmp_path_factory.mktemp("damaged") / "store"
    command = [sys.executable, str(PROGRAM), str(folder), "0", "3", "40"]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    return folder


@pytest.fixture(scope="module")
def hot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store whose run was killed before it said what is durable: that is in the log of the ledger alone."""
    folder = tmp_path_factory.mktemp("hot") / "store"
    command = [sys.executable, str(PROGRAM), str(folder), "0", "1", "100000"]
    killed = subprocess.run(command, env={**os.environ, VARIABLE: "group.before_notify:20"}, timeout=120)
    assert killed.returncode == -signal.SIGKILL
    return folder


def questions(store: Store) -> Mapping[str, Callable[[], Any]]:
    run = "run-1"
    return {
        "recorded": lambda: [
            {name: one for name, one in getattr(store.recorded(), part).items()}
            for part in ("steps", "materializations", "attempts", "durations", "damage")
        ],
        "runs": lambda: store.runs(100),
        "events": lambda: [store.events(one.run) for one in store.runs(100)] + [store.events(run)],
        "attempt": lambda: [store.attempt(f"step_{index}") for index in range(0, 40, 7)],
        "history": lambda: [store.materializations(f"value of step_{index}") for index in range(0, 40, 7)],
        "max_seq": store.max_seq,
        "data_version": lambda: bool(store.data_version()),
    }


def answers(folder: Path) -> Answers:
    """What the store says to each question; the words of its refusal where it refuses."""
    found: dict[str, Any] = {}
    try:
        with Store.open(folder, create=False) as store:
            for name, ask in questions(store).items():
                try:
                    found[name] = ask()
                except StoreError as refused:
                    found[name] = refused
    except StoreError as refused:
        return dict.fromkeys(("recorded", "runs", "events"), refused)
    return found


def must_not_lie(folder: Path, truth: Answers, what: str) -> int:
    """The number of refusals; each with a next step."""
    refusals = 0
    for name, answer in answers(folder).items():
        if isinstance(answer, StoreError):
            assert answer.hint, what
            refusals += 1
        else:
            assert answer == truth[name], f"{name}, {what}, seed {SEED}"
    return refusals


def in_place(folder: Path, path: Path, good: bytes, bad: bytes) -> Iterator[None]:
    """The file with other bytes: always the same file, so that its seal holds."""
    with path.open("r+b") as file:
        file.write(bad)
        file.truncate()
    yield
    with path.open("r+b") as file:
        file.write(good)
        file.truncate()


def garbage(kind: str, size: int, at: int) -> bytes:
    if kind == "random":
        return random.Random(SEED + at).randbytes(size)
    return (b"\0" if kind == "zeros" else b"\xff") * size


def must_not_mislead(folder: Path, truth: Answers, what: str) -> int:
    """The same where a part of a row may be garbage: no run is lost or another's, and no value that is not
    named as damaged is another than it was. (A step whose record is garbage has another key, and runs again.)"""
    found = answers(folder)
    refusals = [name for name, answer in found.items() if isinstance(answer, StoreError)]
    if "runs" not in refusals:
        told = [(one.run, one.status) for one in found["runs"]]
        assert told == [(one.run, one.status) for one in truth["runs"]], f"{what}, seed {SEED}"
    if "recorded" not in refusals:
        _, values, _, _, damage = found["recorded"]
        for asset, made in values.items():
            good = truth["recorded"][1].get(asset)
            same = good and (made.value.digest, made.value.inline) == (good.value.digest, good.value.inline)
            assert asset in damage or same, f"{asset}, {what}, seed {SEED}"
    return len(refusals)


def spoil(folder: Path, at: int, bad: bytes, truth: Answers, judge: Judge = must_not_lie) -> int:
    path = folder / "ledger.db"
    good = path.read_bytes()
    refusals = 0
    for _ in in_place(folder, path, good, good[:at] + bad + good[at + len(bad) :]):
        refusals = judge(folder, truth, f"{len(bad)} bytes at {at}")
    return refusals


@pytest.mark.parametrize("kind", ["zeros", "ones", "random"])
def test_no_page_of_garbage_is_believed(made: Path, kind: str) -> None:
    truth = answers(made)
    pages = range(0, (made / "ledger.db").stat().st_size, PAGE)
    refused = [spoil(made, at, garbage(kind, PAGE, at), truth) for at in pages]
    assert sum(count > 0 for count in refused) > len(pages) // 2
    assert answers(made) == truth


@pytest.mark.full
@pytest.mark.parametrize("kind", ["zeros", "ones", "random"])
def test_no_sector_of_garbage_is_believed(made: Path, kind: str) -> None:
    truth = answers(made)
    for at in range(0, (made / "ledger.db").stat().st_size, 512):
        spoil(made, at, garbage(kind, 512, at), truth, must_not_mislead)


def test_rot_of_a_value_in_the_ledger_itself_is_damage_and_being_made_again_heals_it(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    command = [sys.executable, str(PROGRAM), str(folder), "0", "1", "4"]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    connection = sqlite3.connect(folder / "ledger.db")
    connection.execute("update materializations set inline = zeroblob(size) where asset = 'value of step_2'")
    connection.commit()
    connection.close()
    with Store.open(folder) as store:
        assert store.recorded().damage == {"value of step_2": Damage.DAMAGED}
        assert store.verify("value of step_2") is Damage.DAMAGED and store.problems() != []
        command[3] = "1"
        subprocess.run(command, check=True, capture_output=True, timeout=120)
        assert store.recorded().damage == {}


def cut(folder: Path, name: str, places: Iterator[int] | range | list[int], truth: Answers) -> int:
    path = folder / name
    good = path.read_bytes()
    refusals = 0
    for at in places:
        for beside in ("ledger.db-shm",):
            (folder / beside).unlink(missing_ok=True)
        for _ in in_place(folder, path, good, good[:at]):
            refusals += must_not_lie(folder, truth, f"{name} cut at {at}") > 0
    return refusals


def sampled(size: int, count: int) -> list[int]:
    chance = random.Random(SEED)
    edges = [at + by for at in range(0, size, PAGE) for by in (-1, 0, 1)][:: max(1, size // PAGE // 8)]
    return [
        at for at in {0, 1, 99, 100, size - 1, *edges, *chance.sample(range(size), count)} if 0 <= at < size
    ]


@pytest.mark.case("C11")
def test_a_ledger_cut_short_anywhere_is_read_rightly_or_refused(made: Path) -> None:
    size = (made / "ledger.db").stat().st_size
    assert cut(made, "ledger.db", range(size - 100, size), answers(made)) == 100
    assert cut(made, "ledger.db", sampled(size, 60), answers(made)) > 60


@pytest.mark.case("C11")
def test_a_log_of_the_ledger_cut_short_anywhere_is_read_rightly_or_refused(hot: Path) -> None:
    size = (hot / "ledger.db-wal").stat().st_size
    assert size > PAGE
    assert cut(hot, "ledger.db-wal", sampled(size, 60), answers(hot)) > 40


@pytest.mark.case("C11")
@pytest.mark.full
@pytest.mark.timeout(3000)
def test_a_ledger_and_its_log_cut_short_at_every_byte_of_a_page_and_often_beyond(
    made: Path, hot: Path
) -> None:
    for folder, name in ((made, "ledger.db"), (hot, "ledger.db-wal")):
        size = (folder / name).stat().st_size
        first = range(0, min(size, PAGE))
        rest = range(first.stop, size, 211)
        cut(folder, name, [*first, *rest], answers(folder))


@pytest.mark.case("C11")
def test_small_files_of_the_store_cut_short_at_every_byte(made: Path) -> None:
    truth = answers(made)
    (seal,) = made.glob("seal-*")
    size = seal.stat().st_size
    one = size // 2 - 1  # of the two that stand there, without the end of its line
    assert cut(made, seal.name, range(size), truth) == one
    accepted = load_baseline(made)
    assert accepted is not None
    path = _path(made, "")
    good = path.read_bytes()
    for at in range(len(good)):
        path.write_bytes(good[:at])
        assert load_baseline(made) is None
    path.write_bytes(good)
    assert load_baseline(made) == accepted


def test_the_command_ends_with_a_sentence_and_not_with_0(made: Path, tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (project / "bakehouse.yaml").write_text("assets: {flour: {}}\n")
    made.rename(project / ".bakehouse")
    path = project / ".bakehouse" / "ledger.db"
    good = path.read_bytes()
    refused = 0
    try:
        for at in range(PAGE, len(good), PAGE * 7):
            for _ in in_place(project, path, good, good[:at] + b"\xff" * PAGE + good[at + PAGE :]):
                command = [sys.executable, "-m", "bakehouse", "-C", str(project), "doctor"]
                done = subprocess.run(command, capture_output=True, text=True, timeout=120)
                assert done.returncode == 1 and "Traceback" not in done.stderr, at
                command[-1] = "runs"
                runs = subprocess.run(command, capture_output=True, text=True, timeout=120)
                assert runs.returncode == 1 or runs.stdout.count("succeeded") >= 3, at
                refused += runs.returncode == 1 and "damaged" in runs.stderr
    finally:
        (project / ".bakehouse").rename(made)
