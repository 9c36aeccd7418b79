"""The public face: decorating notes a function down and leaves it what it was."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bakehouse import Context, Table, asset, source, task
from bakehouse.core.api import registered


@pytest.fixture(autouse=True)
def nothing_registered() -> Iterator[None]:
    registered().clear()
    yield
    registered().clear()


def test_a_decorated_function_is_the_same_function() -> None:
    def flights(year: int) -> int:
        return year + 1

    assert asset(flights) is flights
    assert asset(group="raw")(flights) is flights
    assert flights(2) == 3


def test_an_async_function_stays_one() -> None:
    @task(outputs=["report"])
    async def render(flights: int) -> int:
        return flights * 2

    assert asyncio.run(render(2)) == 4


def test_what_was_said_is_noted_down_in_order() -> None:
    source("airports", file="data/airports.csv", group="raw")

    @asset(tags=["daily"], retries=2)
    def delays(airports: list[str]) -> list[str]:
        """How late each airport runs.

        In minutes.
        """
        return airports

    first, second = registered()
    assert (first.kind, first.name, first.options["file"]) == ("source", "airports", "data/airports.csv")
    assert (second.kind, second.name, second.function) == ("asset", "delays", delays)
    assert second.options == {"tags": ["daily"], "retries": 2}
    assert second.description == "How late each airport runs."
    assert Path(second.file) == Path(__file__)
    assert first.line < second.line


def test_deps_may_be_the_decorated_functions_themselves() -> None:
    @asset
    def flights() -> int:
        return 1

    @asset(name="all delays", deps=[flights, "weather"])
    def delays() -> int:
        return 2

    assert registered()[-1].name == "all delays"
    assert registered()[-1].options["deps"] == ["flights", "weather"]


def test_an_unknown_option_is_named_with_the_one_that_was_meant() -> None:
    with pytest.raises(TypeError, match=r"asset has no option 'grup': did you mean 'group'\?"):
        asset(grup="raw")  # type: ignore[call-overload]
    with pytest.raises(TypeError, match="source has no option 'retries'"):
        source("x", retries=2)  # type: ignore[call-arg]


@pytest.mark.parametrize("wrong", ["flights", 3, ["flights"]])
def test_a_name_given_by_position_is_explained(wrong: object) -> None:
    with pytest.raises(TypeError, match=r"@asset takes its options by name: @asset\(name="):
        asset(wrong)  # type: ignore[call-overload]


def test_a_single_name_for_a_list_is_refused() -> None:
    with pytest.raises(TypeError, match=r"deps is a list: deps=\['flights'\]"):
        asset(deps="flights")(lambda: 1)


def test_outside_a_run_a_context_remembers_what_it_was_told(capsys: pytest.CaptureFixture[str]) -> None:
    context = Context(params={"day": 1})
    context.progress(1.5, "almost")
    context.metadata(rows=3)
    context.metadata(asset="chart", width=80)
    context.log.info("%d rows", 3)
    context.log.warning("odd")
    assert (context.fraction, context.note) == (1.0, "almost")
    assert context.recorded == {None: {"rows": 3}, "chart": {"width": 80}}
    assert capsys.readouterr().out == "3 rows\nWARNING: odd\n"


def test_progress_is_a_number() -> None:
    with pytest.raises(ValueError, match="not nan"):
        Context().progress(float("nan"))


def test_a_context_passes_on_what_it_is_told() -> None:
    heard: list[object] = []

    class Ear:
        def progress(self, fraction: float, note: str) -> None:
            heard.append((fraction, note))

        def metadata(self, asset: str | None, values: object) -> None:
            heard.append((asset, values))

    context = Context(teller=Ear())
    context.progress(0.5)
    context.metadata(rows=1)
    assert heard == [(0.5, ""), (None, {"rows": 1})]


@pytest.fixture
def table(tmp_path: Path) -> Table:
    duckdb = pytest.importorskip("duckdb")
    path = tmp_path / "it's.parquet"
    with duckdb.connect() as connection:
        quoted = str(path).replace("'", "''")
        connection.execute(f"copy (select range as n, 'x' || range as s from range(5000)) to '{quoted}'")
    return Table(path)


def test_a_table_is_read_only_as_far_as_asked(table: Table) -> None:
    assert table.columns == ["n", "s"]
    assert len(table) == 5000
    assert table.rows(2, 3) == [{"n": 3, "s": "x3"}, {"n": 4, "s": "x4"}]
    assert table.rows(offset=4999) == [{"n": 4999, "s": "x4999"}]
    assert sum(row["n"] for row in table) == sum(range(5000))
    assert table.sql("select max(n) from this").fetchall() == [(4999,)]


def test_two_readers_of_one_table_do_not_disturb_each_other(table: Table) -> None:
    pairs = zip(table, table, strict=True)
    assert all(left == right for left, right in pairs)


def test_a_table_without_duckdb_says_what_to_add(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['duckdb'] = None\n"
        f"sys.path.insert(0, {str(Path(__file__).parents[2] / 'src')!r})\n"
        "from bakehouse import Table\n"
        "try: len(Table('x.parquet'))\n"
        "except ModuleNotFoundError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "add duckdb to the project's environment" in done.stdout


def test_the_face_needs_only_the_standard_library() -> None:
    """It is imported by the project's interpreter, which need not have anything of ours."""
    code = (
        "import sys\n"
        f"sys.path.insert(0, {str(Path(__file__).parents[2] / 'src')!r})\n"
        "import bakehouse, bakehouse.core.load.child, bakehouse.core.fingerprint.code\n"
        "tops = {name.partition('.')[0] for name in sys.modules}\n"
        "print(sorted(tops - set(sys.stdlib_module_names) - {'bakehouse', '__main__', 'sitecustomize'}))\n"
    )
    done = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
