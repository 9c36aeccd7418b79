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

    def matches(
        self, view: View, counterpart: Callable[[Node], Node | None], names: Callable[[], Names]
    ) -> frozenset[Node] | None:
        """What of `view` is kept; None: all of it."""
        if not self.text:
            return None
        nodes = view.nodes
        if self._picked is not None:
            found = (node if node in nodes else counterpart(node) for node in self._picked)
            return frozenset(node for node in found if node is not None)
        return names().holding(self.text.removeprefix("!"), is_turned=self.text.startswith("!"))


class Names:
    """The names and titles of a view, as they are searched: one text, as 100,000 texts take ten times as much room."""

    def __init__(self, view: View) -> None:
        self._nodes = view.nodes
        self._text = "\n".join([_told(node.name, view.nodes[node].title) for node in view.nodes]).casefold()

    def holding(self, part: str, *, is_turned: bool = False) -> frozenset[Node]:
        """The nodes whose name or title has `part` in it, or (`is_turned`) has not."""
        wanted = part.casefold()
        found = zip(self._nodes, self._text.split("\n"), strict=False)
        return frozenset([node for node, text in found if (wanted in text) != is_turned])


def _told(name: str, title: str) -> str:
    return name if name == title else f"{name}\0{title}"
