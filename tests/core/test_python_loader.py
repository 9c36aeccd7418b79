"""Loading Python definitions in a process of their own: whatever they do, the caller gets plain data in time."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import psutil
import pytest

from bakehouse.core.fingerprint.importer import ProjectImporter
from bakehouse.core.load.callables import call_parameters, find_function
from bakehouse.core.load.python import LoaderProcess, load_python
from bakehouse.core.load.python_types import (
    Call,
    LoadFailure,
    Parameter,
    PythonRequest,
    PythonResult,
    Signature,
)
from bakehouse.core.model import PythonAction
from bakehouse.core.problems import ProblemError


class Project:
    def __init__(self, root: Path) -> None:
        self.root = root

    def put(self, file: str, text: str) -> None:
        path = self.root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))

    def load(
        self, *files: str, calls: tuple[Call, ...] = (), seconds: float = 20, **more: str
    ) -> PythonResult:
        return load_python(PythonRequest(str(self.root), files, calls, time_limit=seconds, **more))

    def failure(self, text: str, seconds: float = 20) -> LoadFailure:
        """The one failure of a project with this definition beside a harmless one."""
        self.put("pipelines/bad.py", text)
        result = self.load("pipelines/bad.py", seconds=seconds)
        assert result.specs == ()
        (failure,) = result.failures
        assert failure.file == "pipelines/bad.py"
        assert "bakehouse/core" not in failure.traceback
        assert "importlib" not in failure.traceback
        return failure


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def survivors(marker: str) -> list[str]:
    """The command lines of all processes that carry the marker."""
    found = []
    for process in psutil.process_iter():
        try:
            line = " ".join(process.cmdline())
            if marker in line and process.status() != psutil.STATUS_ZOMBIE:
                found.append(line)
        except psutil.Error:
            continue
    return found


def runs(interpreter: str) -> bool:
    return subprocess.run([interpreter, "-c", ""], capture_output=True).returncode == 0


def gone(marker: str, seconds: float = 5) -> bool:
    end = time.monotonic() + seconds
    while survivors(marker) and time.monotonic() < end:
        time.sleep(0.02)
    return not survivors(marker)


# ---- what is found ---------------------------------------------------------------------------


def test_decorated_functions_become_plain_data(project: Project) -> None:
    project.put(
        "pipelines/flights/assets.py",
        '''
        from datetime import timedelta
        from pathlib import Path
        from bakehouse import Context, asset, source, task

        source("airports", file=Path("data/airports.csv"))

        @asset(group="marts", tags=("daily",), timeout=timedelta(minutes=2))
        def delays(run: Context, airports, *, limit=3, **rest):
            """Mean delay.

            By airport.
            """
            return airports

        @task(outputs=["report"], deps=[delays])
        async def render(delays): ...
        ''',
    )
    result = project.load("pipelines/flights/assets.py")
    assert result.failures == ()
    airports, delays, render = result.specs
    assert (airports.kind, airports.options, airports.line) == ("source", {"file": "data/airports.csv"}, 6)
    assert (airports.module, airports.code) == ("", None)
    assert delays.options == {
        "group": "marts",
        "tags": ["daily"],
        "timeout": 120.0,
        "description": "Mean delay.",
    }
    assert delays.signature.parameters == (
        Parameter("run", is_context=True),
        Parameter("airports"),
        Parameter("limit", has_default=True),
        Parameter("rest", variadic=True),
    )
    assert (delays.module, delays.function, delays.folder) == ("assets", "@asset:delays", "pipelines/flights")
    assert (delays.file, delays.line) == ("pipelines/flights/assets.py", 8)
    assert delays.code is not None and "assets.delays" in delays.code.parts
    assert render.options == {"outputs": ["report"], "deps": ["delays"]}
    assert result.python_version == "{}.{}".format(*sys.version_info[:2])


def test_calls_of_yaml_files_are_answered_each(project: Project) -> None:
    project.put("a/recipes.py", "OVEN = 1\n\ndef combine(x, y=2): return OVEN\n")
    project.put(
        "b/recipes.py", "def combine(z): return 2\nclass Oven:\n    @staticmethod\n    def bake(): ...\n"
    )
    calls = (
        Call("recipes", "combine", "a"),
        Call("recipes", "combine", "b"),
        Call("recipes", "Oven.bake", "b"),
        Call("recipes", "combin", "a"),
        Call("recipes", "OVEN", "a"),
        Call("nowhere", "combine", "a"),
    )
    found = project.load(calls=calls).calls
    assert set(found) == {(call.folder, call.module, call.function) for call in calls}
    first, second = found["a", "recipes", "combine"], found["b", "recipes", "combine"]
    assert isinstance(first, Signature) and isinstance(second, Signature)
    assert (first.parameters, first.line) == ((Parameter("x"), Parameter("y", has_default=True)), 3)
    assert first.code is not None and set(first.code.parts) == {
        "recipes.combine",
        "recipes.combine(y)",
        "recipes.OVEN",
    }
    assert second.parameters == (Parameter("z"),)
    assert isinstance(found["b", "recipes", "Oven.bake"], Signature)
    messages = [str(getattr(found[key], "message", "")) for key in list(found)[3:]]
    assert "did you mean 'combine'?" in messages[0]
    assert "recipes:OVEN is no function, it is int" in messages[1]
    assert "No module named 'nowhere'" in messages[2]


def test_every_module_is_copied_and_listed(project: Project, tmp_path: Path) -> None:
    project.put(
        "pipelines/assets.py",
        "from bakehouse import asset\nimport helper\n@asset\ndef a():\n    import late\n",
    )
    project.put("pipelines/helper.py", "V = 1\n")
    project.put("pipelines/late.py", "V = 2\n")
    code = tmp_path / "store" / "code"
    result = project.load("pipelines/assets.py", code_folder=str(code))
    assert set(result.files) == {f"pipelines/{name}.py" for name in ("assets", "helper", "late")}
    for path, digest in result.files.items():
        data = (project.root / path).read_bytes()
        assert hashlib.sha256(data).hexdigest() == digest
        assert (code / digest).read_bytes() == data
        assert stat.S_IMODE((code / digest).stat().st_mode) == 0o600
    (code / result.files["pipelines/helper.py"]).write_bytes(b"torn")
    project.load("pipelines/assets.py", code_folder=str(code))
    assert (code / result.files["pipelines/helper.py"]).read_bytes() == b"V = 1\n"
    assert not list(project.root.rglob("*.pyc"))
    assert len(list(code.iterdir())) == 3


def test_a_package_is_imported_from_its_outermost_folder(project: Project) -> None:
    project.put("pipelines/shop/__init__.py", "")
    project.put("pipelines/shop/deep/__init__.py", "")
    project.put("pipelines/shop/prices.py", "FACTOR = 2\n")
    project.put(
        "pipelines/shop/deep/assets.py",
        "from bakehouse import asset\nfrom ..prices import FACTOR\n@asset\ndef prices(): return FACTOR\n",
    )
    (spec,) = project.load("pipelines/shop/deep/assets.py").specs
    assert (spec.module, spec.folder) == ("shop.deep.assets", "pipelines")


def test_a_file_that_is_imported_by_another_defines_its_assets_once(project: Project) -> None:
    project.put("base.py", "from bakehouse import asset\n@asset\ndef base(): ...\n")
    project.put("sub/more.py", "from bakehouse import asset\nimport base\n@asset\ndef more(base): ...\n")
    for files in (("base.py", "sub/more.py"), ("sub/more.py", "base.py")):
        specs = {spec.name: spec for spec in project.load(*files).specs}
        assert len(specs) == 2
        assert (specs["base"].module, specs["base"].folder) == ("base", "")
    (twice, again) = project.load("sub/more.py").specs
    assert {twice.name, again.name} == {"base", "more"}


def test_a_name_given_twice_in_one_file_is_told_twice(project: Project) -> None:
    project.put("a.py", "from bakehouse import asset\nfor n in range(2):\n    asset(name='x')(lambda: 1)\n")
    assert [spec.name for spec in project.load("a.py").specs] == ["x", "x"]


def test_a_worker_finds_again_what_the_loader_found(project: Project) -> None:
    project.put(
        "p/assets.py",
        """
        from bakehouse import asset
        for n in range(3):
            @asset(name=f"part/{n}")
            def part(context, n=n): return n * 10
        def plain(x): return x
        """,
    )
    specs = project.load("p/assets.py").specs
    importer = ProjectImporter(project.root)
    importer.install()
    try:
        for n, spec in enumerate(specs):
            function = find_function(importer, PythonAction(spec.module, spec.function, spec.folder))
            assert function(None) == n * 10
            assert call_parameters(function) == spec.signature.parameters
        assert find_function(importer, PythonAction("assets", "plain", "p"))(5) == 5
        with pytest.raises(ProblemError, match="no longer defines the asset 'part/9'"):
            find_function(importer, PythonAction("assets", "@asset:part/9", "p"))
    finally:
        importer.uninstall()


def test_another_interpreter_needs_nothing_of_ours(project: Project, tmp_path: Path) -> None:
    """An environment without a single package loads definitions, and does not see our packages."""
    bare = tmp_path / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(bare)], check=True)
    project.put(
        "a.py",
        """
        import importlib.util, sys
        from bakehouse import asset
        @asset(metadata={"yaml": importlib.util.find_spec("yaml") is not None, "prefix": sys.prefix})
        def a(): ...
        """,
    )
    (spec,) = project.load("a.py", interpreter=str(bare / "bin" / "python")).specs
    assert spec.options["metadata"] == {"yaml": False, "prefix": str(bare)}


@pytest.mark.case("X17")
def test_files_named_like_ours_or_pythons_never_stand_in_for_them(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("json", "yaml", "bakehouse", "core", "traceback", "dataclasses", "sitecustomize"):
        project.put(f"{name}.py", "raise SystemExit('shadowed')\n")
    project.put("a.py", "from bakehouse import asset\nimport json\n@asset\ndef a(): return json.dumps(1)\n")
    monkeypatch.chdir(project.root)
    result = project.load("a.py")
    assert result.failures == () and [spec.name for spec in result.specs] == ["a"]


# ---- what goes wrong -------------------------------------------------------------------------


@pytest.mark.case("D7")
def test_an_exception_is_told_with_the_line_of_the_user(project: Project) -> None:
    project.put("pipelines/helper.py", "def prices():\n    return {}['flour']\n")
    project.put("pipelines/bad.py", "from bakehouse import asset\nimport helper\n\nP = helper.prices()\n")
    (failure,) = project.load("pipelines/bad.py").failures
    assert (failure.file, failure.line) == ("pipelines/helper.py", 2)
    assert failure.message == "KeyError: 'flour'"
    assert 'bad.py", line 4, in <module>' in failure.traceback
    assert "return {}['flour']" in failure.traceback
    assert "bakehouse" not in failure.traceback.replace(str(project.root), "")


def test_one_bad_file_does_not_hide_the_others(project: Project) -> None:
    project.put("good.py", "from bakehouse import asset\n@asset\ndef good(): ...\n")
    project.put("bad.py", "raise ValueError('no')\n")
    project.put("worse.py", "def broken(:\n")
    result = project.load("bad.py", "good.py", "worse.py")
    assert [spec.name for spec in result.specs] == ["good"]
    assert [(f.file, f.line, f.message.partition(":")[0]) for f in result.failures] == [
        ("bad.py", 1, "ValueError"),
        ("worse.py", 1, "SyntaxError"),
    ]


def test_all_wrong_decorators_of_all_files_are_told_at_once(project: Project) -> None:
    project.put(
        "a.py",
        """
        from bakehouse import asset, source, task
        @asset(grup=1, onwers=2)
        def one(): ...
        @asset("x")
        def two(): ...
        @task(outputs=5)
        def three(): ...
        @asset(name=5)
        def four(): ...
        @asset(deps="one", after=[len])
        def five(): ...
        source(6)
        asset()(7)
        """,
    )
    project.put("b.py", "from bakehouse import source\nsource('s', fil='x')\n")
    result = project.load("a.py", "b.py")
    assert sorted((f.file, f.line, f.message) for f in result.failures) == [
        ("a.py", 3, "asset has no option 'grup': did you mean 'group'?"),
        ("a.py", 3, "asset has no option 'onwers': did you mean 'owners'?"),
        ("a.py", 5, "@asset takes its options by name: @asset(name='x')"),
        ("a.py", 9, "@asset needs name= in quotes for four, not 5"),
        ("a.py", 11, "@asset: deps is a list: deps=['one']"),
        ("a.py", 11, "@asset: len in after is no @asset or @task; give its name in quotes"),
        ("a.py", 13, "source() needs a name in quotes, not 6"),
        ("a.py", 14, "@asset decorates a function, not 7"),
        ("b.py", 2, "source has no option 'fil': did you mean 'file'?"),
    ]


@pytest.mark.case("D7")
@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("import sys\n\nsys.exit(0)\n", 3, "sys.exit(0) was called"),
        ("x = 1\nraise KeyboardInterrupt\n", 2, "KeyboardInterrupt"),
        ("import os\nos._exit(0)\n", 2, "os._exit(0) was called"),
        ("def f():\n    f()\nf()\n", 2, "RecursionError"),
        (
            "class E(Exception):\n    def __str__(self): raise ValueError\nraise E\n",
            3,
            "<exception str() failed>",
        ),
        ("x = '''\n", 1, "SyntaxError"),
        ("import no_such_thing\n", 1, "ModuleNotFoundError: No module named 'no_such_thing'"),
        (
            "from bakehouse import asset\n@asset(metadata={'x': len})\ndef f(): ...\n",
            2,
            "which is no plain data",
        ),
        ("from bakehouse import asset\n\n@asset\ndef f(a, /): ...\n", 3, "by position only"),
    ],
)
def test_what_a_definition_may_do_to_itself(project: Project, text: str, line: int, message: str) -> None:
    failure = project.failure(text)
    assert message in failure.message
    assert failure.line == line


def test_a_crash_of_the_interpreter_names_the_line(project: Project) -> None:
    failure = project.failure("import ctypes\n\nctypes.string_at(0)\n")
    assert failure.line == 3
    assert "SIGSEGV" in failure.message
    assert "bad.py" in failure.traceback


def test_a_kill_from_outside_is_told(project: Project) -> None:
    failure = project.failure("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n")
    assert "killed by SIGKILL" in failure.message


@pytest.mark.case("D7")
@pytest.mark.parametrize("loop", ["while True: pass", "import time; time.sleep(1000)"])
def test_a_definition_that_never_ends_is_stopped_and_its_line_told(project: Project, loop: str) -> None:
    failure = project.failure(f"def wait():\n    {loop}\n\nwait()\n", seconds=1)
    assert failure.message == "took more than 1 s to load"
    assert failure.line == 2
    assert "in wait" in failure.traceback


def test_a_definition_that_does_not_even_answer_is_killed(project: Project) -> None:
    project.put("stop.py", "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)\n")
    (failure,) = project.load("stop.py", seconds=1).failures
    assert (failure.file, failure.message) == ("stop.py", "took more than 1 s to load")


@pytest.mark.case("D7")
def test_a_flood_of_output_is_kept_at_both_ends(project: Project) -> None:
    project.put(
        "loud.py",
        """
        from bakehouse import asset
        print("first line")
        for _ in range(200): print("x" * (1 << 20))
        print("last line")
        @asset
        def a(): ...
        """,
    )
    result = project.load("loud.py", seconds=60)
    assert [spec.name for spec in result.specs] == ["a"]
    assert result.output.startswith("first line\n") and result.output.endswith("last line\n")
    assert "bytes left out" in result.output
    assert len(result.output) < 70_000


@pytest.mark.case("D7")
def test_a_definition_that_takes_all_memory_is_stopped(project: Project) -> None:
    project.put("fat.py", "hoard = []\nwhile True: hoard.append(bytearray(1 << 22))\n")
    loader = LoaderProcess(PythonRequest(str(project.root), ("fat.py",)), memory_limit=300 << 20)
    try:
        loader.listen()
    finally:
        loader.end()
    assert loader.failure().message == "took more than 300 MB of memory"


CHILDREN = """
import os, subprocess, sys
from bakehouse import asset
script = "import time; time.sleep(300) #MARK"
subprocess.Popen([sys.executable, "-c", script])
subprocess.Popen([sys.executable, "-c", script], start_new_session=True)
subprocess.Popen(["/bin/sh", "-c", f"(setsid {sys.executable} -c '{script}' &)"])
@asset
def a(): ...
"""


@pytest.mark.parametrize("end", ["", "import os; os.abort()", "while True: pass"])
def test_what_definitions_start_ends_with_them(project: Project, end: str) -> None:
    marker = f"marker-{os.getpid()}-{len(end)}"
    project.put("a.py", CHILDREN.replace("MARK", marker) + "import time; time.sleep(0.3)\n" + end)
    result = project.load("a.py", seconds=2)
    assert (result.failures == ()) == (end == "")
    assert gone(marker)


def test_a_fork_in_a_definition_does_not_answer_twice(project: Project) -> None:
    project.put("a.py", "import os\nfrom bakehouse import asset\nos.fork()\n@asset\ndef a(): ...\n")
    result = project.load("a.py")
    assert [spec.name for spec in result.specs] == ["a"]


def test_threads_and_exit_handlers_do_not_hold_the_loader(project: Project) -> None:
    project.put(
        "a.py",
        """
        import atexit, threading, time
        from bakehouse import asset
        threading.Thread(target=time.sleep, args=(300,)).start()
        atexit.register(time.sleep, 300)
        @asset
        def a(): ...
        """,
    )
    assert [spec.name for spec in project.load("a.py", seconds=10).specs] == ["a"]


def test_a_loader_ends_with_its_owner(project: Project) -> None:
    marker = f"owner-{os.getpid()}"
    project.put("a.py", f"import time  # {marker}\ntime.sleep(300)\n")
    script = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).parents[2] / 'src')!r})\n"
        "from bakehouse.core.load.python import *\n"
        f"loader = LoaderProcess(PythonRequest({str(project.root)!r}, ('a.py',)))\n"
        "print(loader.process.pid, flush=True)\n"
        "loader.listen()\n"
    )
    owner = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    with owner.stdout:
        loader = psutil.Process(int(owner.stdout.readline()))
        owner.kill()
        owner.wait()
    end = time.monotonic() + 10
    while loader.is_running() and loader.status() != psutil.STATUS_ZOMBIE and time.monotonic() < end:
        time.sleep(0.02)
    assert not loader.is_running() or loader.status() == psutil.STATUS_ZOMBIE


@pytest.mark.parametrize("interpreter", ["/no/such/python", "/bin/true", "/dev/null"])
def test_an_interpreter_that_is_none_is_told(project: Project, interpreter: str) -> None:
    project.put("a.py", "import bakehouse\n")
    (failure,) = project.load("a.py", interpreter=interpreter).failures
    assert interpreter in failure.message


def test_an_interpreter_that_is_too_old_is_told(project: Project) -> None:
    beside = sorted(Path(sys.base_prefix).parent.glob("3.10*/bin/python3.10"))
    candidates = [*map(str, beside), *filter(None, [shutil.which("python3.10")])]
    old = next((path for path in candidates if runs(path)), None)
    if old is None:
        pytest.skip("no older Python here")
    project.put("a.py", "import bakehouse\n")
    (failure,) = project.load("a.py", interpreter=old).failures
    assert failure.message == f"the interpreter {old} is older than Python 3.11, which is needed"


def test_ten_thousand_assets_of_a_loop_come_through(project: Project) -> None:
    project.put(
        "many.py",
        """
        from bakehouse import asset
        def make(n):
            @asset(name=f"node {n}", deps=[f"node {n - 1}"] if n else [])
            def node(**given): return n
        for n in range(10_000): make(n)
        """,
    )
    result = project.load("many.py", seconds=60)
    assert len(result.specs) == 10_000
    assert len({spec.code.digest for spec in result.specs if spec.code}) == 10_000


# ---- how functions are called ----------------------------------------------------------------


def test_the_context_is_known_by_name_or_annotation() -> None:
    import functools

    import bakehouse
    from bakehouse import Context

    def by_name(context, a): ...  # type: ignore[no-untyped-def]
    def by_class(run: Context, a: int) -> None: ...
    def by_text(run: "bakehouse.Context | None", a: "dict[str, Contextual]") -> None: ...  # type: ignore[name-defined]  # noqa: F821, UP037
    @functools.wraps(by_class)
    def wrapped(*given: object, **named: object) -> None: ...

    for function in (by_name, by_class, by_text, wrapped, functools.partial(by_class)):
        first, second = call_parameters(function)
        assert first.is_context and not second.is_context
    bound = call_parameters(functools.partial(by_class, a=1))
    assert [p.has_default for p in bound] == [False, True]
    assert call_parameters(lambda *rest, a=1, **more: 0) == (
        Parameter("a", True),
        Parameter("more", variadic=True),
    )


def test_definitions_are_imported_where_their_steps_will_run(project: Project) -> None:
    project.put(
        "p/a.py",
        "import sys\nfrom bakehouse import asset\nN = open('n.txt').read()\nasset(name=N)(lambda: sys.argv)\n",
    )
    project.put("p/n.txt", "from the folder")
    assert [spec.name for spec in project.load("p/a.py").specs] == ["from the folder"]
