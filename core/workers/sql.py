"""One SQL step inside a worker of our own interpreter: dependencies as views, the last result as Parquet."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..engine.executor import Given, Made, Order, Outcome
from ..model import Json, SqlAction
from . import codecs, relations
from .codecs import CannotStore, ValueDamaged
from .sink import create
from .step import changed_env, sentence

READERS = {
    ".csv": "read_csv({path})",
    ".tsv": "read_csv({path}, delim='\t')",
    ".parquet": "read_parquet({path})",
    ".json": "read_json({path})",
    ".jsonl": "read_json({path}, format='newline_delimited')",
    ".ndjson": "read_json({path}, format='newline_delimited')",
}
PACKED = (".gz", ".zst")
_LONG_NUMBER = re.compile("[0-9]{19}")
MISSING = "SQL steps need DuckDB, which is not installed: pip install 'bakehouse[duckdb]'"
SETTINGS = {
    "threads": "1",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_community_extensions": "false",
}


Part = tuple[str, str, str]


class SqlSteps:
    """Runs orders for SQL queries, each on a database of its own in memory."""

    is_spent = False

    def __init__(self, root: Path, store: Path) -> None:
        self.root, self.store = root, store

    def run(self, order: Order, tell: Callable[[str, Any], None]) -> Outcome:
        """Never raises but for what ends the process."""
        if order.checks:
            from .checking import run_queries

            return run_queries(self, order)
        began = time.perf_counter()
        made: tuple[Made, ...] = ()
        error, detail = "", ""
        try:
            import duckdb
        except ModuleNotFoundError:
            return Outcome(order.attempt, False, error=MISSING)
        try:
            with changed_env(order.env):
                made = self._run(duckdb, order)
        except duckdb.Error as failure:
            error, detail = in_words(failure)
        except (ValueDamaged, CannotStore) as failure:
            error = sentence(str(failure))
        except Exception as failure:
            error = sentence(f"{type(failure).__name__}: {failure}")
        seconds = time.perf_counter() - began
        return Outcome(order.attempt, not error, made, error=error, traceback=detail, seconds=seconds)

    def _run(self, duckdb: Any, order: Order) -> tuple[Made, ...]:
        assert isinstance(order.action, SqlAction)
        if len(order.outputs) > 1:
            raise CannotStore("a query makes one asset: give each of the others a task of its own")
        os.chdir(self.root / order.action.folder)
        scratch = self.store / "tmp" / order.attempt
        connection = duckdb.connect(":memory:", config=SETTINGS)
        try:
            views, unreadable = self._views(order, scratch)
            several = self.several(order, scratch) if order.gathers else {}
            gathered = [path for tables in several.values() for _, _, path in tables]
            self.confine(connection, scratch, [*(path for _, _, path in views), *gathered])
            create_views(connection, views, several)
            try:
                return self._query(duckdb, connection, order, scratch)
            except duckdb.CatalogException as failure:
                raise self._explained(failure, unreadable) from None
        finally:
            connection.close()
            shutil.rmtree(scratch / "in", ignore_errors=True)
            with contextlib.suppress(OSError):
                scratch.rmdir()  # where the value is not in it

    def _explained(self, failure: Exception, unreadable: dict[str, str]) -> Exception:
        text = str(failure)
        for name, why in unreadable.items():
            if f" {name} " in text:
                return CannotStore(why)
        return failure

    def confine(self, connection: Any, scratch: Path, files: Iterable[str]) -> None:
        """From here on only the project, the store and the inputs can be read."""
        folders = ", ".join(literal(f"{folder}{os.sep}") for folder in (self.root, self.store, scratch))
        connection.execute(f"set allowed_directories = [{folders}]")
        connection.execute(f"set allowed_paths = [{', '.join(map(literal, files))}]")
        connection.execute("set enable_external_access = false")

    # -- what goes in

    def _views(self, order: Order, scratch: Path) -> tuple[list[tuple[str, str, str]], dict[str, str]]:
        """(name, reader, path) of every input that is a table, and why the others are not."""
        views, unreadable = [], {}
        for given in order.inputs:
            if given.input.part:
                continue
            name = given.input.identifier
            found = self.table_of(given, scratch / "in" / name)
            if isinstance(found, str):
                unreadable[name] = found
            elif found is not None:
                views.append((name, *found))
        return views, unreadable

    def several(self, order: Order, scratch: Path) -> dict[str, list[Part]]:
        """(encoded key, reader, path) of each partition, by the table that they are together."""
        from .partitions import gathered

        found: dict[str, list[Part]] = {name: [] for name in order.gathers}
        for name, parts in gathered(order.inputs).items():
            for number, given in enumerate(parts):
                table = self.table_of(given, scratch / "in" / name / str(number))
                if isinstance(table, str):
                    raise CannotStore(table)
                if table is not None:
                    found[name].append((given.input.part, *table))
        return found

    def table_of(self, given: Given, scratch: Path) -> tuple[str, str] | str | None:
        """The reader of an input and its path; why it is no table; None where there is nothing to read."""
        asset, value = given.input.asset, given.value
        if value is None:
            return None if given.file is None else reader_of(given.file, given.file, asset)
        if value.codec == "none":
            return None
        if value.codec == "json":
            rows = codecs.decode(value, given.path, asset=asset)
            return write_rows(rows, scratch / "rows.json")
        if value.codec in ("parquet", "file"):
            path = str(codecs.file_of(value, given.path, asset=asset, scratch=scratch))
            return reader_of(path, "x.parquet" if value.codec == "parquet" else value.type, asset)
        return f"{asset} is stored as {value.codec}, which SQL cannot read: return a table or plain data"

    # -- what comes out

    @staticmethod
    def _relation(duckdb: Any, connection: Any, statement: Any, params: dict[str, Json] | None) -> Any:
        try:
            return connection.sql(statement.query, params=params)
        except duckdb.Error:
            connection.execute(statement, params)  # fails in the same way, and says at which line
            raise

    def _query(self, duckdb: Any, connection: Any, order: Order, scratch: Path) -> tuple[Made, ...]:
        assert isinstance(order.action, SqlAction)
        statements = connection.extract_statements(order.action.query)
        if not statements:
            raise CannotStore("the query is empty")
        *before, last = statements
        for statement in before if order.outputs else statements:
            result = connection.execute(statement, chosen(order, statement))
            while result.fetchmany(4096):
                pass
        if not order.outputs:
            return ()
        result = self._relation(duckdb, connection, last, chosen(order, last)) if has_rows(last) else None
        if result is None:
            raise CannotStore("the last statement has no result: end with a SELECT")
        path = scratch / "result.parquet"
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        result = relations.write(result, path)
        columns: Json = [[name, str(kind)] for name, kind in zip(result.columns, result.types, strict=True)]
        rows = connection.execute(f"select count(*) from read_parquet({literal(str(path))})").fetchone()[0]
        encoded = codecs.finished_file(path, "parquet", "", {"rows": rows, "columns": columns})
        return (Made(order.outputs[0].asset, encoded.stored, encoded.path, encoded.metadata),)


def create_views(
    connection: Any, views: Iterable[tuple[str, str, str]], several: Mapping[str, list[Part]] | None = None
) -> None:
    """Each (name, reader, path) as a view, and what is `several` partitions as one; from then on no query can change
    a setting."""
    for name, reader, path in views:
        connection.execute(f"create view {quoted(name)} as select * from {reader.format(path=literal(path))}")
    for name, tables in (several or {}).items():
        connection.execute(union_of(name, tables))
    connection.execute("set lock_configuration = true")


def union_of(name: str, tables: Sequence[Part]) -> str:
    """One view of several partitions: columns by name, and `partition` says where a row is from."""
    from ..naming import shown_part

    if not tables:
        return f"create view {quoted(name)} as select null::varchar as partition where false"
    parquet = READERS[".parquet"]
    if all(reader == parquet for _, reader, _ in tables):
        known = {path: shown_part(part) for part, _, path in tables}
        paths = ", ".join(map(literal, known))
        if len(known) == len(tables):
            keys = ", ".join(f"{literal(path)}: {literal(key)}" for path, key in known.items())
            return (
                f'create view {quoted(name)} as select * exclude ("partition of"), '
                f'map {{{keys}}}["partition of"] as partition '
                f"from read_parquet([{paths}], union_by_name = true, filename = 'partition of')"
            )
    selects = [
        f"select *, {literal(shown_part(part))} as partition from {reader.format(path=literal(path))}"
        for part, reader, path in tables
    ]
    return f"create view {quoted(name)} as {' union all by name '.join(selects)}"


def has_rows(statement: Any) -> bool:
    """Whether a statement is a query. `PIVOT` is one too, though DuckDB cannot tell beforehand."""
    expected = {kind.name for kind in statement.expected_result_type}
    return expected == {"QUERY_RESULT"} or statement.type.name == "MULTI"


def chosen(order: Order, statement: Any) -> dict[str, Json] | None:
    """The params that a statement names. Raises CannotStore for one that the step does not have."""
    wanted = statement.named_parameters
    known = order.params
    if order.partition is not None:
        from .partitions import named_values

        known = {**known, **named_values(order)}
    for name in sorted(wanted - set(known)):
        raise CannotStore(f"the query uses ${name}, but the step has no such param")
    return {name: known[name] for name in wanted} or None


def reader_of(path: str, name: str, asset: str) -> tuple[str, str] | str:
    """The DuckDB function for a file by its suffix, and the file; or why there is none."""
    stem = name.lower()
    for packed in PACKED:
        stem = stem.removesuffix(packed)
    suffix = Path(stem).suffix
    if suffix in READERS:
        return READERS[suffix], path
    known = ", ".join(READERS)
    return f"{asset} is a file that SQL cannot read ({suffix or 'no suffix'}): it reads {known}"


def write_rows(value: Any, path: Path) -> tuple[str, str]:
    """Plain data as a JSON file of records, with its reader: what is no record becomes one with the column `value`."""
    rows = value if isinstance(value, list | tuple) else [value]
    records = [row if isinstance(row, dict) else {"value": row} for row in rows]
    text = json.dumps(records, default=_text_of, skipkeys=True)
    with create(path) as file:
        file.write(text.encode())
    reader = READERS[".json"]
    return (_reading_wide(reader, _wide(records)) if _LONG_NUMBER.search(text) else reader), str(path)


def _wide(records: Sequence[dict[Any, Any]]) -> dict[str, str]:
    """Columns of whole numbers some of which have no room in 64 bits, with a type that keeps them as they are. (DuckDB
    takes them for DOUBLE, and a HUGEINT becomes one in Parquet.)"""
    found: dict[str, str] = {}
    for name in dict.fromkeys(name for row in records for name in row if isinstance(name, str)):
        values = [row[name] for row in records if row.get(name) is not None]
        if all(type(value) is int for value in values):
            largest = max(map(abs, values), default=0)
            if largest >= 2**63:
                found[name] = "DECIMAL(38,0)" if largest < 10**38 else "VARCHAR"
    return found


def _reading_wide(reader: str, kinds: Mapping[str, str]) -> str:
    if not kinds:
        return reader
    named = {quoted(name).replace("{", "{{").replace("}", "}}"): kind for name, kind in kinds.items()}
    typed = ", ".join(f"{name}: {literal(kind)}" for name, kind in named.items())
    replaced = ", ".join(f"wide.{name} as {name}" for name in named)
    wide = reader.replace("{path}", f"{{path}}, columns = {{{{{typed}}}}}")
    return f"(select rows.* replace ({replaced}) from {reader} rows positional join {wide} wide)"


def _text_of(value: Any) -> Json:
    if isinstance(value, set | frozenset):
        return sorted(value, key=repr)
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def in_words(failure: Exception) -> tuple[str, str]:
    """DuckDB's message as one sentence, and all of it."""
    text = str(failure).strip()
    return sentence(text.split("\n\n")[0]), text
