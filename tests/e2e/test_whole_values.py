"""Values as other programs take them, and text as it was written."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet
import pytest

from .conftest import Call, Terminal

PIPELINE = """
pipeline: shop
assets:
  letter: {python: steps:letter}
  numbers: {python: steps:numbers}
  seal: {python: steps:seal}
  page: {python: steps:page}
  pages: {python: steps:pages}
  sums: {sql: "select sum(v) as total from (values (1), (2)) t(v)"}
  later: {python: steps:letter}
  prices: {file: prices.csv}
"""
STEPS = """
import tempfile
from pathlib import Path

def letter():
    return "Dear Ada,\\n\\x1b[31mred\\x1b[0m ü\\n"

def numbers():
    return {"b": [1, 2], "a": "x"}

def seal():
    return bytes(range(256))

def page():
    path = Path(tempfile.mkdtemp()) / "page.html"
    path.write_bytes(b"<p>\\r\\n" * 300_000)
    return path

def pages():
    folder = Path(tempfile.mkdtemp()) / "pages"
    folder.mkdir()
    (folder / "one.html").write_text("1")
    return folder
"""
MADE = ("letter", "numbers", "seal", "page", "pages", "sums")
Raw = Callable[[str], "subprocess.CompletedProcess[bytes]"]


@pytest.fixture
def raw(project: Path, environ: dict[str, str], call: Call) -> Raw:
    (project / "bakehouse.yaml").write_text(PIPELINE)
    (project / "steps.py").write_text(STEPS)
    (project / "prices.csv").write_bytes(b"a,b\r\n1,2\r\n")
    done = call("materialize", *MADE)
    assert done.returncode == 0, done.stdout + done.stderr

    def written(asset: str) -> subprocess.CompletedProcess[bytes]:
        command = [sys.executable, "-m", "bakehouse", "-C", str(project), "show", asset, "--raw"]
        return subprocess.run(
            command, env=environ | {"BAKEHOUSE_TRUST": "1"}, capture_output=True, timeout=120
        )

    return written


def test_text_of_several_lines_is_shown_as_it_was_written(raw: Raw, call: Call) -> None:
    assert call("show", "letter").stdout.splitlines()[0] == "Dear Ada,"
    assert "\x1b" not in call("show", "letter").stdout
    shown = json.loads(call("show", "letter", "--json").stdout)
    assert (shown["kind"], shown["text"].split("\n")[0]) == ("text", "Dear Ada,")


def test_a_value_is_written_whole_and_byte_by_byte(raw: Raw) -> None:
    assert raw("letter").stdout == "Dear Ada,\n\x1b[31mred\x1b[0m ü\n".encode()
    assert json.loads(raw("numbers").stdout) == {"b": [1, 2], "a": "x"}
    assert raw("seal").stdout == bytes(range(256))
    assert raw("page").stdout == b"<p>\r\n" * 300_000
    assert raw("prices").stdout == b"a,b\r\n1,2\r\n"
    assert pyarrow.parquet.read_table(io.BytesIO(raw("sums").stdout)).to_pylist() == [{"total": 3}]


@pytest.mark.parametrize(("asset", "said"), [("later", "never materialized"), ("pages", "a folder")])
def test_what_is_no_row_of_bytes_is_told(raw: Raw, asset: str, said: str) -> None:
    done = raw(asset)
    assert done.returncode == 2 and not done.stdout
    assert said in done.stderr.decode() and "Traceback" not in done.stderr.decode()


def test_a_damaged_value_is_not_handed_over(raw: Raw, project: Path) -> None:
    (big,) = (
        p for p in (project / ".bakehouse/values").rglob("*") if p.is_file() and p.stat().st_size > 10**6
    )
    big.chmod(0o600)
    with big.open("r+b") as file:
        file.write(b"X")
    done = raw("page")
    assert done.returncode and not done.stdout and b"damaged" in done.stderr


def test_bytes_are_not_written_to_a_terminal(raw: Raw, project: Path, environ: dict[str, str]) -> None:
    code = "import sys; from bakehouse.tui.cli import main; sys.exit(main())"
    words = ("-C", str(project), "show", "letter", "--raw")
    seen = Terminal(code, *words, env=environ | {"BAKEHOUSE_TRUST": "1"})
    seen.sees("> FILE")
    seen.ends_with(2)
    assert b"\x1b[31m" not in seen.raw
    seen.close()


def test_the_value_itself_is_no_document(raw: Raw, call: Call) -> None:
    both = call("show", "letter", "--raw", "--json")
    assert both.returncode == 2 and "--raw" in both.stderr and not both.stdout
