"""The filter: what was typed, what it means, and what is wrong with it. Pure; a selection is looked up elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ...core.graph.views import View
from ...core.model import Node

_SELECTION_SIGNS = frozenset('+:"()*')
_OPERATORS = frozenset({"and", "or", "not"})


class Sieve:
    """`note` says why a selection was not understood; then the text is taken as a part of a name."""

    def __init__(self) -> None:
        self.text = ""
        self.note = ""
        self._picked: frozenset[Node] | None = None

    @property
    def is_selection(self) -> bool:
        """Whether the text is written in the selection language."""
        words = self.text.lower().split()
        return bool(_SELECTION_SIGNS & set(self.text)) or (
            len(words) > 1 and not _OPERATORS.isdisjoint(words)
        )

    def type(self, text: str) -> None:
        self.text, self.note, self._picked = text.strip(), "", None

    def pick(self, text: str, nodes: Iterable[Node]) -> None:
        """What the selection `text` means. One that was typed over meanwhile is nothing any more."""
        if text == self.text:
            self.note, self._picked = "", frozenset(nodes)

    def refuse(self, text: str, note: str) -> None:
        if text == self.text:
            self.note, self._picked = note, None

    def matches(self, view: View, counterpart: Callable[[Node], Node | None]) -> frozenset[Node] | None:
        """What of `view` is kept; None: all of it."""
        if not self.text:
            return None
        nodes = view.nodes
        if self._picked is not None:
            found = (node if node in nodes else counterpart(node) for node in self._picked)
            return frozenset(node for node in found if node is not None)
        turned = self.text.startswith("!")
        part = self.text.removeprefix("!").casefold()
        return frozenset(
            node
            for node, drawn in nodes.items()
            if (part in drawn.title.casefold() or part in node.name.casefold()) != turned
        )
