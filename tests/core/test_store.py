"""What a store says after runs: records, history, damage, baselines; and what it refuses."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from bakehouse.core.events import Event, Kind
from bakehouse.core.model import Damage
from bakehouse.core.problems import StoreError
from bakehouse.core.store import database, opening
from bakehouse.core.store.baseline import Baseline
from bakehouse.core.store.lock import ProjectLock
from bakehouse.core.store.store import Store

Begin = Callable[..., Any]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "store") as store:
        yield store
        assert store.problems() == [] or (tmp_path / "broken").exists()


@pytest.fixture
def begin(store: Store, committing: ModuleType) -> Iterator[Begin]:
    """Begins a run of its own name, its lock with it; all are closed at the end of the test."""
    with ExitStack() as open_:

        def begin(run: str = "r1", told: list[Any] | None = None) -> Any:
            lock = open_.enter_context(ProjectLock.acquire(store.folder, "a test"))
            tell = told if told is not None else []
            writer = store.begin(
                run, lock=lock, notify=lambda *what: tell.append(what), selection="+bread", jobs=2
            )
            open_.callback(writer.close)
            steps = committing.Steps(store, writer)
            steps.lock = lock
            steps.begin()
            return steps

        yield begin


def end(steps: Any, ok: bool = True) -> None:
    steps.end(ok)
    steps.writer.close()
    steps.lock.release()


def test_a_new_store_is_empty_and_for_its_owner_only(store: Store) -> None:
    recorded = store.recorded()
    assert not recorded.steps and not recorded.materializations and not recorded.damage
    assert store.runs() == [] and store.max_seq() == 0 and store.attempt("bake") is None
    assert stat.S_IMODE(store.folder.stat().st_mode) == 0o700
    assert (store.folder / ".gitignore").read_text() == "*\n"
    assert (
        (store.folder / "CACHEDIR.TAG").read_text().startswith("Signature: 8a477f597d28d172789f06886806bc55")
    )


def test_what_a_step_made_is_recorded_as_it_was_handed_over(
    store: Store, begin: Begin, committing: ModuleType
) -> None:
    run = begin()
    small, large = b"[1, 2]", b"x" * 20_000
    made = [committing.leave(store, "bread", small), committing.leave(store, "flour/sieved", large)]
    commit = run.succeed("bake: it", made, seconds=2.5)
    run.writer.flush()
    recorded = store.recorded()
    ended = commit.events[-1]
    assert recorded.steps["bake: it"].key == commit.record.key
    assert recorded.steps["bake: it"].outputs == ("bread", "flour/sieved")
    assert recorded.steps["bake: it"].seq == ended.seq
    assert recorded.attempts["bake: it"] == commit.attempt
    assert recorded.durations["bake: it"] == (2.5,)
    bread = recorded.materializations["bread"]
    assert bread.value == made[0].value and bread.task == "bake: it" and bread.duration == 2.5
    assert store.values.read(recorded.materializations["flour/sieved"].value) == large
    assert not recorded.damage
    end(run)


def test_the_events_of_a_run_come_back_as_they_were_told(store: Store, begin: Begin) -> None:
    run = begin("first")
    run.make("step_1")
    finished = run.end()
    run.writer.close()
    run.lock.release()
    events = store.events("first")
    assert [event.kind for event in events] == [
        Kind.RUN_STARTED,
        Kind.STEP_STARTED,
        Kind.ASSET_MATERIALIZED,
        Kind.STEP_SUCCEEDED,
        Kind.RUN_FINISHED,
    ]
    assert events[-1] == finished
    assert [event.seq for event in events] == sorted(event.seq for event in events)
    assert store.events("first", after=events[2].seq) == events[3:]
    assert store.events("another") == []
    assert store.max_seq() == finished.seq
    (summary,) = store.runs()
    assert (summary.run, summary.status, summary.selection, summary.jobs) == (
        "first",
        "succeeded",
        "+bread",
        2,
    )
    assert summary.counts == {"succeeded": 1}


def test_a_later_run_begins_after_the_numbers_of_the_one_before(store: Store, begin: Begin) -> None:
    for name in ("first", "second"):
        run = begin(name)
        run.make("step_1")
        end(run, ok=name == "first")
    assert store.events("second")[0].seq == store.events("first")[-1].seq + 1
    assert [(one.run, one.status) for one in store.runs()] == [("second", "failed"), ("first", "succeeded")]


def test_done_is_told_in_the_order_of_the_commits_and_after_they_can_be_read(
    store: Store, begin: Begin, committing: ModuleType
) -> None:
    readable: list[tuple[list[int], int]] = []

    class Told(list[Any]):
        def append(self, what: Any) -> None:
            readable.append((what[0], len(store.recorded().steps)))

    run = begin(told=Told())
    for index in range(50):
        run.make(f"step_{index}")
    run.writer.flush()
    tokens = [token for group, _ in readable for token in group]
    assert tokens == list(range(1, 51))
    assert all(count >= max(group) for group, count in readable)
    end(run)


def test_a_failed_attempt_leaves_the_last_good_value(store: Store, begin: Begin) -> None:
    run = begin()
    run.make("step_1")
    run.fail("step_1", "the oven is cold \udcff")
    run.writer.flush()
    recorded = store.recorded()
    assert recorded.attempts["step_1"].state == "failed"
    assert recorded.attempts["step_1"].error == "the oven is cold \\udcff"
    assert "step_1" in recorded.steps and "value of step_1" in recorded.materializations
    end(run, ok=False)


def test_history_is_kept_newest_first_and_durations_are_the_last_five(store: Store, begin: Begin) -> None:
    run = begin()
    for generation in range(7):
        run.start("bake")
        left = sys.modules["committing"].leave(store, "bread", f"loaf {generation}".encode())
        run.succeed("bake", [left], generation, seconds=float(generation))
    run.writer.flush()
    assert store.recorded().durations["bake"] == (6.0, 5.0, 4.0, 3.0, 2.0)
    past = store.materializations("bread", 3)
    assert [store.values.read(one.value) for one in past] == [b"loaf 6", b"loaf 5", b"loaf 4"]
    end(run)


def test_a_value_file_that_is_gone_or_changed_is_damage_and_being_made_again_heals_it(
    store: Store, begin: Begin, committing: ModuleType
) -> None:
    run = begin()
    for name in ("one", "two", "three"):
        run.succeed(name, [committing.leave(store, name, name.encode() * 9000)])
    run.writer.flush()
    values = {name: store.recorded().materializations[name].value for name in ("one", "two", "three")}
    store.values.path(values["one"]).unlink()
    path = store.values.path(values["two"])
    path.write_bytes(b"X" + path.read_bytes()[1:])
    os.utime(store.values.path(values["three"]))
    assert store.recorded().damage == {"one": Damage.MISSING, "two": Damage.DAMAGED}
    assert store.verify("one") is Damage.MISSING and store.verify("three") is None
    for name in ("one", "two"):
        run.succeed(name, [committing.leave(store, name, name.encode() * 9000, scratch=f"again-{name}")])
    run.writer.flush()
    assert store.recorded().damage == {}
    end(run)


def test_a_stored_folder_is_taken_in_whole_and_checked(
    store: Store, begin: Begin, committing: ModuleType
) -> None:
    from bakehouse.core.model import Stored
    from bakehouse.core.store.values import folder_digest, folder_size

    run = begin()
    for turn in range(2):
        scratch = store.values.scratch(f"attempt-{turn}") / "out"
        (scratch / "deep").mkdir(parents=True)
        (scratch / "a.txt").write_text("a")
        (scratch / "deep" / "b.txt").write_text("b")
        digest = folder_digest(scratch)
        value = Stored("folder", digest, folder_size(scratch), digest, None, "out")
        run.succeed("pack", [committing.Left("parcel", value, str(scratch))])
        run.writer.flush()
        assert (store.values.path(value) / "deep" / "b.txt").read_text() == "b"
        assert store.recorded().damage == {} and store.verify("parcel") is None
        (store.values.path(value) / "deep" / "b.txt").write_text("c")
        assert store.recorded().damage == {"parcel": Damage.DAMAGED}
    (store.values.path(value) / "deep" / "b.txt").write_text("b")
    end(run)


def test_a_value_that_is_not_what_the_step_said_fails_the_run_and_is_not_believed(
    store: Store, begin: Begin, committing: ModuleType
) -> None:
    told: list[Any] = []
    run = begin(told=told)
    run.make("step_0")
    run.writer.flush()
    left = committing.leave(store, "bread", b"x" * 10_000)
    Path(left.path).write_bytes(b"short")
    run.succeed("bake", [left])
    run.make("step_2")
    with pytest.raises(StoreError, match="5 bytes"):
        run.writer.flush()
    assert told[0] == ([1], None) and isinstance(told[-1][1], StoreError)
    assert set(store.recorded().steps) == {"step_0"}


def test_a_run_whose_process_died_is_interrupted_and_so_is_what_it_was_doing(
    store: Store, begin: Begin
) -> None:
    run = begin("dead")
    run.make("step_1")
    run.start("step_2", number=3)
    run.writer.flush()
    run.writer.close()
    assert [one.status for one in store.runs()] == ["running"]
    run.lock.release()
    (left,) = store.runs()
    assert left.status == "interrupted"
    assert left.counts == {"succeeded": 1, "interrupted": 1} and left.finished is not None, (
        "before the next run"
    )

    after = begin("next")
    recovered = after.writer.recovered
    assert [(event.run, event.kind) for event in recovered] == [
        ("dead", Kind.STEP_CANCELLED),
        ("dead", Kind.RUN_FINISHED),
    ]
    attempt = store.attempt("step_2")
    assert attempt is not None and (attempt.state, attempt.number) == ("interrupted", 3)
    assert store.attempt("step_1") == store.recorded().attempts["step_1"]
    dead = store.runs()[-1]
    last = max(event.ts for event in store.events("dead") if event.kind is Kind.STEP_STARTED)
    assert dead.finished == last < recovered[-1].ts, "it did not go on until somebody looked"
    assert dead.counts == {"succeeded": 1, "interrupted": 1}
    end(after)
    assert [one.status for one in store.runs()] == ["succeeded", "interrupted"]


def test_a_run_that_was_taken_over_can_commit_nothing_more(
    store: Store, begin: Begin, committing: ModuleType
) -> None:
    told: list[Any] = []
    late = begin("late", told)
    late.make("step_1")
    late.writer.flush()
    late.lock.release()
    new = begin("new")
    new.make("step_2")
    new.writer.flush()
    late.make("step_3")
    with pytest.raises(StoreError, match="another run has taken over"):
        late.writer.flush()
    assert set(store.recorded().steps) == {"step_1", "step_2"}
    assert told[-1][0] == []
    end(new)


def test_nobody_writes_without_the_lock(store: Store) -> None:
    lock = ProjectLock.acquire(store.folder)
    lock.release()
    with pytest.raises(StoreError, match="lock"):
        store.begin("r1", lock=lock, notify=lambda *_: None)


def test_other_processes_see_each_commit(store: Store, begin: Begin) -> None:
    with Store.open(store.folder, create=False) as viewer:
        before = viewer.data_version()
        assert viewer.data_version() == before
        run = begin()
        run.make("step_1")
        run.writer.flush()
        assert viewer.data_version() != before
        assert set(viewer.recorded().steps) == {"step_1"}
        end(run)


def test_a_baseline_is_kept_for_each_choice_of_files(store: Store) -> None:
    assert store.baseline() is None
    first = Baseline({"bread": "1"}, {"bake": "2"}, 3.0)
    store.set_baseline(first)
    store.set_baseline(Baseline({"other": "1"}), "a/../b.yaml")
    assert store.baseline() == first
    assert store.baseline("a/../b.yaml") == Baseline({"other": "1"})
    assert {path.parent for path in store.folder.rglob("*.json")} == {store.folder / "baselines"}
    next((store.folder / "baselines").glob("*.json")).write_text("{")
    assert None in (store.baseline(), store.baseline("a/../b.yaml"))


def test_looking_at_a_folder_without_a_store_makes_nothing(tmp_path: Path) -> None:
    with Store.open(tmp_path / "none", create=False) as store:
        assert not store.recorded().steps and store.runs() == [] and not store.writable
        assert not (tmp_path / "none").exists()


def test_twenty_processes_open_a_new_project_at_once(tmp_path: Path) -> None:
    code = "import sys; from pathlib import Path; from bakehouse.core.store.store import Store\n"
    code += "s = Store.open(Path(sys.argv[1])); print(len(s.recorded().steps), s.writable)"
    command = [sys.executable, "-c", code, str(tmp_path / "store")]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(20)]
    assert {process.communicate(timeout=60)[0].strip() for process in started} == {"0 True"}
    assert list((tmp_path / "store" / "tmp").iterdir()) == []


def test_readers_in_threads_read_while_a_run_writes(store: Store, begin: Begin) -> None:
    run = begin()
    seen: list[int] = []
    over = threading.Event()

    def look() -> None:
        while not over.is_set():
            seen.append(len(store.recorded().steps))

    threads = [threading.Thread(target=look) for _ in range(3)]
    for thread in threads:
        thread.start()
    for index in range(300):
        run.make(f"step_{index}")
    run.writer.flush()
    over.set()
    for thread in threads:
        thread.join()
    assert len(store.recorded().steps) == 300 and max(seen) <= 300
    end(run)


def test_an_event_of_any_data_is_kept(store: Store, begin: Begin) -> None:
    run = begin()
    event: Event = run.event(
        Kind.METADATA, "bake", note="\udcff\0", big=2**80, nothing=None, odd=float("inf")
    )
    run.writer.append((event,))
    run.writer.flush()
    assert store.events("r1")[-1] == event
    end(run)


@pytest.mark.parametrize("error", [sqlite3.OperationalError("disk I/O error"), FileNotFoundError(2, "gone")])
def test_a_store_that_another_process_made_first_is_opened_even_if_its_run_cleared_our_draft_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    folder = tmp_path / ".bakehouse"
    create = database.create

    def overtaken(*_: object) -> bool:
        monkeypatch.setattr(opening, "create", create)
        Store.open(folder).close()
        raise error

    monkeypatch.setattr(opening, "create", overtaken)
    with Store.open(folder) as store:
        assert store.writable and store.runs() == []
