"""Files that are saved, cut off, replaced and checked out under an open project."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from shutil import which

import pytest

from bakehouse.core.events import Event, Kind
from bakehouse.core.problems import ProblemError
from bakehouse.core.workbench import Workbench
from bakehouse.tui.background.watch import watch


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BAKEHOUSE_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("BAKEHOUSE_TRUST", raising=False)


def steps(number: int, generation: int) -> str:
    """A project of as many tasks, all of one generation."""
    lines = [f"  t{n}: {{outputs: [a{n}], shell: 'echo {generation} > $OUTPUT'}}" for n in range(number)]
    return "\n".join(["tasks:", *lines, f"# the end of {generation}", ""])


def seen(bench: Workbench) -> tuple[int, set[str]]:
    """How many tasks there are, and of which generations."""
    tasks = bench.definitions.tasks.values()
    return len(tasks), {task.action.command.split()[1] for task in tasks}  # type: ignore[union-attr]


async def reaches(bench: Workbench, wanted: object, between: Callable[[], object] = lambda: None) -> None:
    while seen(bench) != wanted:
        between()
        await asyncio.sleep(0.02)


@asynccontextmanager
async def watched(bench: Workbench, looked: Callable[[], object]) -> AsyncIterator[None]:
    """Reloads as the screen does."""

    async def changed() -> None:
        try:
            await asyncio.to_thread(bench.reload)
        except ProblemError:
            return
        looked()

    task = asyncio.create_task(watch(bench.root, bench.watch_paths(), bench.definitions.files, changed))
    try:
        await asyncio.sleep(0)
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def by_shell(command: str) -> Callable[[Path, Path], list[str]]:
    return lambda new, file: ["/bin/sh", "-c", command, "save", str(new), str(file)]


SAVES: dict[str, Callable[[Path, Path], list[str]]] = {
    "in place": by_shell('cat "$1" > "$2"'),
    "in place, in three pieces": by_shell(
        'n=$(($(wc -c < "$1") / 3)); head -c $n "$1" > "$2"; sleep 0.05; tail -c +$((n + 1)) "$1" | head -c $n >> "$2";'
        'sleep 0.05; tail -c +$((2 * n + 1)) "$1" >> "$2"'
    ),
    "renamed into its place": by_shell('cp "$1" "$2.tmp"; mv "$2.tmp" "$2"'),
    "the old one moved aside": by_shell('mv "$2" "$2~"; cp "$1" "$2"; rm "$2~"'),
    "removed and written": by_shell('rm "$2"; sleep 0.05; cp "$1" "$2"'),
    "a link to another": by_shell('cp "$1" "$2.$$.data"; ln -sf "$2.$$.data" "$2.lnk"; mv "$2.lnk" "$2"'),
    "sed": lambda new, file: ["sed", "-i", "-e", f"1r {new}", "-e", "d", str(file)],
    "vim": lambda new, file: ["vim", "-u", "NONE", "-es", "-n", "-c", f"%d|0r {new}|$d|w!|q!", str(file)],
    "vim, with a backup": lambda new, file: [
        "vim", "-u", "NONE", "-es", "-c", f"set backup backupcopy=no|%d|0r {new}|$d|w!|q!", str(file),
    ],
    "git checkout": lambda new, file: ["git", "-C", str(file.parent), "checkout", "-q", new.name],
}  # fmt: skip


def prepare_git(folder: Path, generations: dict[str, str]) -> None:
    git = ["git", "-C", str(folder), "-c", "user.name=x", "-c", "user.email=x@y"]
    subprocess.run([*git, "init", "-q"], check=True)
    for name, text in generations.items():
        subprocess.run([*git, "checkout", "-q", "--orphan", name], check=True, capture_output=True)
        (folder / "bakehouse.yaml").write_text(text)
        subprocess.run([*git, "add", "bakehouse.yaml"], check=True)
        subprocess.run([*git, "commit", "-qm", name], check=True)


@pytest.mark.case("D5", "D6")
@pytest.mark.parametrize("how", SAVES)
async def test_however_a_file_is_saved_what_is_taken_over_is_whole(
    tmp_path: Path, how: str, request: pytest.FixtureRequest
) -> None:
    program = SAVES[how](tmp_path, tmp_path)[0]
    if which(program) is None:
        pytest.skip(f"D6: there is no {program} here")
    root = tmp_path / "project"
    root.mkdir()
    file = root / "bakehouse.yaml"
    rounds = 4
    if program == "git":
        prepare_git(root, {f"g{n}": steps(40 + n, n) for n in reversed(range(rounds))})
    file.write_text(steps(40, 0))
    bench = await asyncio.to_thread(Workbench.open, root)
    looks: list[tuple[int, set[str]]] = []
    async with watched(bench, lambda: looks.append(seen(bench))), asyncio.timeout(120):
        for generation in range(1, rounds):
            new = tmp_path / f"g{generation}"
            new.write_text(steps(40 + generation, generation))
            while True:  # a watcher that is just beginning may miss one
                saved = await asyncio.create_subprocess_exec(*SAVES[how](new, file))
                await saved.wait()
                with_patience = asyncio.timeout(20)
                try:
                    async with with_patience:
                        await reaches(bench, (40 + generation, {str(generation)}))
                    break
                except TimeoutError:
                    continue
    for number, generations in looks:
        assert len(generations) == 1 and number == 40 + int(*generations), (how, number, generations)
    await bench.aclose()


@pytest.mark.case("D5")
async def test_a_file_that_is_cut_off_at_any_byte_while_it_is_written_is_never_taken_over(
    tmp_path: Path,
) -> None:
    root = tmp_path / "project"
    root.mkdir()
    file = root / "bakehouse.yaml"
    text = steps(12, 7)
    file.write_text(text)
    bench = await asyncio.to_thread(Workbench.open, root)
    looks: list[tuple[int, set[str]]] = []
    async with watched(bench, lambda: looks.append(seen(bench))), asyncio.timeout(120):
        for end in range(0, len(text), 7):
            file.write_text(text[:end])
            await asyncio.sleep(0.005)
        file.write_text(steps(13, 8))
        await reaches(bench, (13, {"8"}), lambda: os.utime(file))
    assert set(map(str, looks)) <= {"(12, {'7'})", "(13, {'8'})"}
    await bench.aclose()


@pytest.mark.case("D8")
async def test_a_run_is_of_one_set_of_definitions_however_often_they_are_saved(tmp_path: Path) -> None:
    root = tmp_path / "project"
    root.mkdir()
    file = root / "bakehouse.yaml"
    file.write_text(steps(30, 0))
    bench = await asyncio.to_thread(Workbench.open, root, trust=True)
    plan = bench.plan()
    told: list[Event] = []
    running = bench.start(plan, jobs=2, listeners=[told.append])
    generation = 0
    while running.active:
        generation += 1
        file.write_text(steps(30, generation))
        await asyncio.to_thread(bench.reload)
    result = await running.wait()
    assert result.ok and generation > 1
    made = [event.asset for event in told if event.kind is Kind.ASSET_MATERIALIZED]
    assert sorted(map(str, made)) == sorted(f"a{n}" for n in range(30))
    for number in range(30):
        value = bench.materialization(f"a{number}")
        assert value is not None and value.value.inline == b"0\n"
    assert bench.plan().counts["run"] == 30, "what was saved meanwhile is out of date, all of it"
    await bench.aclose()


FEW_WATCHES = """
import asyncio, sys
from pathlib import Path
Path("/proc/sys/user/max_inotify_watches").write_text("1")
from bakehouse.core.workbench import Workbench
from bakehouse.tui.background.watch import watch

async def main(root):
    bench = Workbench.open(root)
    changed = asyncio.Event()
    async def tell():
        changed.set()
    said = []
    task = asyncio.create_task(watch(root, bench.watch_paths(), bench.definitions.files, tell, said.append))
    generation = 0
    while not changed.is_set() and not task.done():
        generation += 1
        (root / "bakehouse.yaml").write_text(f"tasks: {{a: {{shell: 'true {generation}'}}}}")
        try:
            await asyncio.wait_for(changed.wait(), 3)
        except TimeoutError:
            pass
    print("told" if changed.is_set() else repr(task.exception()), said)
    task.cancel()

asyncio.run(asyncio.wait_for(main(Path(sys.argv[1])), 60))
"""


@pytest.mark.case("D12")
def test_without_watches_the_files_are_looked_at_again_and_again(tmp_path: Path) -> None:
    root = tmp_path / "project"
    (root / "sub" / "deeper").mkdir(parents=True)
    (root / "bakehouse.yaml").write_text("tasks: {a: {shell: 'true'}}")
    alone = ["unshare", "-U", "-r"]
    probe = [*alone, "sh", "-c", "echo 1 > /proc/sys/user/max_inotify_watches"]
    if which("unshare") is None or subprocess.run(probe, capture_output=True).returncode:
        pytest.skip("D12: needs a user namespace of its own to have few watches in")
    command = [*alone, sys.executable, "-c", FEW_WATCHES, str(root)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.stdout.startswith("told ['the files cannot be watched, so they are looked at every"), done
