"""Plugins: a package that is really installed, one that is broken, and one that only lies in the project."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Call = Callable[..., "subprocess.CompletedProcess[str]"]
EXAMPLE = Path(__file__).parents[1] / "plugins" / "example"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The folder into which the example was installed."""
    copy, target = tmp_path_factory.mktemp("plugin") / "example", tmp_path_factory.mktemp("installed")
    shutil.copytree(EXAMPLE, copy)
    flags = ("--quiet", "--no-deps", "--no-build-isolation", "--no-index")
    command: list[str | Path] = [sys.executable, "-m", "pip", "install", *flags, "--target", target, copy]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return str(target)


PROJECT = """
on_success: {notify: append}
assets:
  words: {shout: hello, on_success: {notify: append}}
  again: {copy: words}
"""


@pytest.fixture
def words(tmp_path: Path) -> Path:
    folder = tmp_path / "words"
    folder.mkdir()
    (folder / "bakehouse.yaml").write_text(PROJECT)
    return folder


def test_a_plugin_brings_kinds_of_steps_and_notifiers(
    call: Call, words: Path, installed: str, tmp_path: Path
) -> None:
    environment = {"PYTHONPATH": installed, "EXAMPLE_FILE": str(tmp_path / "told")}
    done = call("materialize", at=words, **environment)
    assert done.returncode == 0 and "hook" not in done.stderr, done.stdout + done.stderr
    assert "HELLO" in call("show", "again", at=words, **environment).stdout
    assert (tmp_path / "told").read_text().splitlines() == ["words succeeded", "run succeeded"]
    edges = json.loads(call("ls", "--json", at=words, **environment).stdout)["edges"]
    assert [(edge["from"], edge["to"], edge["label"]) for edge in edges] == [("words", "again", "copy")]
    text = PROJECT.replace("hello", "bye")
    (words / "bakehouse.yaml").write_text(text)
    (why,) = json.loads(call("why", "words", "--json", at=words, **environment).stdout)["reasons"]
    assert (why["kind"], why["old"], why["new"]) == ("config_changed", '"HELLO"', '"BYE"')


FRACTIONS = """from fractions import Fraction

from bakehouse import asset


@asset
def third():
    return Fraction(1, 3)


@asset
def whole(third):
    return str(3 * third)
"""


def test_a_plugin_brings_an_encoding_for_what_would_be_pickled(
    call: Call, tmp_path: Path, installed: str
) -> None:
    project = tmp_path / "parts"
    project.mkdir()
    (project / "bakehouse.yaml").write_text(
        'assets: {read: {deps: [third], shell: \'cp "$third" "$OUTPUT"\'}}\n'
    )
    (project / "steps.py").write_text(FRACTIONS)
    assert call("materialize", at=project, PYTHONPATH=installed).returncode == 0
    assert call("show", "whole", at=project, PYTHONPATH=installed).stdout == '"1"\n'
    assert call("show", "read", at=project, PYTHONPATH=installed).stdout.endswith("1/3\n")
    shown = json.loads(call("show", "third", "--json", at=project).stdout)
    assert (shown["codec"], shown["type"]) == ("fraction", "fractions.Fraction")
    assert "Fraction(1, 3)" in shown["text"] and "in the encoding fraction of a plugin" in shown["note"]
    (project / "steps.py").write_text(FRACTIONS.replace("Fraction(1, 3)", "Fraction(2, 6)"))
    done = call("materialize", "--json", at=project, PYTHONPATH=installed)
    kinds = [json.loads(line).get("event") for line in done.stdout.splitlines()]
    assert kinds.count("asset_materialized") == 1, "an equal fraction comes to equal bytes"


def test_a_value_whose_plugin_is_gone_is_not_read_wrongly_and_the_step_says_which(
    call: Call, tmp_path: Path, installed: str
) -> None:
    (tmp_path / "steps.py").write_text(FRACTIONS)
    assert call("materialize", "third", at=tmp_path, PYTHONPATH=installed).returncode == 0
    done = call("materialize", at=tmp_path)
    assert done.returncode == 1 and "no plugin brings the codec 'fraction'" in done.stdout + done.stderr
    assert call("status", at=tmp_path).returncode == 0
    assert call("materialize", at=tmp_path, PYTHONPATH=installed).returncode == 0
    assert call("materialize", "--force", at=tmp_path).returncode == 0, "made anew it is pickled"
    assert json.loads(call("show", "third", "--json", at=tmp_path).stdout)["codec"] == "pickle"


def test_a_plugin_imports_the_project_of_another_tool(call: Call, tmp_path: Path, installed: str) -> None:
    lines, project = tmp_path / "plan.txt", tmp_path / "project"
    lines.write_text("dough: \ncookies: from dough\n")
    done = call("init", project, "--from", "lines", lines, at=tmp_path, PYTHONPATH=installed)
    assert done.returncode == 0 and done.stdout == "bakehouse.yaml\n", done.stderr
    assert (project / "bakehouse.yaml").read_text().startswith("# imported from 'plan.txt' by 'lines'\n")
    edges = json.loads(call("ls", "--json", at=project).stdout)["edges"]
    assert [(edge["from"], edge["to"]) for edge in edges] == [("dough", "cookies")]
    again = call("init", project, "--from", "lines", lines, at=tmp_path, PYTHONPATH=installed)
    assert again.returncode == 2 and "nothing was written" in again.stderr


@pytest.mark.parametrize(
    ("content", "importer", "told"),
    [
        ("a: from b\nb: from a\n", "lines", "in a circle: a → b → a"),
        ("a: from nowhere\n", "lines", "nowhere"),
        ("a: ", "liness", "no plugin brings the importer 'liness'"),
        ("\udcff", "lines", "cannot import"),
    ],
)
def test_what_cannot_be_imported_is_told_and_writes_nothing(
    call: Call, tmp_path: Path, installed: str, content: str, importer: str, told: str
) -> None:
    lines, project = tmp_path / "plan.txt", tmp_path / "project"
    lines.write_text(content, errors="surrogateescape")
    done = call("init", project, "--from", importer, lines, at=tmp_path, PYTHONPATH=installed)
    assert done.returncode == 2 and told in done.stderr and "Traceback" not in done.stderr
    assert not project.exists()


def test_a_broken_plugin_is_named_and_costs_only_what_it_brings(
    call: Call, words: Path, installed: str
) -> None:
    doctor = call("doctor", at=words, PYTHONPATH=installed)
    assert "the plugin broken is disabled: RuntimeError: made for another version" in doctor.stdout
    (words / "bakehouse.yaml").write_text("assets: {a: {shoot: x, shell: 'true'}}\n")
    done = call("ls", at=words, PYTHONPATH=installed)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert "bakehouse.yaml:1:14: asset 'a': the plugin broken is disabled: RuntimeError" in done.stderr
    assert "unknown key 'shoot'" in done.stderr


def test_what_a_plugin_cannot_read_is_told_with_its_place(call: Call, words: Path, installed: str) -> None:
    (words / "bakehouse.yaml").write_text("assets:\n  a: {shout: 3}\n  b: {}\n")
    done = call("ls", at=words, PYTHONPATH=installed)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert (
        "bakehouse.yaml:2:14: asset 'a': the plugin example cannot read 'shout': AttributeError"
        in done.stderr
    )


def test_without_the_plugin_its_keys_are_unknown_and_its_notifiers_are_a_warning(
    call: Call, words: Path
) -> None:
    done = call("ls", at=words)
    assert done.returncode == 2 and "unknown key 'shout'" in done.stderr
    (words / "bakehouse.yaml").write_text(
        "on_success: {notify: append}\nassets: {a: {shell: 'echo 1 > \"$OUTPUT\"'}}\n"
    )
    done = call("materialize", at=words)
    assert done.returncode == 0 and "no plugin brings the notifier 'append'" in done.stderr


def test_what_lies_in_a_project_is_no_plugin(environ: dict[str, str], words: Path, installed: str) -> None:
    for path in Path(installed).iterdir():
        (shutil.copytree if path.is_dir() else shutil.copy)(path, words / path.name)
    (words / "bakehouse_example.py").write_text("open('ran', 'w').close()\n")
    for command in (
        [sys.executable, "-m", "bakehouse"],
        [sys.executable, "-c", "from bakehouse.tui.cli import main; main()"],
    ):
        done = subprocess.run(
            [*command, "ls"], cwd=words, env=environ, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 2 and "unknown key" in done.stderr, done.stderr
    assert not (words / "ran").exists()
