"""The fingerprint of code: it changes exactly with what the function would do, and says which part did."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from bakehouse.core.fingerprint.code import fingerprint
from bakehouse.core.fingerprint.importer import ProjectImporter
from bakehouse.core.model import CodeKey

SRC = Path(__file__).parents[2] / "src"


class Kitchen:
    """A project whose files are given as text; each key is that of a fresh import."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def key(self, files: Mapping[str, str], function: str = "bake", module: str = "recipes") -> CodeKey:
        for name, text in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        importer = ProjectImporter(self.root)
        importer.install()
        try:
            found = importer.load(module)
            for part in function.split("."):
                found = getattr(found, part)
            return fingerprint(found, importer)  # type: ignore[arg-type]
        finally:
            importer.uninstall()


@pytest.fixture
def kitchen(tmp_path: Path) -> Iterator[Kitchen]:
    yield Kitchen(tmp_path)


def changed(before: CodeKey, after: CodeKey) -> set[str]:
    names = before.parts.keys() | after.parts.keys()
    return {name for name in names if before.parts.get(name) != after.parts.get(name)}


BASE = {
    "recipes.py": """
import functools
import ovens
from ovens import preheat

HEAT = 180
STEPS = {"mix": [1, 2], "rest": {"a", "b"}}

def helper(x):
    return x + 1

def shout(function):
    @functools.wraps(function)
    def wrapper(*given):
        return function(*given) * 10
    return wrapper

def make(factor):
    def scaled(x):
        return x * factor
    return scaled

triple = make(3)
add = functools.partial(helper, 1)

class Base:
    def shape(self):
        return "round"

class Loaf(Base):
    weight = 500
    def cut(self):
        return self.shape() * 2

@shout
def decorated(x):
    return x

def unused():
    return "nobody calls this"

def bake(x, y=2, *, z=3):
    import late
    first = (lambda v: v + 1), (lambda v: v + 2)
    def inner():
        return [helper(v) for v in range(3)]
    return (
        inner(), decorated(x), triple(y), add(), HEAT, STEPS, ovens.DEFAULT.size(), preheat(z),
        Loaf().cut(), first[0](1), late.go(), ovens.LIMIT,
    )
""",
    "ovens.py": """
LIMIT = 250
UNUSED = 1
class Oven:
    def __init__(self, racks):
        self.racks = racks
    def size(self):
        return self.racks
DEFAULT = Oven(3)
def preheat(z):
    return deeper(z)
def deeper(z):
    return z
def never():
    return 0
""",
    "late.py": "import later\ndef go():\n    return later.V\n",
    "later.py": "V = 1\n",
}

CHANGES = {
    "helper in the same module": ("recipes.py", "return x + 1", "return x + 2", {"recipes.helper"}),
    "helper of a helper in another module": ("ovens.py", "return z\n", "return z + 1\n", {"ovens.deeper"}),
    "method": ("recipes.py", "self.shape() * 2", "self.shape() * 3", {"recipes.Loaf.cut"}),
    "base class": ("recipes.py", '"round"', '"square"', {"recipes.Base.shape"}),
    "class attribute": ("recipes.py", "weight = 500", "weight = 501", {"recipes.Loaf.weight"}),
    "decorator": (
        "recipes.py",
        "function(*given) * 10",
        "function(*given) * 11",
        {"recipes.shout.<locals>.wrapper"},
    ),
    "decorated function": ("recipes.py", "    return x\n\ndef unused", "    return -x\n\ndef unused", None),
    "default": ("recipes.py", "def bake(x, y=2,", "def bake(x, y=4,", {"recipes.bake(y)"}),
    "keyword default": ("recipes.py", "z=3", "z=4", {"recipes.bake(z)"}),
    "closure": ("recipes.py", "make(3)", "make(4)", {"recipes.make.<locals>.scaled(factor)"}),
    "body of a closure": ("recipes.py", "x * factor", "x ** factor", {"recipes.make.<locals>.scaled"}),
    "global constant": ("recipes.py", "HEAT = 180", "HEAT = 200", {"recipes.HEAT"}),
    "deep in a global": ("recipes.py", '{"a", "b"}', '{"a", "c"}', {"recipes.STEPS"}),
    "order of a dict": (
        "recipes.py",
        '{"mix": [1, 2], "rest": {"a", "b"}}',
        '{"rest": {"a", "b"}, "mix": [1, 2]}',
        {"recipes.STEPS"},
    ),
    "one lambda of two on a line": ("recipes.py", "v + 2", "v + 3", {"recipes.bake"}),
    "comprehension": ("recipes.py", "range(3)", "range(4)", {"recipes.bake"}),
    "import in the function": ("late.py", "later.V", "-later.V", {"late (module)"}),
    "what that import imports": ("later.py", "V = 1", "V = 2", {"later (module)"}),
    "partial": ("recipes.py", "partial(helper, 1)", "partial(helper, 2)", {"recipes.add"}),
    "state of an instance": ("ovens.py", "Oven(3)", "Oven(4)", {"ovens.DEFAULT"}),
    "method of an instance": ("ovens.py", "return self.racks", "return -self.racks", {"ovens.Oven.size"}),
    "attribute of a module": ("ovens.py", "LIMIT = 250", "LIMIT = 260", {"ovens.LIMIT"}),
}


@pytest.mark.case("M1")
@pytest.mark.parametrize("what", CHANGES)
def test_a_change_of_anything_used_is_seen_and_named(kitchen: Kitchen, what: str) -> None:
    file, old, new, parts = CHANGES[what]
    before = kitchen.key(BASE)
    assert BASE[file].count(old) == 1
    after = kitchen.key({file: BASE[file].replace(old, new)})
    assert before.digest != after.digest
    if parts is not None:
        assert changed(before, after) == parts


LOOKS = {
    "comment": ("HEAT = 180", "# how hot\nHEAT = 180  # degrees"),
    "blank lines": ("def helper(x):\n", "\n\n\n\ndef helper(x):\n\n\n"),
    "docstring": ("def helper(x):\n", 'def helper(x):\n    """Adds one."""\n'),
    "docstring of the step": ("z=3):\n", 'z=3):\n    """Bakes.\n\n    Long.\n    """\n'),
    "docstring of a class": ("class Loaf(Base):\n", 'class Loaf(Base):\n    "Bread."\n'),
    "line split": ("return x + 1", "return (\n        x\n        + 1\n    )"),
    "quotes": ('"round"', "'round'"),
    "brackets": ("return x * factor", "return (x * factor)"),
    "lambdas on two lines": ("(lambda v: v + 1), (", "(lambda v: v + 1),\\\n        ("),
    "hex": ("weight = 500", "weight = 0x1F4"),
    "order of a set": ('{"a", "b"}', '{"b", "a"}'),
    "unused function": ('"nobody calls this"', '"still nobody"'),
    "new function": ("def unused", "def another():\n    return [lambda: 1, lambda: 1]\n\ndef unused"),
    "unused import": ("import functools\n", "import functools\nimport json\n"),
}


@pytest.mark.case("M1")
@pytest.mark.parametrize("what", LOOKS)
def test_looks_and_what_is_not_used_change_nothing(kitchen: Kitchen, what: str) -> None:
    old, new = LOOKS[what]
    before = kitchen.key(BASE)
    assert BASE["recipes.py"].count(old) == 1
    after = kitchen.key({"recipes.py": BASE["recipes.py"].replace(old, new)})
    assert changed(before, after) == set()
    assert before.digest == after.digest


def test_in_other_modules_too(kitchen: Kitchen) -> None:
    before = kitchen.key(BASE)
    other = BASE["ovens.py"].replace("UNUSED = 1", "UNUSED = 2").replace("return 0", "return 1")
    after = kitchen.key({"ovens.py": "# ovens\n" + other, "late.py": "# late\n" + BASE["late.py"]})
    assert before == after


def test_the_loaded_code_counts_not_the_file(kitchen: Kitchen) -> None:
    before = kitchen.key(BASE)
    importer = ProjectImporter(kitchen.root)
    importer.install()
    try:
        loaded = importer.load("recipes")
        (kitchen.root / "recipes.py").write_text(BASE["recipes.py"].replace("return x + 1", "return x + 9"))
        assert fingerprint(loaded.bake, importer) == before
    finally:
        importer.uninstall()


KINDS = {
    "dataclass default": ("@dataclass\nclass C:\n    n: int = 1\ndef bake(): return C()", "= 1", "= 2"),
    "dataclass factory": (
        "@dataclass\nclass C:\n    n: list = field(default_factory=list)\ndef bake(): return C()",
        "=list",
        "=dict",
    ),
    "frozen dataclass": (
        "@dataclass(frozen=True)\nclass C:\n    n: int\ndef bake(): return C(1)",
        "True",
        "False",
    ),
    "dataclass instance": (
        "@dataclass\nclass C:\n    n: int\nI = C(1)\ndef bake(): return I",
        "C(1)",
        "C(2)",
    ),
    "enum": ("class E(enum.Enum):\n    A = 1\ndef bake(): return E.A", "A = 1", "A = 2"),
    "enum method": (
        "class E(enum.Enum):\n    A = 1\n    def f(self): return 1\ndef bake(): return E.A",
        "return 1",
        "return 2",
    ),
    "enum member": ("class E(enum.Enum):\n    A = 1\n    B = 2\nM = E.A\ndef bake(): return M", "E.A", "E.B"),
    "named tuple": ("class T(NamedTuple):\n    n: int = 1\ndef bake(): return T()", "= 1", "= 2"),
    "property": (
        "class C:\n    @property\n    def p(self): return 1\ndef bake(): return C()",
        "return 1",
        "return 2",
    ),
    "static method": (
        "class C:\n    @staticmethod\n    def p(): return 1\ndef bake(): return C.p()",
        "return 1",
        "return 2",
    ),
    "class method": (
        "class C:\n    @classmethod\n    def p(cls): return 1\ndef bake(): return C.p()",
        "return 1",
        "return 2",
    ),
    "slots": (
        "class C:\n    __slots__ = ('n',)\n    def __init__(self, n): self.n = n\nI = C(1)\ndef bake(): return I",
        "C(1)",
        "C(2)",
    ),
    "metaclass": (
        "class M(type):\n    def p(cls): return 1\nclass C(metaclass=M): pass\ndef bake(): return C",
        "return 1",
        "return 2",
    ),
    "cached function": (
        "@functools.lru_cache\ndef f(): return 1\ndef bake(): return f()",
        "return 1",
        "return 2",
    ),
    "single dispatch": (
        "@functools.singledispatch\ndef f(x): return 0\n@f.register\ndef _(x: int): return 1\ndef bake(): return f(1)",
        "return 1",
        "return 2",
    ),
    "context manager": (
        "@contextlib.contextmanager\ndef f(): yield 1\ndef bake():\n    with f(): pass",
        "yield 1",
        "yield 2",
    ),
    "bound method": (
        "class C:\n    n = 1\n    def f(self): return 1\ng = C().f\ndef bake(): return g()",
        "return 1",
        "return 2",
    ),
    "functions in a table": (
        "def f(): return 1\nT = {'f': [f]}\ndef bake(): return T",
        "return 1",
        "return 2",
    ),
    "lambda in a table": ("T = {'f': lambda: 1, 'g': lambda: 2}\ndef bake(): return T", ": 2", ": 3"),
    "pattern": ("P = re.compile('a')\ndef bake(): return P", "'a'", "'b'"),
    "method of a constant": ("f = 'a'.join\ndef bake(): return f", "'a'", "'b'"),
    "another library function": ("f = math.sin\ndef bake(): return f(1)", "math.sin", "math.cos"),
    "nested class": (
        "def bake():\n    class C:\n        def f(self): return 1\n    return C().f()",
        "return 1",
        "return 2",
    ),
    "async generator": (
        "async def f():\n    yield 1\nasync def bake():\n    return f()",
        "yield 1",
        "yield 2",
    ),
    "attribute of a function": (
        "def f(): return 1\nf.limit = 1\ndef bake(): return f",
        "limit = 1",
        "limit = 2",
    ),
    "annotation of the step": ("def bake(x: int): return x", "int", "float"),
    "conditional import": (
        "def bake():\n    if True:\n        from extra import V\n    return V",
        "extra",
        "other",
    ),
    "callable object": (
        "class C:\n    def __call__(self): return 1\nbake = C()",
        "return 1",
        "return 2",
    ),
    "default of a context variable": (
        "V = contextvars.ContextVar('v', default=1)\ndef bake(): return V.get()",
        "=1",
        "=2",
    ),
    "value of a context variable": (
        "V = contextvars.ContextVar('v')\nV.set(1)\ndef bake(): return V.get()",
        "set(1)",
        "set(2)",
    ),
    "thread-local value": (
        "L = threading.local()\nL.heat = 1\ndef bake(): return L.heat",
        "heat = 1",
        "heat = 2",
    ),
    "what a weak reference stands for": (
        "class C: pass\nI = C()\nI.n = 1\nR = weakref.ref(I)\ndef bake(): return R().n",
        "n = 1",
        "n = 2",
    ),
    "extra of a logger": (
        "A = logging.LoggerAdapter(logging.getLogger('a'), {'n': 1})\ndef bake(): return A.extra",
        "'n': 1",
        "'n': 2",
    ),
    "flag of threads": (
        "E = threading.Event()\nE.clear()\ndef bake(): return E.is_set()",
        "E.clear",
        "E.set",
    ),
    "docstring of the module as data": (
        "def bake(): return __doc__\n__doc__ = 'One.'",
        "One",
        "Two",
    ),
    "order of keyword arguments held": (
        "def f(**rest): return rest\nbake = functools.partial(f, a=1, b=2)",
        "a=1, b=2",
        "b=2, a=1",
    ),
    "partial as the step": ("def f(x): return x\nbake = functools.partial(f, 1)", "f, 1", "f, 2"),
}
HEADER = (
    "import contextlib, contextvars, enum, functools, logging, math, re, threading, weakref\n"
    "from dataclasses import dataclass, field\nfrom typing import NamedTuple\n"
)


@pytest.mark.parametrize("what", KINDS)
def test_every_kind_of_thing_is_looked_into(kitchen: Kitchen, what: str) -> None:
    text, old, new = KINDS[what]
    extra = {"extra.py": "V = 1", "other.py": "V = 1"}
    before = kitchen.key({"recipes.py": HEADER + text, **extra})
    again = kitchen.key({"recipes.py": "\n# moved\n" + HEADER + text})
    after = kitchen.key({"recipes.py": HEADER + text.replace(old, new, 1)})
    assert before == again
    assert before.digest != after.digest
    assert before.untracked == ()


def test_an_attribute_that_a_module_makes_when_it_is_asked_is_what_makes_it(kitchen: Kitchen) -> None:
    lazy = "HOT = 1\ndef __getattr__(name): return HOT\n"
    before = kitchen.key({"recipes.py": "import lazy\ndef bake(): return lazy.HEAT\n", "lazy.py": lazy})
    assert changed(before, kitchen.key({"lazy.py": lazy.replace("1", "2")})) == {"lazy.HOT"}


def test_a_function_that_an_object_of_a_library_calls_is_looked_into(
    kitchen: Kitchen, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = tmp_path_factory.mktemp("library")
    (library / "callers.py").write_text(
        "class Caller:\n    def __init__(self, f): self.f, self.__name__ = f, 'caller'\n"
        "    def __call__(self): return self.f()\n"
    )
    monkeypatch.syspath_prepend(library)
    text = "import callers\ndef f(): return 1\ng = callers.Caller(f)\ndef bake(): return g()\n"
    before = kitchen.key({"recipes.py": text})
    assert changed(before, kitchen.key({"recipes.py": text.replace("1", "2")})) == {"recipes.f"}


def test_what_cannot_be_seen_is_named(kitchen: Kitchen) -> None:
    key = kitchen.key(
        {
            "recipes.py": """
import importlib, inspect, os, threading, random
LOCK = threading.Lock()
DICE = random.Random()
OPEN = os.fdopen(0, closefd=False)
def told(thing):
    return thing.__doc__, inspect.getdoc(thing)
def helper(name):
    return getattr(LOCK, name), getattr(LOCK, "locked")
def fine(x):
    return getattr(x, "name", None)
def bake(name):
    exec("1")
    eval("1")
    importlib.import_module(name)
    fine(globals())
    return helper(name), DICE, OPEN, told(name)
"""
        }
    )
    assert key.untracked == (
        "recipes.DICE: the state of a random.Random",
        "recipes.OPEN: the state of a _io.TextIOWrapper",
        "recipes.bake: eval",
        "recipes.bake: exec",
        "recipes.bake: globals",
        "recipes.bake: importlib.import_module",
        "recipes.helper: getattr with a computed name",
        "recipes.told: __doc__, documentation read as data",
        "recipes.told: getdoc, documentation read as data",
    )


def test_libraries_are_known_by_version_and_the_standard_library_is_not_listed(kitchen: Kitchen) -> None:
    import networkx
    import yaml

    key = kitchen.key(
        {
            "recipes.py": "import json, yaml, unused_later\nfrom pathlib import Path\n"
            "def bake():\n    import networkx.algorithms\n    return yaml.safe_load('1'), json, Path\n",
            "unused_later.py": "import pydantic\n",
        }
    )
    assert key.libraries == {"networkx": networkx.__version__, "yaml": yaml.__version__}


def test_a_library_that_is_not_there_is_absent_not_an_error(kitchen: Kitchen) -> None:
    text = "def bake():\n    try:\n        import no_such_library\n    except ImportError:\n        pass\n"
    assert kitchen.key({"recipes.py": text}).libraries == {"no_such_library": "absent"}


def test_cycles_and_depth_are_no_problem(kitchen: Kitchen) -> None:
    chain = "".join(f"def f{n}(x): return f{n + 1}(x)\n" for n in range(3000))
    text = chain + "def f3000(x): return bake(x)\ndef bake(x): return f0(x)\nbake.me = bake\n"
    key = kitchen.key({"recipes.py": text})
    assert len(key.parts) >= 3002
    after = kitchen.key({"recipes.py": text.replace("return bake(x)", "return bake(-x)")})
    assert changed(key, after) == {"recipes.f3000"}


def test_functions_of_one_factory_share_all_but_what_they_hold(kitchen: Kitchen) -> None:
    (kitchen.root / "recipes.py").write_text(
        "def helper(x): return x\n"
        "def make(n):\n    def step(x): return helper(x) + n\n    return step\n"
        "STEPS = [make(n) for n in range(1000)]\n"
    )
    importer = ProjectImporter(kitchen.root)
    importer.install()
    try:
        keys = [fingerprint(step, importer) for step in importer.load("recipes").STEPS]
    finally:
        importer.uninstall()
    assert len({key.digest for key in keys}) == 1000
    assert changed(keys[0], keys[1]) == {"recipes.make.<locals>.step(n)"}


def test_two_processes_agree_whatever_their_hash_seed(kitchen: Kitchen) -> None:
    kitchen.key(BASE)
    script = (
        f"import sys; sys.path.insert(0, {str(SRC)!r})\n"
        "from bakehouse.core.fingerprint.code import fingerprint\n"
        "from bakehouse.core.fingerprint.importer import ProjectImporter\n"
        f"importer = ProjectImporter({str(kitchen.root)!r}); importer.install()\n"
        "key = fingerprint(importer.load('recipes').bake, importer)\n"
        "print(key.digest, sorted(key.parts.items()))\n"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONHASHSEED": str(seed)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in range(3)
    }
    assert len(found) == 1


def test_equal_lambdas_beside_each_other_keep_their_looks_apart(kitchen: Kitchen) -> None:
    text = "def bake():\n    return (lambda: 1), (lambda: 1), [lambda: 1,\n        lambda: 1]\n"
    before = kitchen.key({"recipes.py": text})
    after = kitchen.key({"recipes.py": '"""Doc."""\n\n' + text.replace("[lambda", "[\n        lambda")})
    assert before == after
