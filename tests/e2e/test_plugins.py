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
