"""Calls that must not be in the house, found in its syntax trees rather than by looking for words."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def trees(*folders: str) -> Iterator[tuple[str, ast.Module]]:
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            if not {".bakehouse", ".venv", "results"} & set(path.parts):
                yield str(path.relative_to(ROOT)), ast.parse(path.read_text(encoding="utf-8"))


def dotted(node: ast.expr) -> str:
    """`os.path.join` for such an expression; for a call on anything else only what follows it."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        before = dotted(node.value)
        return f"{before}.{node.attr}" if before else f"?.{node.attr}"
    return ""


def keyword(call: ast.Call, name: str) -> ast.expr | None:
    return next((given.value for given in call.keywords if given.arg == name), None)


def is_true(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Constant) and node.value is True


def named(*names: str) -> Callable[[ast.Call], bool]:
    return lambda call: dotted(call.func) in names


def through_a_shell(call: ast.Call) -> bool:
    shell = keyword(call, "shell")
    if shell is not None and not (isinstance(shell, ast.Constant) and shell.value is False):
        return True
    return dotted(call.func) in (
        "os.system",
        "os.popen",
        "subprocess.getoutput",
        "asyncio.create_subprocess_shell",
    )


def opens_for_writing(call: ast.Call) -> bool:
    name = dotted(call.func)
    if name.rpartition(".")[2] in ("write_text", "write_bytes"):
        return True
    if name not in ("open", "os.fdopen") and not name.endswith(".open"):
        return False
    places = call.args[1:2] if name in ("open", "os.fdopen") else call.args[:1]
    mode = keyword(call, "mode") or (places[0] if places else None)
    return (
        isinstance(mode, ast.Constant) and isinstance(mode.value, str) and bool(set("wax+") & set(mode.value))
    )


def loads_pickle(call: ast.Call) -> bool:
    name = dotted(call.func)
    return name in (
        "pickle.load",
        "pickle.loads",
        "pickle.Unpickler",
        "marshal.load",
        "marshal.loads",
        "shelve.open",
    ) or (name.endswith(".load") and is_true(keyword(call, "allow_pickle")))


def reads_unsafe_yaml(call: ast.Call) -> bool:
    return dotted(call.func) in (
        "yaml.load",
        "yaml.load_all",
        "yaml.full_load",
        "yaml.unsafe_load",
        "yaml.Loader",
        "yaml.UnsafeLoader",
        "yaml.FullLoader",
    )


def has_markup(call: ast.Call) -> bool:
    markup = keyword(call, "markup")
    if markup is not None and not (isinstance(markup, ast.Constant) and markup.value is False):
        return True
    return dotted(call.func).rpartition(".")[2] in ("from_markup", "render_markup")


Gate = tuple[str, Callable[[ast.Call], bool], tuple[str, ...], frozenset[str]]

GATES: tuple[Gate, ...] = (
    ("no command line is given to a shell from Python", through_a_shell, ("core", "tui", "src"), frozenset()),
    ("YAML is parsed, never constructed", reads_unsafe_yaml, ("core", "tui", "src"), frozenset()),
    (
        "values are unpickled in worker processes alone",
        loads_pickle,
        ("core", "tui", "src"),
        frozenset({"core/workers/codecs.py"}),
    ),
    (
        "only the importer executes code, and only what it has compiled itself",
        named("eval", "exec", "builtins.eval", "builtins.exec"),
        ("core", "tui", "src"),
        frozenset({"core/fingerprint/importer.py"}),
    ),
    (
        "nothing forks",
        named("os.fork", "os.forkpty", "pty.fork", "multiprocessing.Process"),
        ("core", "tui", "src"),
        frozenset(),
    ),
    ("no foreign text is read as markup", has_markup, ("tui",), frozenset()),
    (
        "no name of a temporary file is guessed",
        named("tempfile.mktemp", "os.tempnam"),
        ("core", "tui", "src"),
        frozenset(),
    ),
    (
        "in the store a file is never opened for writing under its final name",
        opens_for_writing,
        ("core/store",),
        frozenset({"core/store/disk.py"}),
    ),
    (
        "no lock or lease trusts the wall clock (a lock may tell when it was taken)",
        named("time.time", "datetime.now", "datetime.datetime.now", "datetime.utcnow"),
        ("core/store/lock.py", "core/engine/pools.py", "core/workers"),
        frozenset({"core/store/lock.py"}),
    ),
)


def calls(*folders: str) -> Iterator[tuple[str, ast.Call]]:
    for folder in folders:
        one = ROOT / folder
        if one.suffix == ".py":
            found: Iterator[tuple[str, ast.Module]] = iter(
                [(folder, ast.parse(one.read_text(encoding="utf-8")))]
            )
        else:
            found = trees(folder)
        for path, tree in found:
            for node in ast.walk(tree):
                if isinstance(node, ast.Call):
                    yield path, node


@pytest.mark.parametrize("gate", GATES, ids=[gate[0].replace(" ", "_") for gate in GATES])
def test_gate(gate: Gate) -> None:
    sentence, is_hit, folders, allowed = gate
    hits = [f"{path}:{call.lineno}" for path, call in calls(*folders) if is_hit(call) and path not in allowed]
    assert not hits, sentence


@pytest.mark.parametrize("gate", GATES, ids=[gate[0].replace(" ", "_") for gate in GATES])
def test_no_exception_outlives_its_reason(gate: Gate) -> None:
    _, is_hit, folders, allowed = gate
    used = {path for path, call in calls(*folders) if is_hit(call) and path in allowed}
    assert used == allowed


def imported(tree: ast.Module) -> set[str]:
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.partition(".")[0])
    return names


def test_a_room_is_never_imported_by_its_bare_name() -> None:
    """Inside the house `from ..core`, outside `from bakehouse.core`: installed, there is no `core`."""
    rooms = {"core", "tui", "pipelines"}
    everything = trees("core", "tui", "pipelines", "src", "tests", "bench", "docs")
    assert not {path: names for path, tree in everything if (names := imported(tree) & rooms)}


def test_networkx_is_imported_inside_functions_alone() -> None:
    """It costs a tenth of a second: whoever asks no graph question does not pay."""
    at_the_top = [
        f"{path}:{node.lineno}"
        for path, tree in trees("core", "tui", "src")
        for node in tree.body
        if isinstance(node, ast.Import | ast.ImportFrom) and "networkx" in ast.unparse(node)
    ]
    assert not at_the_top


def test_pickle_is_known_to_the_workers_alone() -> None:
    assert [path for path, tree in trees("core", "tui", "src") if "pickle" in imported(tree)] == [
        "core/workers/codecs.py"
    ]


def test_sql_has_one_home() -> None:
    """One module opens SQLite, so that another driver could take its place."""
    is_opened = named("sqlite3.connect", "sqlite3.Connection")
    assert {path for path, call in calls("core", "tui", "src") if is_opened(call)} == {
        "core/store/database.py"
    }


@pytest.mark.parametrize(
    ("code", "is_hit"),
    [
        ("subprocess.run(line, shell=True)", through_a_shell),
        ("subprocess.run(line, shell=wanted)", through_a_shell),
        ("os.system(line)", through_a_shell),
        ("yaml.load(text, Loader=yaml.SafeLoader)", reads_unsafe_yaml),
        ("pickle.loads(data)", loads_pickle),
        ("numpy.load(path, allow_pickle=True)", loads_pickle),
        ("open(path, 'wb')", opens_for_writing),
        ("path.open('a')", opens_for_writing),
        ("open(path, mode='x')", opens_for_writing),
        ("path.write_bytes(data)", opens_for_writing),
        ("Text.from_markup(line)", has_markup),
        ("Static(name, markup=True)", has_markup),
    ],
)
def test_the_gates_see_what_they_are_for(code: str, is_hit: Callable[[ast.Call], bool]) -> None:
    (statement,) = ast.parse(code).body
    assert isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call)
    assert is_hit(statement.value)


@pytest.mark.parametrize(
    "code", ["open(path)", "path.open('rb')", "path.open(encoding='utf-8')", "open(path, 'r')"]
)
def test_reading_is_not_writing(code: str) -> None:
    (statement,) = ast.parse(code).body
    assert isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call)
    assert not opens_for_writing(statement.value)
