"""Names that a shell, a database, a path or a terminal would obey: through a whole run they stay names."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from harness.program import bakehouse

SHELL = [
    ";", "&&", "|", "$(touch CANARY)", "`touch CANARY`", "-rf", "--output=x", "*", "?", "~", "'", '"', "\\",
    "{{ 7*7 }}", "${IFS}", ">CANARY", "<", "&", "$((1+1))", "%s", "!", "#", "'; touch CANARY; '",
    '"; touch CANARY; "', "() { :;}; touch CANARY",
]  # fmt: skip
SQL = [
    "x'; drop table events; --", '"; attach "CANARY" as x; --', "select load_extension('x')", "a''b", 'a"b',
    "events", "sqlite_master", "'||(select 1)||'", "copy (select 1) to 'CANARY'", "install httpfs",
    "\u02bc or 1=1", "/* x", "?1", ":x", "$x", "@x",
]  # fmt: skip
PATHS = [
    "../../CANARY", "/etc/passwd", "a/../../b", "..", ".", "./x", "x/", "//", "a\\..\\b", "．．/x", "~root",
    "CON", "nul", "a:b", "x" * 255, "ü" * 255, "e\u0301", "\u00e9", ".bakehouse", "ledger.db", "tmp", "-", "--",
    "con.txt", "Bake", "bake",
]  # fmt: skip
TEXT = [
    "[red]",
    "[/red]",
    "[@click=app.quit]x",
    "漢字🎂",
    "a" + "\u0301" * 100,
    "👩‍👩‍👧",
    "{x}",
    "%d",
    "<b>",
    "&lt;",
    "](x)",
    "```",
]


def names(canary: Path, count: int) -> list[str]:
    """Hostile names, the same every time, as many as are asked for."""
    dice = random.Random(12)
    pieces = [one.replace("CANARY", str(canary)) for one in (*SHELL, *SQL, *PATHS, *TEXT)]
    found = dict.fromkeys(pieces)
    while len(found) < count:
        found["".join(dice.choices(pieces, k=2))[:255]] = None
    return [name for name in found if name.strip() == name and name.isprintable()]


def below(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


@pytest.mark.case("X9", "X10", "X12")
@pytest.mark.parametrize("count", [100, pytest.param(500, marks=pytest.mark.full)])
def test_names_and_all_that_is_said_of_them_stay_text(
    tmp_path: Path, environ: dict[str, str], count: int
) -> None:
    root = tmp_path / "deep" / "in" / "project"
    root.mkdir(parents=True)
    hostile = names(tmp_path / "CANARY", count)
    refused = {".", ".."} & set(hostile)
    assets: dict[str, dict[str, Any]] = {"seed": {"shell": 'echo 1 > "$OUTPUT"'}}
    for number, name in enumerate(hostile):
        assets[name] = {
            "deps": [{"asset": "seed", "as": "seed"}],
            "task": f"make {name}"[:255].strip(),
            "verb": name, "group": name, "tags": [name], "owners": [name], "description": name,
            "metadata": {name: name}, "params": {"word": "$" + name if name.startswith("${") else name},
            "shell": 'printf %s "$word" > "$OUTPUT"; cat "$seed" > /dev/null; printf "%s\\n" "$word"',
        }  # fmt: skip
        if len({one["task"] for one in assets.values() if "task" in one}) != len(assets) - 1:
            assets[name]["task"] = f"make {number}"
    (root / "bakehouse.yaml").write_text(json.dumps({"assets": assets}, ensure_ascii=False))
    around = below(tmp_path)

    done = bakehouse("materialize", "--json", at=root, env=environ)
    assert done.returncode == 0, (done.stderr or done.stdout)[-2000:]
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert {event["asset"] for event in told if event["event"] == "asset_materialized"} == set(assets)
    outside = {
        one for one in below(tmp_path) - around if not one.startswith(("deep/in/project/.bakehouse", "home"))
    }
    assert not outside and not (tmp_path / "CANARY").exists() and not refused - set(assets)
    assert not list((root / ".bakehouse" / "tmp").iterdir())

    for name in hostile[:: max(1, count // 12)]:
        shown = bakehouse("show", "--json", "--", name, at=root, env=environ)
        assert json.loads(shown.stdout)["text"].rstrip("\n") == name, shown
        logged = bakehouse("logs", "--json", "--", name, at=root, env=environ)
        assert json.loads(logged.stdout)["lines"] == [name]
    again = bakehouse("plan", "--json", at=root, env=environ)
    assert json.loads(again.stdout)["counts"] == {"run": 0, "reuse": len(assets)}
    assert "sound" in bakehouse("doctor", at=root, env=environ).stdout
    assert not (tmp_path / "CANARY").exists()


@pytest.mark.case("X10")
def test_a_query_sees_inputs_of_any_name_and_the_ledger_loads_no_extension(
    tmp_path: Path, environ: dict[str, str]
) -> None:
    pytest.importorskip("duckdb")
    hostile = [name.replace("CANARY", str(tmp_path / "CANARY")) for name in SQL]
    assets: dict[str, object] = {
        name: {"shell": 'echo "[{\\"n\\": 1}]" > "$OUTPUT"', "task": f"t{i}"}
        for i, name in enumerate(hostile)
    }
    deps = [{"asset": name, "as": f"input_{number}"} for number, name in enumerate(hostile)]
    assets["all"] = {"deps": deps, "params": {"word": hostile[0]}, "sql": "select $word as word"}
    (tmp_path / "bakehouse.yaml").write_text(json.dumps({"assets": assets}, ensure_ascii=False))
    done = bakehouse("materialize", at=tmp_path, env=environ)
    assert done.returncode == 0, done.stdout + done.stderr
    assert hostile[0] in bakehouse("show", "all", at=tmp_path, env=environ).stdout
    assert not (tmp_path / "CANARY").exists()
    code = "import sys, sqlite3; from pathlib import Path\nfrom bakehouse.core.store.store import Store\n"
    code += "store = Store.open(Path(sys.argv[1]))\nimport gc\n"
    code += "[c] = [c for c in gc.get_objects() if isinstance(c, sqlite3.Connection)] or [store.reader._connection]\n"
    code += "try: c.execute(\"select load_extension('x')\")\nexcept sqlite3.OperationalError as e: print(e)\n"
    said = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / ".bakehouse")],
        env=environ,
        capture_output=True,
        text=True,
    )
    assert "not authorized" in said.stdout, said


@pytest.mark.case("X16", "U6")
@pytest.mark.parametrize("format", ["dot", "mermaid", "text"])
def test_what_is_written_for_other_programs_cannot_be_broken_out_of(
    tmp_path: Path, environ: dict[str, str], format: str
) -> None:
    hostile = [
        '"];evil [label="x',
        '\\"]; evil',
        'a"]\nevil',
        "<script>",
        'x"] --> evil["y',
        "%%{init: 1}%%",
        "-->",
        "end",
    ]
    hostile = [name for name in hostile if name.isprintable()]
    assets: dict[str, Any] = {name: {"verb": name, "deps": [], "shell": "true"} for name in hostile}
    deps = [{"asset": name, "as": f"i{number}"} for number, name in enumerate(hostile)]
    assets["last"] = {"verb": '"]; evil', "deps": deps, "shell": "true"}
    (tmp_path / "bakehouse.yaml").write_text(json.dumps({"assets": assets}, ensure_ascii=False))
    done = bakehouse("graph", "--format", format, at=tmp_path, env=environ)
    assert done.returncode == 0, done.stderr
    if format == "text":
        return
    for line in done.stdout.splitlines():
        bare = line.replace("\\\\", "").replace('\\"', "")
        assert bare.count('"') % 2 == 0, line
        outside = "".join(bare.split('"')[::2])
        assert "evil" not in outside and "script" not in outside, line
