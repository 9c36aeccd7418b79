"""Where a bracket, a brace or a quote was opened that a YAML file never closes."""

from __future__ import annotations

from typing import Any

_CLOSERS = {"[": "]", "{": "}", '"': '"', "'": "'"}


def unclosed(error: Any, text: str) -> tuple[int, int, str, str] | None:
    """Line and column from 1 of what was opened, the character and what would close it; None where `error`, a
    YAMLError of parsing `text`, is about something else."""
    context, problem = getattr(error, "context_mark", None), getattr(error, "problem_mark", None)
    if context is None or problem is None:
        return None
    if error.context.endswith("quoted scalar"):
        ends = "end of stream" in error.problem or "document separator" in error.problem
        return _told(context, text) if ends else None
    if not error.context.startswith("while parsing a flow"):
        return None
    still_open, end = _left_open(text)
    if (problem.line, problem.column) == end and still_open:
        return _told(still_open[-1], text)
    opened = (context.line, context.column)
    found = next((mark for mark in still_open if (mark.line, mark.column) == opened), None)
    return None if found is None else _told(found, text)


def _told(mark: Any, text: str) -> tuple[int, int, str, str] | None:
    # a mark of libyaml counts its index from behind a byte order mark, as `text` does
    opener = text[mark.index : mark.index + 1]
    return (mark.line + 1, mark.column + 1, opener, _CLOSERS[opener]) if opener in _CLOSERS else None


def _closed(opened: list[tuple[type, Any]], kind: type) -> list[Any]:
    """Take off what a bracket of `kind` closes; the marks of what stands between and is of another."""
    between: list[Any] = []
    while any(wanted is kind for wanted, _ in opened):
        wanted, mark = opened.pop()
        if wanted is kind:
            break
        between.append(mark)
    return between


def _left_open(text: str) -> tuple[list[Any], tuple[int, int]]:
    """The marks of the brackets that nothing closes before the document ends, the innermost that is still open
    there at the end, and that place (line and column from 0)."""
    import yaml

    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    opened: list[tuple[type, Any]] = []
    left: list[Any] = []
    starts = {
        yaml.FlowSequenceStartToken: yaml.FlowSequenceEndToken,
        yaml.FlowMappingStartToken: yaml.FlowMappingEndToken,
    }
    ends = tuple(starts.values())
    try:
        for token in yaml.scan(text, Loader=loader):
            kind = type(token)
            if kind in starts:
                opened.append((starts[kind], token.start_mark))
            elif kind in ends:
                left += _closed(opened, kind)
            elif (left or opened) and kind in (
                yaml.DocumentStartToken,
                yaml.DocumentEndToken,
                yaml.StreamEndToken,
            ):
                left += [mark for _, mark in opened]
                return left, (token.start_mark.line, token.start_mark.column)
    except yaml.YAMLError:
        return [], (-1, -1)
    return [], (-1, -1)
