"""The floor of a screen: a Textual tree with a node for each asset, and a table of its rows. `bare_screen.py SIZE`."""

from __future__ import annotations

import sys
from typing import Any

from textual.app import App, ComposeResult
from textual.containers import Horizontal
from textual.widgets import DataTable, Footer, Header, Tree

SIZE = int(sys.argv[1])


class Bare(App[None]):
    def compose(self) -> ComposeResult:
        yield Header()
        with Horizontal():
            tree: Tree[None] = Tree("assets")
            tree.root.expand()
            for number in range(SIZE):
                tree.root.add_leaf(f"n{number}")
            yield tree
            yield DataTable()
        yield Footer()

    def on_mount(self) -> None:
        table: DataTable[Any] = self.query_one(DataTable)
        table.add_columns("name", "state")
        table.add_rows([(f"row {number}", "fresh") for number in range(min(SIZE, 1000))])
        self.query_one(Tree).focus()


Bare().run()
