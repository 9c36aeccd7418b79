"""Commands get their data by environment alone, and what they leave is judged by what is there."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from bakehouse.core.model import ShellAction
from bakehouse.core.workers.codecs import encode

Begin = Callable[..., Awaitable[Any]]


async def test_a_command_gets_its_inputs_and_leaves_its_output(begin: Begin, tmp_path: Path) -> None:
    steps = await begin()
    flour = tmp_path / "flour.csv"
    flour.write_text("kg\n1\n")
    stored = encode({"eggs": [1, 2]}, tmp_path / "unused").stored
    attempt = steps.shell(
        'pwd; cat "$flour" "$wet"; echo "[$water]"; echo "$times $hot $BAKER $BAKEHOUSE_ATTEMPT";'
        ' cp "$flour" "$OUTPUT"',
        inputs={"flour": str(flour), "wet": stored, "water": None},
        outputs=("dough.csv",),
        params={"times": 3, "hot": True},
        env={"BAKER": "Ada"},
    )
    outcome = await steps.outcome(attempt)
    assert outcome.ok, outcome
    assert steps.log(attempt).decode().splitlines() == [
        str(steps.root), "kg", "1", '{"eggs":[1,2]}[]', f"3 true Ada {attempt}",
    ]  # fmt: skip
    (made,) = outcome.made
    assert (made.asset, made.value.codec, made.value.type) == ("dough.csv", "file", "dough_csv.csv")
    assert steps.value(outcome).read_text() == "kg\n1\n"


async def test_every_end_has_its_word(begin: Begin, eventually: Callable[..., None]) -> None:
    steps = await begin()
    expected = {
        "exit 3": "exit code 3",
        "exit 255": "exit code 255",
        "kill -9 $$": "killed by signal 9 (SIGKILL)",
        "true # OUTPUT": "exit 0, but nothing at $OUTPUT for bread",
        "echo crumbs > $OUTPUT; exit 1": "exit code 1",
        "mkfifo $OUTPUT": "is neither file nor folder",
        "no_such_command": "exit code 127",
    }
    attempts = {command: steps.shell(command, outputs=("bread",)) for command in expected}
    for command, sentence in expected.items():
        outcome = await steps.outcome(attempts[command])
        assert not outcome.ok and not outcome.made and sentence in outcome.error, command
    gone = await steps.outcome(steps.submit(ShellAction("true", "no/such/folder"), outputs=()))
    assert "the command cannot be started: No such file or directory" in gone.error
    nul = await steps.outcome(steps.shell("true", params={"a": "x\0y"}))
    assert "NUL" in nul.error
    scratch = steps.root / ".bakehouse" / "tmp"
    await asyncio.to_thread(eventually, lambda: not list(scratch.iterdir()))


async def test_folders_several_outputs_and_none(begin: Begin) -> None:
    steps = await begin()
    folder = await steps.outcome(steps.shell("mkdir $OUTPUT; echo a > $OUTPUT/a", outputs=("all",)))
    assert folder.made[0].value.codec == "folder" and (steps.value(folder) / "a").read_text() == "a\n"
    two = await steps.outcome(steps.shell("echo 1 > $OUTPUT_a; echo 2 > $OUTPUT_b_c", outputs=("a", "b.c")))
    assert [(made.asset, made.value.inline) for made in two.made] == [("a", b"1\n"), ("b.c", b"2\n")]
    half = await steps.outcome(steps.shell("echo 1 > $OUTPUT_a", outputs=("a", "b.c")))
    assert half.error == "exit 0, but nothing at $OUTPUT_b_c for b.c"
    silent = await steps.outcome(steps.shell("true", outputs=("a",)))
    assert silent.ok and silent.made[0].value.codec == "none"
    large = await steps.outcome(steps.shell("head -c 100000 /dev/zero > $OUTPUT", outputs=("zeros",)))
    assert large.made[0].path is not None and steps.value(large).stat().st_size == 100_000


async def test_stdin_is_empty(begin: Begin) -> None:
    steps = await begin()
    attempt = steps.shell("cat; echo end")
    assert (await steps.outcome(attempt)).ok and steps.log(attempt) == b"end\n"


async def test_a_command_has_no_descriptor_but_its_three(begin: Begin) -> None:
    steps = await begin()
    held = os.open("/dev/null", os.O_RDONLY)
    os.set_inheritable(held, True)
    try:
        attempt = steps.shell("ls /proc/$$/fd; readlink /proc/$$/fd/0")
        await steps.outcome(attempt)
    finally:
        os.close(held)
    assert steps.log(attempt).decode().splitlines() == ["0", "1", "2", "/dev/null"]


async def test_signals_are_as_a_shell_expects_them(begin: Begin) -> None:
    steps = await begin()
    attempt = steps.shell("grep -E 'Sig(Blk|Ign)' /proc/self/status; yes | head -1")
    assert (await steps.outcome(attempt)).ok
    blocked, ignored, text = steps.log(attempt).decode().splitlines()
    assert int(blocked.split()[1], 16) == 0 and text == "y"
    assert not int(ignored.split()[1], 16) & (1 << (signal.SIGPIPE - 1) | 1 << (signal.SIGINT - 1))


PIECES = [
    ";", "&&", "|", "$(touch {canary})", "`touch {canary}`", "\n touch {canary} \n", "-rf", "--output=x", "*", "?", "~",
    "'", '"', "\\", "{{ 7*7 }}", "${IFS}", ">{canary}", "<", "&", "$((1+1))", "\r", "\t", "é", "\x1b[2J", "%s", "!",
    "#",
    "'; touch {canary}; '", '"; touch {canary}; "', "() {{ :;}}; touch {canary}",
]  # fmt: skip


def payloads(canary: Path) -> list[str]:
    """Two hundred hostile texts, the same ones every time."""
    dice = random.Random(9)
    out = [piece.replace("{canary}", str(canary)) for piece in PIECES]
    while len(out) < 200:
        out.append("".join(dice.choices(PIECES, k=dice.randint(2, 4))).replace("{canary}", str(canary)))
    return out


@pytest.mark.case("X9")
async def test_hostile_params_and_paths_are_never_executed(begin: Begin, tmp_path: Path) -> None:
    steps = await begin()
    canary = tmp_path / "canary"
    command = """printf '%s' "$word" > "$OUTPUT"; cat "$dep" "$stored" > /dev/null; printf '%s' "$dep" """
    attempts = []
    for number, text in enumerate(payloads(canary)):
        folder = tmp_path / f"{number}" / text.replace("/", "_")[:200]
        folder.mkdir(parents=True)
        file = folder / text.replace("/", "_")[:200]
        file.write_text("flour")
        stored = encode(text, tmp_path / "unused").stored
        attempt = steps.shell(
            command, params={"word": text}, inputs={"dep": str(file), "stored": stored}, outputs=("copy",)
        )
        attempts.append((text, file, attempt))
    for text, file, attempt in attempts:
        outcome = await steps.outcome(attempt)
        assert outcome.ok, (text, outcome)
        assert outcome.made[0].value.inline == text.encode()
        assert steps.log(attempt).decode() == str(file)
    assert not canary.exists()


@pytest.mark.case("L1", "L2")
@pytest.mark.parametrize("command", ["yes", "head -c 200000000 /dev/zero"], ids=["lines", "one line"])
async def test_a_flood_is_read_in_bounded_pieces(begin: Begin, command: str) -> None:
    steps = await begin()
    seen, largest = 0, 0

    def output(attempt: str, data: bytes) -> None:
        nonlocal seen, largest
        seen, largest = seen + len(data), max(largest, len(data))
        steps.heard.set()

    steps.output = output
    attempt = steps.shell(command)
    await steps.until(lambda: seen > 50_000_000)
    steps.workers.cancel(attempt)
    assert (await steps.outcome(attempt)).cancelled or seen == 200_000_000
    assert largest <= 65536
