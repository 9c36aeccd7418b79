"""Every page of the tutorial and the how-to is carried out, line by line, in a folder of its own, by a real shell.

A block of a language whose first line is `# NAME` is written to that file. In a `console` block a line after `$ ` is a
command (`> ` continues it) and what follows is what it prints; `…` stands for anything, in a line or for whole lines.
A command ends with 0, unless the next one asks `echo $?`.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "docs" / "tutorial.md", *sorted((ROOT / "docs" / "how-to").glob("*.md"))]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NAMED = re.compile(r"# ([\w./-]+)\n")


@dataclass
class Command:
    """One command of a page with what it prints; `line` is where it stands."""

    text: str
    line: int
    prints: list[str] = field(default_factory=list)


def steps_of(page: str) -> list[Command | tuple[str, str]]:
    """What a page says to do, in its order: commands, and files with their text."""
    steps: list[Command | tuple[str, str]] = []
    for block in BLOCK.finditer(page):
        language, text = block.groups()
        if language == "console":
            steps += commands(text, page[: block.start()].count("\n") + 2)
        elif named := NAMED.match(text):
            steps.append((named[1], text))
        elif language == "csv":
            raise AssertionError("a table has no place for its name: print it with a command")
    return steps


def commands(text: str, first: int) -> list[Command]:
    found: list[Command] = []
    for number, line in enumerate(text.splitlines()):
        if line.startswith("$ "):
            found.append(Command(line[2:], first + number))
        elif line.startswith("> ") and not found[-1].prints:
            found[-1].text += "\n" + line[2:]
        else:
            found[-1].prints.append(line)
    return found


def script(steps: list[Command | tuple[str, str]], told: Path) -> str:
    """A shell script that does it all, and leaves what each command printed and ended with."""
    lines = []
    for number, step in enumerate(steps):
        if isinstance(step, Command):
            lines.append(f"{{ {step.text}\n}} >{shlex.quote(str(told / f'{number}.out'))} 2>&1")
            lines.append(f"ended=$?; echo $ended >{shlex.quote(str(told / f'{number}.rc'))}; (exit $ended)")
        else:
            name, text = step
            lines.append(f"mkdir -p {shlex.quote(str(Path(name).parent))}")
            lines.append(f"cat >{shlex.quote(name)} <<'END OF FILE'\n{text}END OF FILE")
    return "\n".join(lines) + "\n"


def is_told(printed: list[str], expected: list[str]) -> bool:
    """Whether `expected`, in which `…` stands for anything, tells what was printed."""
    if not expected:
        return not printed
    first, *rest = expected
    if first == "…":
        return any(is_told(printed[at:], rest) for at in range(len(printed) + 1))
    if not printed:
        return False
    pattern = ".*".join(map(re.escape, first.split("…")))
    return re.fullmatch(pattern, printed[0].rstrip()) is not None and is_told(printed[1:], rest)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_page_can_be_followed_to_the_letter(page: Path, tmp_path: Path) -> None:
    told, home, work = tmp_path / "told", tmp_path / "home", tmp_path / "work"
    for folder in (told, home, work):
        folder.mkdir()
    steps = steps_of(page.read_text(encoding="utf-8"))
    assert sum(isinstance(step, Command) for step in steps) >= 3
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {"PATH": path, "HOME": str(home), "LANG": "C.UTF-8", "NO_COLOR": "1", "TZ": "UTC"}
    subprocess.run(
        ["/bin/sh", "-c", script(steps, told)], cwd=work, env=environment, stdin=subprocess.DEVNULL
    )
    for number, step in enumerate(steps):
        if not isinstance(step, Command):
            continue
        where = f"{page.name}:{step.line}: {step.text}"
        printed = (told / f"{number}.out").read_text(encoding="utf-8").splitlines()
        code = (told / f"{number}.rc").read_text().strip()
        asked = number + 1 < len(steps) and getattr(steps[number + 1], "text", "") == "echo $?"
        assert code == "0" or asked, f"{where}\nended with {code}:\n" + "\n".join(printed)
        assert is_told(printed, step.prints), f"{where}\nprinted:\n" + "\n".join(printed)


def test_the_language_of_the_pages() -> None:
    assert is_told(["a 12 b", "c", "d"], ["a … b", "…", "d"]) and is_told(["d"], ["…", "d"])
    assert not is_told(["a", "b"], ["a"]) and not is_told(["a"], ["a", "b"]) and not is_told(["ab"], ["a"])
    page = "```console\n$ cd x\n$ false\n$ echo $?\n1\n```\n```yaml\n# a/b.yaml\nx: 1\n```\n"
    first, second, third, file = steps_of(page)
    assert [step.text for step in (first, second, third) if isinstance(step, Command)] == [
        "cd x",
        "false",
        "echo $?",
    ]
    assert isinstance(third, Command) and third.prints == ["1"] and third.line == 4
    assert file == ("a/b.yaml", "# a/b.yaml\nx: 1\n")
