"""The command line as scripts drive it: documents, event lines, exit codes."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from bakehouse.core.events import Kind
from bakehouse.core.model import ReasonKind, State

Call = Callable[..., subprocess.CompletedProcess[str]]

PIPELINES = Path(__file__).parents[2] / "pipelines"


def document(done: subprocess.CompletedProcess[str], code: int = 0) -> Any:
    assert done.returncode == code, done.stderr
    found = json.loads(done.stdout)
    assert found["schema"] == 1
    return found


def events(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_ls_lists_nodes_and_edges_of_the_asset_view(call: Call) -> None:
    found = document(call("ls", "--json"))
    assert found["pipelines"] == ["bread"] and found["view"] == "asset"
    assert [(n["key"], n["kind"], n["group"], n["state"]) for n in found["nodes"]] == [
        ("flour", "source", "pantry", "source"),
        ("water", "source", "pantry", "source"),
        ("dough", "asset", "", "never"),
        ("bread", "asset", "", "never"),
    ]
    for node in found["nodes"]:
        assert {"key", "kind", "group", "title", "state", "reasons", "new", "task", "byproduct"} <= set(node)
        assert all({"kind", "detail"} <= set(reason) for reason in node["reasons"])
        assert {reason["kind"] for reason in node["reasons"]} <= {kind.value for kind in ReasonKind}
    edges = [(e["from"], e["to"], e["label"], e["kind"]) for e in found["edges"]]
    assert sorted(edges) == [
        ("dough", "bread", "bake", "data"),
        ("flour", "dough", "knead", "data"),
        ("water", "dough", "knead", "data"),
    ]


def test_ls_lists_the_task_view_with_by_products(call: Call) -> None:
    found = document(call("ls", "--view", "task", "--json"))
    by_product = {n["key"]: n["byproduct"] for n in found["nodes"] if n["kind"] == "asset"}
    assert by_product == {"dough": True, "bread": True}
    kinds = {(e["from"], e["to"]): e["kind"] for e in found["edges"]}
    assert kinds[("knead_dough", "dough")] == "byproduct"
    assert kinds[("knead_dough", "bake")] == "data"
    assert kinds[("dough", "bake")] == "data"
    assert kinds[("eat", "sweep")] == "after"


@pytest.mark.parametrize(
    ("words", "keys"),
    [
        (["dough"], {"dough"}),
        (["+bread"], {"flour", "water", "dough", "bread"}),
        (["1+bread"], {"dough", "bread"}),
        (["flour+"], {"flour", "dough", "bread"}),
        (["group:pantry"], {"flour", "water"}),
        (["kind:shell"], {"dough", "bread"}),
        (['key:"*ea*"'], {"bread"}),
        (["sources()"], {"flour", "water"}),
        (["+bread", "and", "not", "(sources()", "or", "dough)"], {"bread"}),
        (["bake"], {"bread"}),
        (["state:never"], {"dough", "bread"}),
        (["flour", "water"], {"flour", "water"}),
    ],
)
def test_a_selection_says_which(call: Call, words: list[str], keys: set[str]) -> None:
    assert {n["key"] for n in document(call("ls", "--json", *words))["nodes"]} == keys


def test_plan_says_what_would_run_and_runs_nothing(call: Call, project: Path) -> None:
    found = document(call("plan", "--json"))
    assert [s["task"] for s in found["steps"]] == ["knead_dough", "bake", "eat", "sweep"]
    assert found["steps"][0]["assets"] == ["dough"] and found["steps"][0]["action"] == "run"
    assert found["counts"] == {"run": 4, "reuse": 0}
    assert found["steps"][0]["estimate_s"] is None
    assert document(call("materialize", "--plan-only", "--json")) == found
    assert document(call("status", "--json"))["counts"]["never"] == 4


def test_plan_says_how_long_it_takes_by_what_the_steps_took_and_how_much_of_that_is_not_known(
    call: Call, project: Path
) -> None:
    fresh = call("plan")
    assert "4 to run, 0 to reuse: no estimate yet" in fresh.stderr
    assert call("materialize", "dough").returncode == 0
    found = document(call("plan", "--json", "--jobs", "1", "--force"))
    known = found["steps"][0]["estimate_s"]
    assert known > 0 and [step["estimate_s"] for step in found["steps"][1:]] == [None] * 3
    estimate = found["estimate"]
    assert (estimate["unknown"], estimate["jobs"]) == (3, 1)
    assert estimate["work_s"] == pytest.approx(4 * known) and estimate["wall_s"] == pytest.approx(4 * known)
    assert [step["task"] for step in found["steps"] if step["critical"]] == [
        "knead_dough",
        "bake",
        "eat",
        "sweep",
    ]
    assert "s and more: 3 steps never ran" in call("plan", "--force").stderr


def test_materialize_tells_one_event_a_line(call: Call) -> None:
    told = events(call("materialize", "--json", "--jobs", "2"))
    for event in told:
        assert {"seq", "ts", "run", "event"} <= set(event)
        assert event["event"] in {kind.value for kind in Kind}
    assert [e["seq"] for e in told] == sorted({e["seq"] for e in told})
    assert len({e["run"] for e in told}) == 1
    assert told[0]["event"] == "run_started" and told[-1]["event"] == "run_finished"
    assert told[-1]["ok"] is True and told[-1]["counts"]["succeeded"] == 4
    assert [e["asset"] for e in told if e["event"] == "asset_materialized"] == ["dough", "bread"]
    assert [e["line"] for e in told if e["event"] == "log"] == ["kneaded"]
    again = events(call("materialize", "--json"))
    assert again[-1]["counts"]["reused"] == 4 and again[-1]["counts"]["succeeded"] == 0


def test_plain_lines_for_people_and_pipes(call: Call) -> None:
    done = call("materialize")
    assert done.returncode == 0
    assert "knead_dough | kneaded" in done.stdout and "4 succeeded" in done.stdout
    assert "\x1b" not in done.stdout


def test_why_goes_to_the_root(call: Call, project: Path) -> None:
    call("materialize")
    (project / "flour.txt").write_text("wheat\n")
    found = document(call("why", "bread", "--json"))
    assert found["key"] == "bread" and found["state"] == "stale"
    assert [r["kind"] for r in found["reasons"]] == ["upstream_stale"]
    (cause,) = found["causes"]
    assert cause["path"] == ["bread", "dough"]
    assert [(r["kind"], r["key"]) for r in cause["reasons"]] == [("input_changed", "flour")]
    assert "flour changed" in call("why", "dough").stdout


def test_show_logs_and_runs_look_back(call: Call) -> None:
    call("materialize")
    shown = document(call("show", "dough", "--json"))
    assert shown["text"].strip() == "rye" and shown["kind"] == "text"
    assert document(call("show", "flour", "--json"))["text"].strip() == "rye"
    found = document(call("logs", "dough", "--json"))
    assert found["lines"] == ["kneaded"] and found["state"] == "succeeded"
    (run,) = document(call("runs", "--json"))["runs"]
    assert run["status"] == "succeeded" and run["counts"]["succeeded"] == 4


def test_status_check_is_a_gate(call: Call) -> None:
    assert call("status", "--check").returncode == 3
    call("materialize")
    assert call("status", "--check").returncode == 0
    assert document(call("status", "--json"))["counts"] == {"fresh": 4, "source": 2}


@pytest.mark.parametrize("yaml", [None, "assets: {bread: {}}\n"], ids=["Python alone", "YAML too"])
def test_definitions_that_were_not_loaded_close_the_gate_and_are_told_in_every_document(
    call: Call, tmp_path: Path, yaml: str | None
) -> None:
    folder = tmp_path / "untrusted"
    (folder / "pipelines").mkdir(parents=True)
    (folder / "pipelines" / "rolls.py").write_text("from bakehouse import asset\n@asset\ndef roll(): ...\n")
    if yaml is not None:
        (folder / "bakehouse.yaml").write_text(yaml)
    gate = call("status", "--check", trusted=False, at=folder)
    assert gate.returncode == 5 and "not loaded: pipelines/rolls.py" in gate.stderr
    assert ":" not in gate.stdout or yaml is not None
    commands = ["ls --json", "plan --json", "status --json", "graph --format json"]
    for words in (*commands, *(["why bread --json"] if yaml is not None else [])):
        told = document(call(*words.split(), trusted=False, at=folder))
        assert told["withheld"] == ["pipelines/rolls.py"] and told.get("ok", False) is False, words
    assert document(call("status", "--check", "--json", trusted=False, at=folder), 5)["ok"] is False
    assert document(call("ls", "--json", at=folder))["withheld"] == []


def test_what_was_edited_in_a_step_of_a_project_that_is_not_trusted_is_not_called_fresh_without_a_word(
    call: Call, project: Path
) -> None:
    (project / "bakehouse.yaml").write_text("assets: {a: {python: steps:a}}\n")
    (project / "steps.py").write_text("def a():\n    return 1\n")
    assert call("materialize", "a").returncode == 0
    (project / "steps.py").write_text("def a():\n    return 2\n")
    gate = call("status", "--check", trusted=False)
    assert gate.returncode == 5 and "not loaded: steps.py" in gate.stderr
    assert document(call("why", "a", "--json", trusted=False))["withheld"] == ["steps.py"]
    assert document(call("why", "a", "--json"))["state"] == "stale"


@pytest.mark.parametrize(
    ("files", "hint"),
    [
        ({"bakehouse.yaml": "assets: {}\n"}, "there is no asset and no task in bakehouse.yaml"),
        ({"help.py": "from bakehouse import Context\n"}, "there is no asset and no task in help.py"),
        (
            {"help.py": "from bakehouse import Context\n", "cookies/bakehouse.yaml": "assets: {a: {}}\n"},
            "projects below: cookies: use -C cookies",
        ),
    ],
    ids=["empty YAML", "helper", "projects below"],
)
def test_where_nothing_is_defined_every_command_says_so_and_where_to_look(
    call: Call, tmp_path: Path, files: dict[str, str], hint: str
) -> None:
    folder = tmp_path / "empty"
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    for words in (["ls"], ["status"], ["materialize"]):
        done = call(*words, at=folder)
        assert done.returncode == 0 and f"nothing is defined in {folder}\n{hint}" in done.stderr, words
    assert call("status", at=folder).stdout == "0 assets\n0 steps\n"


@pytest.mark.parametrize("form", ["dot", "mermaid", "text"])
def test_the_graph_can_be_printed(call: Call, form: str) -> None:
    done = call("graph", "--format", form)
    assert done.returncode == 0 and "bread" in done.stdout
    assert document(call("graph", "--format", "json"))["view"] == "asset"


def test_a_failed_step_is_exit_code_1(call: Call, project: Path) -> None:
    (project / "bakehouse.yaml").write_text(
        "assets:\n  bad: {shell: 'exit 7'}\n  next: {deps: [bad], shell: 'true'}\n"
    )
    done = call("materialize", "--json")
    assert done.returncode == 1
    told = events(done)
    assert next(e for e in told if e["event"] == "step_failed")["error"]
    assert next(e for e in told if e["event"] == "step_blocked")["by"] == "bad"
    assert told[-1]["ok"] is False and told[-1]["counts"]["blocked"] == 1


def test_broken_definitions_are_exit_code_2_with_every_place(call: Call, project: Path) -> None:
    (project / "bakehouse.yaml").write_text(
        "assets:\n  a: {shel: 'true'}\n  b: {deps: [aa], shell: 'true'}\n"
    )
    done = call("ls")
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert "bakehouse.yaml:2:" in done.stderr and "shell" in done.stderr
    assert "bakehouse.yaml:3:" in done.stderr and "'a'" in done.stderr


@pytest.mark.parametrize(
    "words",
    [["nonsense"], ["ls", "--nonsense"], ["ls", "no_such_key"], ["ls", "a and"], ["why", "x"], ["ls", "-C"]],
)
def test_a_slip_of_the_pen_is_exit_code_2(call: Call, words: list[str]) -> None:
    done = call(*words)
    assert done.returncode == 2 and done.stderr and "Traceback" not in done.stderr


def test_no_project_says_where_it_looked(call: Call, tmp_path: Path) -> None:
    done = call("ls", at=tmp_path / "nowhere")
    assert done.returncode == 2 and "nowhere" in done.stderr


def test_where_no_project_is_it_names_the_one_file_that_can_be_opened_or_how_to_make_one(
    environ: dict[str, str], tmp_path: Path
) -> None:
    here = tmp_path / "a folder"
    here.mkdir()
    (here / "compose.yaml").write_text("services: {}\n")
    (here / "test_it.py").write_text("import bakehouse\n")
    (here / "helper.py").write_text("import os\n")

    def told() -> str:
        command = [sys.executable, "-m", "bakehouse", "ls"]
        done = subprocess.run(command, cwd=here, env=environ, capture_output=True, text=True, timeout=120)
        assert done.returncode == 2 and done.stderr.count("\n") == 2, done.stderr
        return done.stderr.splitlines()[1]

    assert "bakehouse init" in told() and "bakehouse demo" in told()
    (here / "my steps.py").write_text("from bakehouse import asset\n@asset\ndef roll(): ...\n")
    assert told().startswith("my steps.py defines something: open it with bakehouse -C 'my steps.py'")
    (here / "other.yaml").write_text("assets: {a: {file: x}}\n")
    assert "bakehouse init" in told(), "of two files neither is meant"


@pytest.mark.case("X8")
def test_an_untrusted_project_is_exit_code_5_until_it_is_trusted(call: Call) -> None:
    assert call("ls", trusted=False).returncode == 0, "YAML alone can be looked at"
    assert call("materialize", trusted=False).returncode == 5
    assert call("trust", trusted=False).returncode == 0
    assert call("materialize", trusted=False).returncode == 0
    assert call("trust", "--revoke", trusted=False).returncode == 0
    assert call("materialize", "--force", trusted=False).returncode == 5


def test_what_is_not_trusted_is_said_once_before_anything_else(call: Call, project: Path) -> None:
    (project / "more.py").write_text("from bakehouse import asset\n@asset\ndef roll(dough): ...\n")
    for words in (["materialize"], ["materialize", "roll"], ["materialize", "--json"]):
        done = call(*words, trusted=False)
        assert done.returncode == 5 and done.stdout == "" and done.stderr.count("not trusted") == 1
    looked = call("materialize", "--plan-only", trusted=False)
    assert looked.returncode == 0 and "not loaded: more.py" in looked.stderr


@pytest.mark.case("X17", "X1")
def test_nothing_of_the_folder_it_is_started_in_is_imported(project: Path, environ: dict[str, str]) -> None:
    canary = project / "canary"
    for name in (
        "yaml",
        "pydantic",
        "textual",
        "click",
        "networkx",
        "sitecustomize",
        "json",
        "bakehouse_plugin",
    ):
        (project / f"{name}.py").write_text(f"open({str(canary)!r}, 'w')\nraise SystemExit(99)\n")
    for words in (
        ["ls"],
        ["graph"],
        ["plan"],
        ["status"],
        ["why", "bread"],
        ["doctor"],
        ["schema"],
        ["--help"],
    ):
        command = [sys.executable, "-m", "bakehouse", *words]
        done = subprocess.run(command, env=environ, cwd=project, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, (words, done.stderr)
    assert not canary.exists()


def start(
    project: Path, environ: dict[str, str], command: str = "sleep 600", until: str = '"step_started"'
) -> subprocess.Popen[str]:
    """Starts a run of a step that does not end by itself, and waits until it has begun."""
    (project / "bakehouse.yaml").write_text(json.dumps({"assets": {"slow": {"shell": command}}}))
    words = [sys.executable, "-m", "bakehouse", "-C", str(project), "--trust", "materialize", "--json"]
    pipe = subprocess.PIPE
    process = subprocess.Popen(words, env=environ, stdout=pipe, stderr=pipe, text=True)
    assert process.stdout is not None
    for line in process.stdout:
        if until in line:
            return process
    raise AssertionError("the step did not begin")


def test_a_held_project_is_exit_code_4(call: Call, project: Path, environ: dict[str, str]) -> None:
    with start(project, environ) as process:
        done = call("materialize")
        process.send_signal(signal.SIGTERM)
        process.communicate()
    assert done.returncode == 4 and "held by" in done.stderr


@pytest.mark.case("P11")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_run_says_cancelled_and_ends(
    call: Call, project: Path, environ: dict[str, str], number: signal.Signals, code: int
) -> None:
    with start(project, environ) as process:
        process.send_signal(number)
        out, _ = process.communicate(timeout=60)
    assert process.returncode == code
    last = json.loads(out.splitlines()[-1])
    assert last["event"] == "run_finished" and last["counts"]["cancelled"] == 1
    assert document(call("runs", "--json"))["runs"][0]["status"] == "cancelled"


@pytest.mark.case("P11")
@pytest.mark.parametrize(
    ("first", "second", "code"),
    [
        (signal.SIGINT, signal.SIGINT, 130),
        (signal.SIGINT, signal.SIGTERM, 143),
        (signal.SIGTERM, signal.SIGTERM, 143),
        (signal.SIGTERM, signal.SIGHUP, 129),
    ],
    ids=lambda told: getattr(told, "name", None),
)
def test_a_second_signal_ends_at_once_a_step_that_takes_none_and_leaves_nothing(
    project: Path,
    environ: dict[str, str],
    first: signal.Signals,
    second: signal.Signals,
    code: int,
) -> None:
    stubborn = "trap '' INT TERM HUP; setsid sh -c 'sleep 600' & echo up; while :; do sleep 600; done"
    with start(project, environ, stubborn, until='"up"') as process:
        assert process.stderr is not None
        process.send_signal(first)
        assert "once more" in process.stderr.readline()
        started = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(second)
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        left = [one for one in started if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]
        process.communicate(timeout=60)
    assert process.returncode == code and len(started) > 2 and not left


def test_without_a_terminal_the_tree_is_printed(call: Call) -> None:
    done = call()
    assert done.returncode == 0 and "└─" in done.stdout and "materialize" in done.stderr


def test_the_programs_own_options_may_stand_behind_the_command(call: Call, project: Path) -> None:
    found = document(call("ls", "--json", "-C", str(project), "--quiet", at=project / "nowhere"))
    assert found["pipelines"] == ["bread"]


def test_help_schema_completion_and_doctor(call: Call) -> None:
    assert "materialize" in call("--help").stdout
    assert "assets" in json.loads(call("schema").stdout)["properties"]
    assert "bakehouse" in call("completion", "bash").stdout
    found = document(call("doctor", "--json"))
    assert all(set(f) == {"name", "ok", "detail", "hint"} for f in found["findings"])


def test_what_goes_to_a_closed_pipe_ends_quietly(project: Path, environ: dict[str, str]) -> None:
    command = f"{sys.executable} -m bakehouse -C {project} ls --json | head -c 1"
    done = subprocess.run(["/bin/sh", "-c", command], env=environ, capture_output=True, text=True, timeout=60)
    assert "Traceback" not in done.stderr and "BrokenPipe" not in done.stderr


def test_a_run_whose_reader_went_away_is_cancelled_and_says_so(
    call: Call, project: Path, environ: dict[str, str]
) -> None:
    going = f"echo up; until [ -e '{project}/go' ]; do sleep 0.05; done; echo more; exec sleep 600"
    with start(project, environ, going, until='"up"') as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        (project / "go").touch()
        told = process.stderr.read()
    assert process.returncode == 128 + signal.SIGPIPE
    assert told.splitlines() == [
        "nobody reads the output any more: the run is cancelled (`> FILE` lets it go on to its end)"
    ]
    assert document(call("runs", "--json"))["runs"][0]["status"] == "cancelled"


def started_step(call: Call) -> str:
    runs = document(call("runs", "--json"))["runs"]
    steps = document(call("runs", runs[0]["run"], "--json"))["steps"] if runs else []
    return steps[0]["outcome"] if steps else ""


def test_what_a_killed_run_came_to_is_told_before_the_next_run(
    call: Call, project: Path, environ: dict[str, str], eventually: Callable[..., None]
) -> None:
    with start(project, environ) as process:
        eventually(lambda: started_step(call) == "running")
        process.kill()
        process.communicate()
    (run,) = document(call("runs", "--json"))["runs"]
    assert run["status"] == "interrupted" and run["counts"] == {"interrupted": 1}
    assert run["finished"] >= run["started"]
    (step,) = document(call("runs", run["run"], "--json"))["steps"]
    assert step["outcome"] == "interrupted"
    assert "cancelled" not in call("status").stdout + call("ls").stdout


def test_every_state_has_a_word() -> None:
    assert {s.value for s in State} >= {"source", "never", "fresh", "stale", "failed", "cancelled"}


@pytest.fixture
def read_only(project: Path, call: Call) -> Iterator[Path]:
    """The project after a run, on a file system that nobody can write to."""
    call("materialize")
    bound = subprocess.run(["mount", "--bind", str(project), str(project)], capture_output=True, check=False)
    if bound.returncode:
        pytest.skip("a read-only file system needs root and mount")
    try:
        subprocess.run(["mount", "-o", "remount,ro,bind", str(project)], check=True, capture_output=True)
        yield project
    finally:
        subprocess.run(["umount", str(project)], check=True)


@pytest.mark.case("R2")
def test_a_project_that_cannot_be_written_is_browsed_and_runs_are_refused(
    call: Call, read_only: Path
) -> None:
    assert document(call("status", "--json"))["counts"] == {"fresh": 4, "source": 2}
    assert document(call("show", "dough", "--json"))["text"].strip() == "rye"
    done = call("materialize", "--force")
    assert done.returncode == 1 and "cannot be written" in done.stderr


def test_a_run_whose_reader_goes_away_ends_and_frees_the_project(
    call: Call, project: Path, environ: dict[str, str]
) -> None:
    lines = "".join(f"  n{n}: {{shell: 'echo {n}; sleep 0.05'}}\n" for n in range(60))
    (project / "bakehouse.yaml").write_text(f"assets:\n{lines}")
    command = f"{sys.executable} -m bakehouse -C {project} --trust materialize --json | head -n 3"
    done = subprocess.run(["/bin/sh", "-c", command], env=environ, capture_output=True, text=True, timeout=60)
    assert "Traceback" not in done.stderr and len(done.stdout.splitlines()) == 3
    assert call("materialize").returncode == 0


def test_a_demo_is_copied_once_and_trusts_only_what_it_copied(
    call: Call, project: Path, tmp_path: Path
) -> None:
    for other in (project, project / "flour.txt"):
        refused = call("demo", "cookies", str(other), trusted=False)
        assert refused.returncode == 2 and "nothing was copied" in refused.stderr
    assert not (project / "recipes.py").exists()
    there = tmp_path / "there"
    shutil.copytree(PIPELINES / "cookies", there, ignore=shutil.ignore_patterns(".bakehouse", "__pycache__"))
    (there / "bakehouse.yaml").write_text((there / "bakehouse.yaml").read_text() + "# mine\n")
    again = call("demo", "cookies", str(there), trusted=False)
    assert "already: nothing was copied" in again.stderr
    assert again.returncode == 5 and "not trusted" in again.stderr
    assert (there / "bakehouse.yaml").read_text().endswith("# mine\n")


def test_what_python_defines_is_not_said_to_be_nowhere_while_it_is_not_trusted(
    call: Call, project: Path
) -> None:
    (project / "steps.py").write_text("from bakehouse import asset\n@asset\ndef rye(): return 1\n")
    (project / "bakehouse.yaml").write_text("pipeline: bread\n")
    assert call("materialize").returncode == 0
    for command in ("show", "why", "logs"):
        done = call("-q", command, "rye", trusted=False)
        assert done.returncode == 2
        assert "the project is not trusted, so steps.py was not" in done.stderr, done.stderr
        assert "bakehouse trust, or --trust for one call" in done.stderr


def test_a_demo_that_needs_something_says_so_before_anything_runs(call: Call, tmp_path: Path) -> None:
    there = tmp_path / "the weather"
    told = call("demo", "weather_etl", str(there), "--copy-only", trusted=False).stderr
    assert (
        f"start the one that comes with it first (on port 8765), in another terminal: python3 '{there}'/serve.py"
        in told
    )
    assert (there / "serve.py").is_file()
    assert "serve.py" not in call("demo", "cookies", str(tmp_path / "c"), "--copy-only", trusted=False).stderr


def test_why_shows_the_line_of_a_long_query_that_changed(call: Call, project: Path) -> None:
    columns = "".join(f"        {n} as column_{n},\n" for n in range(40))
    query = f"assets:\n  wide:\n    sql: |\n      select\n{columns}        1 as last\n"
    (project / "bakehouse.yaml").write_text(query)
    call("materialize")
    (project / "bakehouse.yaml").write_text(query.replace("1 as last", "2 as last"))
    told = call("why", "wide").stdout
    assert "- " in told and "1 as last" in told and "2 as last" in told and "␊" not in told
    assert len(told.splitlines()) < 12
    (reason,) = document(call("why", "wide", "--json"))["reasons"]
    assert reason["old"].count("\n") == 42 and reason["new"] == reason["old"].replace(
        "1 as last", "2 as last"
    )


def test_a_compiled_module_that_was_cut_short_is_told_and_no_interruption(tmp_path: Path) -> None:
    cache, home = tmp_path / "cache", tmp_path / "home"
    (tmp_path / "bakehouse.yaml").write_text("assets: {bread: {shell: 'true'}}")
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": str(cache), "BAKEHOUSE_HOME": str(home)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)

    def ls() -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "bakehouse", "-C", str(tmp_path), "ls"]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)

    assert ls().returncode == 0
    (compiled,) = (path for path in cache.rglob("listing.*.pyc") if path.parent.name == "cli")
    compiled.write_bytes(compiled.read_bytes()[:4096])
    told = ls()
    assert told.returncode == 1 and "a compiled file of the program breaks off" in told.stderr
    assert "__pycache__" in told.stderr and "Traceback" not in told.stderr
