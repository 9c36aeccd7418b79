"""Runs in scripts and on CI servers: what they take, what they leave out, when they stop, what they report."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

Call = Callable[..., "subprocess.CompletedProcess[str]"]

LINE = """
params: {year: 1}
profiles: {prod: {params: {year: 2}}}
assets:
  seed: {shell: 'echo 1 > "$OUTPUT"', group: raw}
  left: {deps: [seed], shell: 'cat "$seed" > "$OUTPUT"', group: mid}
  right: {deps: [seed], shell: 'cat "$seed" > "$OUTPUT"', group: mid}
  both: {deps: [left, right], shell: 'cat "$left" "$right" > "$OUTPUT"', group: end}
"""


@pytest.fixture
def line(tmp_path: Path) -> Path:
    folder = tmp_path / "line"
    folder.mkdir()
    (folder / "bakehouse.yaml").write_text(LINE)
    return folder


def to_run(call: Call, at: Path, *words: str) -> list[str]:
    done = call("plan", *words, "--json", at=at)
    assert done.returncode == 0, done.stderr
    return [step["task"] for step in json.loads(done.stdout)["steps"] if step["action"] == "run"]


def keys(call: Call, at: Path, *words: str) -> list[str]:
    done = call("ls", *words, "--json", at=at)
    assert done.returncode == 0, done.stderr
    return [node["key"] for node in json.loads(done.stdout)["nodes"]]


# ---- what is taken ---------------------------------------------------------------------------


def test_select_is_another_spelling_of_the_selection(call: Call, line: Path) -> None:
    assert keys(call, line, "--select", "group:mid") == keys(call, line, "group:mid") == ["left", "right"]
    assert keys(call, line, "-s", "seed", "both") == ["seed", "both"]
    assert to_run(call, line, "--select", "left") == to_run(call, line, "left") == ["seed", "left"]


def test_exclude_takes_away_from_what_is_shown(call: Call, line: Path) -> None:
    assert keys(call, line, "--exclude", "group:mid") == ["seed", "both"]
    assert keys(call, line, "seed+", "--exclude", "both", "--exclude", "left") == ["seed", "right"]


def test_what_would_wait_for_what_is_excluded_is_left_out_too_and_named(call: Call, line: Path) -> None:
    assert to_run(call, line, "--exclude", "left") == ["seed", "right"]
    done = call("materialize", "--exclude", "left", at=line)
    assert done.returncode == 0
    assert "left out with what is excluded" in done.stderr and "both" in done.stderr
    assert "left " not in done.stdout and "2 succeeded" in done.stdout


def test_what_is_excluded_but_fresh_keeps_nothing_from_running(call: Call, line: Path) -> None:
    assert call("materialize", at=line).returncode == 0
    text = (line / "bakehouse.yaml").read_text().replace('cat "$left"', 'cat "$left" "$left"')
    (line / "bakehouse.yaml").write_text(text)
    assert to_run(call, line, "--exclude", "left") == ["both"]


def test_until_runs_up_to_something_and_nothing_beyond_or_beside_it(call: Call, line: Path) -> None:
    assert to_run(call, line, "--until", "left") == ["seed", "left"]
    assert to_run(call, line, "group:mid", "--until", "left") == ["seed", "left"]
    assert to_run(call, line, "group:end", "--until", "left") == []


def test_a_dry_run_says_what_would_run_and_runs_nothing(call: Call, line: Path) -> None:
    dry = call("materialize", "--dry-run", "--json", at=line)
    assert [step["task"] for step in json.loads(dry.stdout)["steps"]] == ["seed", "left", "right", "both"]
    assert to_run(call, line) == ["seed", "left", "right", "both"]


def test_the_status_of_a_part_is_checked_alone(call: Call, line: Path) -> None:
    assert call("materialize", "left", at=line).returncode == 0
    assert call("status", "--check", "seed", "left", at=line).returncode == 0
    assert call("status", "--check", at=line).returncode == 3
    assert call("status", "--check", "--exclude", "right", "--exclude", "both", at=line).returncode == 0
    told = json.loads(call("status", "right", "--json", at=line).stdout)
    assert (told["assets"], told["steps"], told["stale"]) == ({"never": 1}, {"never": 1}, 1)


# ---- when it stops ---------------------------------------------------------------------------

TROUBLE = """
assets:
  wrong: {shell: 'while [ ! -e ../begun ]; do sleep 0.01; done; exit 9'}
  slow: {shell: 'touch ../begun; sleep 0.5; echo 1 > "$OUTPUT"'}
  after_wrong: {deps: [wrong], shell: 'true'}
  after_slow: {deps: [slow], shell: 'cat "$slow" > "$OUTPUT"'}
"""


def outcomes(done: subprocess.CompletedProcess[str]) -> dict[str, str]:
    events = [json.loads(one) for one in done.stdout.splitlines()]
    ends = ("step_succeeded", "step_failed", "step_blocked", "step_cancelled", "step_reused")
    return {e["task"]: e["event"].removeprefix("step_") for e in events if e["event"] in ends}


@pytest.mark.parametrize(
    ("flag", "afterwards"), [("--fail-fast", "cancelled"), ("--keep-going", "succeeded"), ("", "succeeded")]
)
def test_after_a_failure_nothing_begins_any_more_only_if_that_was_asked_for(
    call: Call, tmp_path: Path, flag: str, afterwards: str
) -> None:
    folder = tmp_path / "trouble"
    folder.mkdir()
    (folder / "bakehouse.yaml").write_text(TROUBLE)
    done = call("materialize", "--json", "--jobs", "2", *([flag] if flag else []), at=folder)
    assert done.returncode == 1
    assert outcomes(done) == {
        "wrong": "failed",
        "slow": "succeeded",
        "after_wrong": "blocked",
        "after_slow": afterwards,
    }
    last = json.loads(done.stdout.splitlines()[-1])
    assert (last["event"], last["status"]) == ("run_finished", "failed")


def test_a_step_that_waits_to_be_tried_again_is_not_tried_again(call: Call, tmp_path: Path) -> None:
    folder = tmp_path / "trouble"
    folder.mkdir()
    (folder / "bakehouse.yaml").write_text(
        "assets:\n"
        "  again: {shell: 'touch ../begun; exit 1', retries: 5, backoff: 1h}\n"
        "  wrong: {shell: 'while [ ! -e ../begun ]; do sleep 0.01; done; sleep 0.3; exit 9'}\n"
    )
    done = call("materialize", "--json", "--jobs", "2", "--fail-fast", at=folder)
    assert done.returncode == 1 and outcomes(done)["again"] == "cancelled"


# ---- what it reports -------------------------------------------------------------------------

HOSTILE = "]]></failure>&amp;<b>|`*_\x1b[31m\x07\u202e"


def junit(path: Path) -> ElementTree.Element:
    """The report, if it has the shape that the JUnit schemas of CI servers have in common."""
    root = ElementTree.fromstring(path.read_bytes())
    assert root.tag == "testsuites"
    for suite in root:
        assert suite.tag == "testsuite" and suite.get("name") and suite.get("timestamp")
        cases = suite.findall("testcase")
        assert {child.tag for child in suite} <= {"properties", "testcase", "system-out", "system-err"}
        for case in cases:
            assert case.get("name") and case.get("classname") and float(case.get("time", "x")) >= 0
            verdicts = [c for c in case if c.tag in ("failure", "error", "skipped")]
            assert len(verdicts) <= 1 and all(c.get("message") is not None for c in verdicts)
            assert {c.tag for c in case} <= {"failure", "error", "skipped", "system-out", "system-err"}
        for holder in (root, suite):
            counted = {name: len(suite.findall(f"testcase/{tag}")) for name, tag in TAGS.items()}
            assert {name: int(holder.get(name, "-1")) for name in counted} == counted
            assert holder.get("tests") == str(len(cases)) and float(holder.get("time", "x")) >= 0
    return root


TAGS = {"failures": "failure", "errors": "error", "skipped": "skipped"}


def verdicts(root: ElementTree.Element) -> dict[str, str]:
    return {
        case.get("name", ""): next((c.tag for c in case if c.tag in TAGS.values()), "passed")
        for case in root.iter("testcase")
    }


def test_a_report_tells_each_step_its_time_and_why_it_failed(call: Call, line: Path, tmp_path: Path) -> None:
    assert call("materialize", "seed", at=line).returncode == 0
    text = (line / "bakehouse.yaml").read_text()
    (line / "bakehouse.yaml").write_text(
        text.replace("""'cat "$left" """, """'echo so far; exit 7; cat "$left" """)
    )
    xml, md = tmp_path / "new" / "run.xml", tmp_path / "new" / "run.md"
    done = call("materialize", "--report", str(xml), "--report", str(md), at=line)
    assert done.returncode == 1
    root = junit(xml)
    assert verdicts(root) == {"seed": "skipped", "left": "passed", "right": "passed", "both": "failure"}
    (failure,) = root.iter("failure")
    assert "exit code 7" in failure.get("message", "") and "exit code 7" in (failure.text or "")
    (log,) = root.iter("system-out")
    assert log.text == "so far"
    assert float(next(c for c in root.iter("testcase") if c.get("name") == "left").get("time", "0")) > 0
    told = md.read_text()
    assert "1 failed" in told and "| ✗ | both | failed |" in told and "so far" in told
    assert re.search(r"\| ✓ \| left \| succeeded \| [0-9.]+ \| left was never made \|", told)


def test_a_report_of_a_run_that_does_nothing_is_a_report(call: Call, line: Path, tmp_path: Path) -> None:
    assert call("materialize", at=line).returncode == 0
    report = tmp_path / "run.xml"
    assert call("materialize", "--report", str(report), at=line).returncode == 0
    assert set(verdicts(junit(report)).values()) <= {"skipped"}


def test_hostile_names_and_logs_are_text_in_a_report(call: Call, tmp_path: Path) -> None:
    folder = tmp_path / "hostile"
    folder.mkdir()
    name = "<img src=x>|`](http://x)& \u05d0"
    definition: dict[str, Any] = {
        "assets": {name: {"shell": r"printf '\000\001\033[31m\377]]>\357\277\277 <b>\n'; exit 1"}}
    }
    (folder / "bakehouse.yaml").write_text(json.dumps(definition, ensure_ascii=False))
    xml, md = tmp_path / "run.xml", tmp_path / "run.md"
    assert call("materialize", "--report", str(xml), "--report", str(md), at=folder).returncode == 1
    root = junit(xml)
    assert verdicts(root) == {name: "failure"}
    (log,) = root.iter("system-out")
    assert "]]>" in (log.text or "") and "<b>" in (log.text or "")
    told = md.read_text()
    assert "\x1b" not in told + xml.read_text() and "\0" not in told
    outside = re.sub(r"(`{3,})text\n.*?\n\1", "", told, flags=re.DOTALL)
    assert not re.search(r"(?<!\\)[<>]", outside) and not re.search(r"(?<!\\)\]\(", outside)


def test_a_report_is_written_when_the_run_is_interrupted(
    line: Path, tmp_path: Path, environ: dict[str, str], eventually: Callable[..., None]
) -> None:
    text = (
        (line / "bakehouse.yaml").read_text().replace('cat "$seed"', 'touch ../begun; sleep 600; cat "$seed"')
    )
    (line / "bakehouse.yaml").write_text(text)
    report = tmp_path / "run.xml"
    report.write_text("of another run")
    command = [sys.executable, "-m", "bakehouse", "-C", str(line), "materialize", "--report", str(report)]
    process = subprocess.Popen(command, env=environ | {"BAKEHOUSE_TRUST": "1"}, stdout=subprocess.DEVNULL)
    eventually((tmp_path / "begun").exists)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 143
    found = verdicts(junit(report))
    assert found["seed"] == "passed" and "error" in (found["left"], found["right"])
    assert sorted(path.name for path in tmp_path.iterdir() if "run.xml" in path.name) == ["run.xml"]


def test_a_report_that_could_not_be_written_is_refused_before_anything_runs(
    call: Call, line: Path, tmp_path: Path
) -> None:
    for name in ("run.html", str(tmp_path)):
        done = call("materialize", "--report", name, at=line)
        assert done.returncode == 2 and "--report" in done.stderr
    assert to_run(call, line) == ["seed", "left", "right", "both"]


# ---- what a shell completes ------------------------------------------------------------------


def completed(environ: dict[str, str], at: Path, *words: str) -> list[str]:
    """What bash is told for the last word, with the words as bash takes them apart."""
    asked = ["bakehouse", *words]
    more = {
        "_BAKEHOUSE_COMPLETE": "bash_complete",
        "COMP_WORDS": " ".join(asked),
        "COMP_CWORD": str(len(asked) - 1),
    }
    done = subprocess.run(
        [sys.executable, "-m", "bakehouse"],
        cwd=at,
        env=environ | more,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return [one.partition(",")[2] for one in done.stdout.splitlines() if one]


def test_keys_groups_and_tags_are_completed_from_what_was_read_last(
    environ: dict[str, str], call: Call, line: Path
) -> None:
    (line / "more.py").write_text(
        "from bakehouse import asset\n@asset(tags=['t1'])\ndef lettuce(seed): return 1\n"
    )
    assert completed(environ, line, "ls", "le") == []
    assert call("ls", at=line).returncode == 0
    (line / "more.py").write_text("from bakehouse import asset\nopen('../ran', 'w').close()\n")
    assert completed(environ, line, "ls", "le") == ["left", "lettuce"]
    assert completed(environ, line, "materialize", "--exclude", "+bo") == ["+both"]
    assert completed(environ, line, "ls", "group", ":", "m") == ["mid"]
    assert completed(environ, line, "ls", "tag", ":") == ["t1"]
    assert completed(environ, line, "why", "se") == ["seed"]
    assert completed(environ, line, "--profile", "p") == ["prod"]
    assert completed(environ, line, "-p", "") == ["year="]
    assert not (line.parent / "ran").exists()


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash here")
def test_the_completion_script_works_in_a_real_bash(environ: dict[str, str], call: Call, line: Path) -> None:
    assert call("ls", at=line).returncode == 0
    script = call("completion", "bash").stdout
    words = "COMP_WORDS=(bakehouse show ri); COMP_CWORD=2"
    ask = f'{script}\n{words}; _bakehouse_completion bakehouse; echo "${{COMPREPLY[@]}}"'
    path = f"{Path(sys.executable).parent}{os.pathsep}{environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", ask],
        cwd=line,
        env=environ | {"PATH": path},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout.split() == ["right"], done.stderr
