"""Checks on the screen: cells on the row, a tab with what was found; columns with what changed; descriptions."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bakehouse.core.checks.definition import Check
from bakehouse.core.verdicts import Verdict
from bakehouse.core.workbench import Workbench
from bakehouse.tui.paint.prose import prose
from bakehouse.tui.panes.found import checks_lines

from .test_looking_back_golden import GOLDEN, SIZES, veiled

YAML = """
pipeline: shop
assets:
  loaves:
    description: |
      # What is sold
      Every loaf with its **price**, in `euros`; see [the list](https://example.org/list).

      - *rye* and oat
      - nothing else

      ```
      select price from loaves
      ```
    owners: [ada]
    tags: [daily]
    sql: select * from (values (1, 'rye', 4.5), (2, 'oat', LOW), (3, null, LOW)) t(id, kind, price)
    checks:
      - not_null: id
      - {not_null: kind, severity: warn}
      - {expression: price > 0, name: it costs something}
  stock:
    deps: [loaves]
    sql: select id, COUNT from loaves
    checks: [{row_count: {min: 1}}, {unique: id}]
"""
EARLIER, LATER = ("3.0", "1 as n, 'a' as shelf"), ("-1.0", "1.5::double as n, true as sold")


def text_of(state: tuple[str, str]) -> str:
    return YAML.replace("LOW", state[0]).replace("COUNT", state[1])


@pytest.fixture(scope="module")
def sold(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that was made three times: well, with other columns, and with prices that fail."""
    pytest.importorskip("duckdb")
    folder = tmp_path_factory.mktemp("sold") / "shop"
    folder.mkdir()
    environment = {**os.environ, "BAKEHOUSE_HOME": str(folder.parent / "home")}
    program = [sys.executable, "-m", "bakehouse", "-C", str(folder), "--trust", "-q", "materialize"]
    for text, expected in (
        (text_of(EARLIER), 0),
        (text_of((EARLIER[0], LATER[1])), 0),
        (text_of(LATER), 1),
    ):
        (folder / "bakehouse.yaml").write_text(text)
        done = subprocess.run(program, env=environment, capture_output=True, timeout=120)
        assert done.returncode == expected, done.stderr
    return folder


@pytest.fixture
def shop(sold: Path, tmp_path: Path, home: Path) -> Path:
    shutil.copytree(sold.parent, tmp_path, dirs_exist_ok=True)
    return tmp_path / "shop"


TABS = {"checks": "loaves", "overview": "loaves", "columns": "stock"}


@pytest.mark.parametrize("size", SIZES, ids=lambda at: f"{at[0]}x{at[1]}")
@pytest.mark.parametrize("name", TABS)
async def test_what_was_found_looks_as_it_did(
    name: str, size: tuple[int, int], shop: Path, screen: Callable[..., Any]
) -> None:
    async with screen(shop, size=size, bench=Workbench, clock=time.time) as s:
        await s.go(TABS[name])
        s.app.side.go_to_tab("checks" if name == "checks" else "overview")
        if name != "checks":
            await s.press("tab", "z")
        await s.sees({"checks": "warned", "overview": "What is sold", "columns": "changed: + sold"}[name])
        await s.pilot.pause()
        seen = veiled(s.text) + "\n"
    golden = GOLDEN / f"found_{name}-{size[0]}x{size[1]}.txt"
    if os.environ.get("BAKEHOUSE_GOLDEN") == "write":
        golden.write_text(seen)
    assert seen == golden.read_text()


HOSTILE = [
    "\x1b[2J",
    "\x1b]8;;http://evil.example/\x1b\\here",
    "[@click=app.quit]c[/]",
    "\u202eb",
    "a\nb\x9b",
    "漢" * 99,
]


@pytest.mark.case("U1")
def test_names_of_checks_and_rows_that_fail_are_never_obeyed() -> None:
    for said in HOSTILE:
        found = Verdict("a", said, "failed", said, 7, 9, (said, "n"), ((said, 1), (None, True)), 1.0, said)
        for line in checks_lines([Check("a", said, "python")], [[found]], 2.0, said):
            text = "".join(bit.text for bit in line)
            assert not any(c in text for c in "\x1b\x9b\x07\n\u202e") and len(text) < 400, text


def test_a_description_is_markdown_that_does_nothing() -> None:
    def shown(text: str) -> list[str]:
        return ["".join(bit.text for bit in line) for line in prose(text)]

    def styles(text: str) -> dict[str, str]:
        return {bit.text: bit.style for line in prose(text) for bit in line if bit.text}

    assert shown("# Head #\none\ntwo\n\n* a\n  goes on\n2. b\n> said\n---") == [
        "Head", "one two", "", "* a goes on", "2. b", "│ said", "─" * 20,
    ]  # fmt: skip
    assert styles("a **b** _c_ `d` [e](f)") == {
        "a ": "text", "b": "text bold", " ": "text", "c": "text italic", "d": "accent", "e": "text underline",
        " (f)": "muted",
    }  # fmt: skip
    assert shown("snake_case_name 2 * 3 * 4 <b>x</b> ![alt](src)") == [
        "snake_case_name 2 * 3 * 4 <b>x</b> alt (src)"
    ]
    assert shown("```sql\nselect *\n  from **t**\n```\nafter") == ["  select *", "    from **t**", "after"]
    assert shown("```\nnever closed") == ["  never closed"]
    for said in ("[" * 50_000, "`" * 50_000, "**a" * 20_000, "_a " * 30_000, "> " * 30_000, "\x1b]8;;x\x07y"):
        assert all("\x1b" not in text for text in shown(said))
