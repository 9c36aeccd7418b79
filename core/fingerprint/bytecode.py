"""Code objects without their looks: what a file's code is once positions, comments and docstrings are gone,
and which names it reaches for."""

from __future__ import annotations

import ast
import dis
import hashlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import CodeType
from typing import Any, NamedTuple

from .canonical import Encoder, NotCanonical
from .importer import Unit

FunctionNode = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
Scope = (*FunctionNode, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
Documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


class Name(NamedTuple):
    """A global name and the attributes taken of it at once: `oven.RACK.size` → ("oven", ("RACK", "size"))."""

    name: str
    attributes: tuple[str, ...] = ()


class Import(NamedTuple):
    """An import statement in a body, as `__import__` gets it."""

    module: str
    level: int
    names: tuple[str, ...]


@dataclass(slots=True)
class PlainCode:
    """The loaded code objects of one unit, each paired with its plain twin; `dynamic` are the line numbers
    of the twins that take an attribute by a name that is not written there."""

    twins: dict[int, CodeType] = field(default_factory=dict)
    dynamic: set[int] = field(default_factory=set)


def plain_code(unit: Unit) -> PlainCode:
    """Compile the bytes of a unit once more, without looks. Raises SyntaxError where that fails."""
    tree = ast.parse(unit.data, unit.file)
    plain = PlainCode(dynamic=erase_looks(tree))
    pairs = [(unit.code, compile(tree, "<plain>", "exec", dont_inherit=True))]
    while pairs:
        loaded, twin = pairs.pop()
        plain.twins[id(loaded)] = twin
        ours, theirs = list(_nested(loaded)), list(_nested(twin))
        if [code.co_name for code in ours] == [code.co_name for code in theirs]:
            pairs += zip(ours, theirs, strict=True)
    return plain


def erase_looks(tree: ast.Module) -> set[int]:
    """Drop docstrings and positions in place; returns the numbers of the scopes with a dynamic `getattr`.

    Each function gets a line number of its own, its ordinal: the compiler merges equal code on equal lines.
    """
    dynamic: set[int] = set()
    literal: set[int] = set()
    count = 1
    open_nodes: list[tuple[ast.AST, int]] = [(tree, 1)]
    while open_nodes:
        node, line = open_nodes.pop()
        if isinstance(node, Scope):
            count += 1
            line = count
        elif isinstance(node, ast.ClassDef):
            line = 1  # Python 3.13 makes the line of a class a constant in its body
        if isinstance(node, Documented):
            _drop_docstring(node)
        elif isinstance(node, ast.Call) and _is_literal_getattr(node):
            literal.add(id(node.func))
        elif isinstance(node, ast.Name) and node.id == "getattr" and id(node) not in literal:
            dynamic.add(line)
        if hasattr(node, "lineno"):
            vars(node).update(lineno=line, end_lineno=line, col_offset=0, end_col_offset=0)
        open_nodes += [(child, line) for child in ast.iter_child_nodes(node)]
    return dynamic


def _drop_docstring(node: ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> None:
    if ast.get_docstring(node, clean=False) is not None:
        first = node.body.pop(0)
        if not node.body and not isinstance(node, ast.Module):
            node.body.append(ast.copy_location(ast.Pass(), first))


def _is_literal_getattr(node: ast.Call) -> bool:
    if not isinstance(node.func, ast.Name) or node.func.id != "getattr" or len(node.args) < 2:
        return False
    return isinstance(node.args[1], ast.Constant) and not any(isinstance(a, ast.Starred) for a in node.args)


def _nested(code: CodeType) -> Iterator[CodeType]:
    return (constant for constant in code.co_consts if isinstance(constant, CodeType))


# ---- digest ------------------------------------------------------------------------------------


class _CodeEncoder(Encoder):
    def unlisted(self, value: Any) -> str:
        if isinstance(value, CodeType):
            return self.parts("C", _content(value))
        return super().unlisted(value)


def code_digest(code: CodeType) -> str:
    """The sha256 of what a code object does; its file, its lines and its place in a class are left out."""
    try:
        text = _CodeEncoder().text(code)
    except (NotCanonical, RecursionError):  # a folded nan: unequal to itself, but always written alike
        text = "!" + "".join(
            f"{c.co_name}{c.co_code.hex()}{c.co_names}{_constants(c)}" for c in all_code(code)
        )
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _constants(code: CodeType) -> str:
    return repr([c for c in code.co_consts if not isinstance(c, (CodeType, frozenset))])


def _content(code: CodeType) -> tuple[Any, ...]:
    return (
        code.co_name,
        code.co_argcount,
        code.co_posonlyargcount,
        code.co_kwonlyargcount,
        code.co_flags,
        code.co_code,
        code.co_consts,
        code.co_names,
        code.co_varnames,
        code.co_freevars,
        code.co_cellvars,
        getattr(code, "co_exceptiontable", b""),
    )


def all_code(code: CodeType) -> list[CodeType]:
    """The code object and all inside it, outermost first."""
    found = [code]
    for item in found:
        found += _nested(item)
    return found


# ---- names -------------------------------------------------------------------------------------

GLOBAL = frozenset({"LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS", "LOAD_FROM_DICT_OR_DEREF"})
ATTRIBUTE = frozenset({"LOAD_ATTR", "LOAD_METHOD"})
ODD_NAMES = {"LOAD_GLOBAL": 1, "LOAD_ATTR": 1 if sys.version_info >= (3, 12) else 0}


def references(code: CodeType) -> tuple[Name | Import, ...]:
    """The globals and imports that a code object and all code inside it reach for, in order, each once."""
    found: dict[Name | Import, None] = {}
    for item in all_code(code):
        if item.co_names:
            found.update(dict.fromkeys(_scan(item)))
    return tuple(found)


def _scan(code: CodeType) -> Iterator[Name | Import]:
    name: str | None = None
    attributes: list[str] = []
    before: list[Any] = [0, ()]
    for operation, value in instructions(code):
        if name is not None and operation in ATTRIBUTE:
            attributes.append(value)
            continue
        if name is not None:
            yield Name(name, tuple(attributes))
            name = None
        if operation in GLOBAL:
            name, attributes = value, []
        elif operation == "IMPORT_NAME":
            level, names = before[-2:]
            yield Import(value, level if isinstance(level, int) else 0, tuple(names or ()))
        before = [before[-1], value]
    if name is not None:
        yield Name(name, tuple(attributes))


def reads_attribute(code: CodeType, name: str) -> bool:
    """Whether a code object itself takes an attribute of this name, or calls a function by it."""
    return any(
        value == name and (operation in ATTRIBUTE or name != "__doc__")
        for operation, value in instructions(code)
    )


def instructions(code: CodeType) -> Iterator[tuple[str, Any]]:
    """(operation, argument) where the argument is a name or constant; None where nobody here asks for it."""
    if sys.version_info >= (3, 14):
        for instruction in dis.get_instructions(code):
            yield instruction.opname, instruction.argval
        return
    names, constants, raw, high = code.co_names, code.co_consts, code.co_code, 0
    for offset in range(0, len(raw), 2):
        operation = dis.opname[raw[offset]]
        argument = raw[offset + 1] | high
        high = 0
        if operation == "EXTENDED_ARG":
            high = argument << 8
        elif operation in GLOBAL or operation in ATTRIBUTE or operation == "IMPORT_NAME":
            yield operation, names[argument >> ODD_NAMES.get(operation, 0)]
        elif operation == "LOAD_CONST":
            yield operation, constants[argument]
        elif operation != "CACHE":
            yield operation, None
