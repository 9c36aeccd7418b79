"""A bounded YAML reader: bytes in, plain data and the mark of every key and value out.

YAML 1.2 core rules, whatever PyYAML thinks of `no`, `on`, `12:30` and `2026-11-22`. Of what YAML can do,
this refuses: merge keys (`<<`; there is `defaults:`), tags, several documents in a file, duplicate keys,
keys that are not strings, and numbers that are not finite. Anchors and aliases work, within bounds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ..model import Place
from ..problems import Problem
from .document import BREAK, Document, Node
from .files import MOST_BYTES, TOO_LARGE
from .names import shown
from .scalars import plain_value, shown_scalar
from .unclosed import unclosed

MOST_DEPTH = 64
MOST_EVENTS = 5_000_000
MOST_EXPANDED = 2_000_000
MOST_PROBLEMS = 200

_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_STANDARD = "tag:yaml.org,2002:"


# ---- reading ---------------------------------------------------------------------------------


def read_yaml(data: bytes, file: str) -> Document:
    """Everything that can be read of `data`, and all that is wrong with it. Never raises for bad input."""
    if len(data) > MOST_BYTES:
        return Document(file, problems=(Problem(TOO_LARGE, Place(file)),))
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8-sig", "replace")
        document = Document(file, data.decode("utf-8-sig", "replace"))
        place = _place_after(before)
        return Document(file, document.text, None, (document.problem_at("this is not UTF-8", *place),))
    blank = Document(file, text)
    builder = _Builder(blank)
    try:
        root = builder.build(text)
    except _Stop:
        root = builder.left
    except (ValueError, RecursionError, OverflowError, MemoryError) as error:
        root = None
        why = "there is not enough memory" if isinstance(error, MemoryError) else error
        builder.problems.append(Problem(f"cannot be read: {why}", Place(file)))
    return Document(file, text, root, tuple(builder.problems), is_cut=builder.left is not None)


def _place_after(text: str) -> tuple[int, int]:
    lines = BREAK.split(text)
    return len(lines), len(lines[-1]) + 1


# ---- structure -------------------------------------------------------------------------------


_TAGGED: dict[str, tuple[type, ...]] = {
    "null": (type(None),),
    "bool": (bool,),
    "int": (int,),
    "float": (int, float),
}


class _Stop(Exception):
    """The rest of the file cannot be read; the problem is recorded."""


@dataclass(slots=True)
class _Frame:
    """A collection whose end has not come yet. `size` is what it would be with all aliases written out."""

    node: Node
    anchor: str | None
    size: int = 1
    key: str | None = None
    has_key: bool = False
    seen: dict[str, int] = field(default_factory=dict)


class _Builder:
    """Builds nodes from the event stream, so that nothing is composed that was not counted first."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.problems: list[Problem] = []
        self.stack: list[_Frame] = []
        self.anchors: dict[str, tuple[Node, int, bool]] = {}
        self.open: set[str] = set()
        self.root: Node | None = None
        self.left: Node | None = None
        self.events = 0
        self.expanded = 0
        self.documents = 0

    def build(self, text: str) -> Node | None:
        import yaml

        handlers = {
            yaml.ScalarEvent: self.scalar,
            yaml.AliasEvent: self.alias,
            yaml.MappingStartEvent: self.start_mapping,
            yaml.SequenceStartEvent: self.start_sequence,
            yaml.MappingEndEvent: self.end,
            yaml.SequenceEndEvent: self.end,
            yaml.DocumentStartEvent: self.start_document,
        }
        try:
            for event in _events(text):
                self.events += 1
                if self.events > MOST_EVENTS:
                    raise self.stopped("the file has too many values", event)
                if handler := handlers.get(type(event)):
                    handler(event)
        except yaml.YAMLError as error:
            self.problems.append(self.syntax_problem(error))
            self.left = self.whole_so_far()
            raise _Stop from error
        return self.root

    def whole_so_far(self) -> Node | None:
        """Of a file in which the reader got stuck, the sections and entries above that place. An entry that it got
        stuck in or right behind is left out: it may not be what was meant."""
        if not self.stack:
            return self.root
        top, *below = self.stack[:2]
        if not isinstance(top.node.children, dict):
            return None
        if below and top.key is not None and isinstance(children := below[0].node.children, dict):
            if children and not below[0].has_key:
                last = list(children)[-1]
                del children[last], below[0].node.value[last]
            top.node.children[top.key] = below[0].node
            top.node.value[top.key] = below[0].node.value
        return top.node

    def scalar(self, event: Any) -> None:
        text: str = event.value
        mark = event.start_mark
        node = Node(text, mark.line + 1, mark.column + 1)
        plain = event.tag is None and event.implicit[0]
        if not text.isascii() and any("\ud800" <= char <= "\udfff" for char in text):
            self.complain("this text has half of a surrogate pair", event)
            node.value = ""
        elif plain:
            try:
                node.value = plain_value(text)
            except ValueError as error:
                self.complain(str(error), event, "quote it if text is meant")
        elif event.tag is not None:
            self.tagged_scalar(event, node)
        size = 1 + len(text) // 32
        if event.anchor is not None:
            self.check_anchor(event)
        self.name_anchor(event.anchor, node, size, plain)
        self.attach(node, size, plain, event)

    def tagged_scalar(self, event: Any, node: Node) -> None:
        kind = event.tag.removeprefix(_STANDARD)
        if event.tag == "!" or kind == "str":
            return
        wanted = _TAGGED.get(kind)
        if event.tag == kind or wanted is None:
            self.refuse_tag(event)
            return
        try:
            value: Any = plain_value(node.value)
        except ValueError as error:
            self.complain(str(error), event)
            return
        if type(value) not in wanted:
            self.complain(f"{shown(node.value)} is no {kind}", event)
            return
        node.value = float(value) if kind == "float" else value

    def alias(self, event: Any) -> None:
        if event.anchor in self.open:
            raise self.stopped(f"the alias *{event.anchor} stands inside of what it names", event)
        known = self.anchors.get(event.anchor)
        if known is None:
            raise self.stopped(f"the alias *{event.anchor} names nothing above it", event)
        node, size, plain = known
        self.expanded += size
        if self.expanded > MOST_EXPANDED or self.expanded > max(10_000, 20 * self.events):
            raise self.stopped("the aliases of this file would expand to far too much", event)
        self.attach(node, size, plain, event)

    def start_mapping(self, event: Any) -> None:
        self.start(event, "map", {})

    def start_sequence(self, event: Any) -> None:
        self.start(event, "seq", [])

    def start(self, event: Any, kind: str, children: dict[str, Node] | list[Node]) -> None:
        if len(self.stack) >= MOST_DEPTH:
            raise self.stopped(f"this is nested more than {MOST_DEPTH} levels deep", event)
        if event.tag not in (None, "!", _STANDARD + kind):
            self.refuse_tag(event)
        mark = event.start_mark
        node = Node({} if kind == "map" else [], mark.line + 1, mark.column + 1)
        node.children = children
        if event.anchor is not None:
            self.check_anchor(event)
            self.open.add(event.anchor)
        self.stack.append(_Frame(node, event.anchor))

    def end(self, event: Any) -> None:
        frame = self.stack.pop()
        if frame.anchor is not None:
            self.open.discard(frame.anchor)
            self.name_anchor(frame.anchor, frame.node, frame.size, False)
        self.attach(frame.node, frame.size, False, event)

    def start_document(self, event: Any) -> None:
        self.documents += 1
        if self.documents > 1:
            hint = "one file holds one document: remove the ---"
            raise self.stopped("a second document begins here", event, hint)

    def attach(self, node: Node, size: int, plain: bool, event: Any) -> None:
        if not self.stack:
            self.root = node
            return
        frame = self.stack[-1]
        frame.size += size
        children = frame.node.children
        if isinstance(children, list):
            children.append(node)
            frame.node.value.append(node.value)
        elif not frame.has_key:
            frame.has_key = True
            frame.key = self.accepted_key(frame, node, plain, event)
        else:
            frame.has_key = False
            if frame.key is not None and children is not None:
                children[frame.key] = node
                frame.node.value[frame.key] = node.value

    def accepted_key(self, frame: _Frame, node: Node, plain: bool, event: Any) -> str | None:
        mark = event.start_mark if node.children is None else None
        line, column = (mark.line + 1, mark.column + 1) if mark else (node.line, node.column)
        key = node.value
        if not isinstance(key, str):
            text = "a list or a mapping" if node.children is not None else shown_scalar(key)
            hint = "" if node.children is not None else f'quote it: "{shown_scalar(key)}"'
            self.complain_at(f"a name must be a string, not {text}", line, column, hint)
            return None
        if key == "<<" and plain:
            hint = "write the keys out, or use defaults:"
            self.complain_at("merge keys are not supported", line, column, hint)
            return None
        if key in frame.seen:
            message = f"the key {shown(key)} stands here twice: first on line {frame.seen[key]}"
            self.complain_at(message, line, column)
            return None
        frame.seen[key] = line
        frame.node.keys[key] = (line, column)
        return key

    def check_anchor(self, event: Any) -> None:
        """libyaml ends an anchor at any odd character, and takes the rest of it for the value."""
        text, anchor = self.document.text, "&" + event.anchor
        behind = text.find(anchor, event.start_mark.index) + len(anchor)
        if text[behind : behind + 1].strip(" \t\r\n,[]{}\x85\u2028\u2029"):
            self.complain("this anchor has a character other than letters, digits, _ and -", event)

    def name_anchor(self, anchor: str | None, node: Node, size: int, plain: bool) -> None:
        if anchor is not None:
            self.anchors[anchor] = (node, size, plain)

    def refuse_tag(self, event: Any) -> None:
        tag = event.tag.replace(_STANDARD, "!!")
        self.complain(f"the tag {shown(tag)} is not supported", event, "definitions are plain data")

    def complain(self, message: str, event: Any, hint: str = "") -> None:
        self.complain_at(message, event.start_mark.line + 1, event.start_mark.column + 1, hint)

    def complain_at(self, message: str, line: int, column: int, hint: str = "") -> None:
        self.problems.append(self.document.problem_at(message, line, column, hint))
        if len(self.problems) >= MOST_PROBLEMS:
            raise _Stop

    def stopped(self, message: str, event: Any, hint: str = "") -> _Stop:
        self.complain(message, event, hint)
        return _Stop()

    def syntax_problem(self, error: Any) -> Problem:
        if (left := unclosed(error, self.document.text)) is not None:
            line, column, opener, closer = left
            message = f"this is not YAML: this {opener} is never closed"
            return self.document.problem_at(message, line, column, f"close it with {closer}")
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        what = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
        context = getattr(error, "context", None)
        message = f"this is not YAML: {what}" + (f" {context}" if context else "")
        if mark is not None:
            hint = _syntax_hint(what, self.document.lines, mark)
            return self.document.problem_at(message, mark.line + 1, mark.column + 1, hint)
        found = _UNPRINTABLE.search(self.document.text)
        place = _place_after(self.document.text[: found.start()]) if found else (1, 1)
        return self.document.problem_at(message.split("\n")[0], *place)


def _syntax_hint(problem: str, lines: list[str], mark: Any) -> str:
    line = lines[mark.line] if mark.line < len(lines) else ""
    if line[mark.column : mark.column + 1] == "\t" or "'\\t'" in problem:
        return "indent with spaces, not with tabs"
    if "mapping values are not allowed" in problem:
        return "quote a text that has ': ' in it, and look at the indentation"
    if "cannot start any token" in problem:
        return "quote a text that begins with this character"
    return ""


def _events(text: str) -> Iterator[Any]:
    import yaml

    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    yield from yaml.parse(text, Loader=loader)
