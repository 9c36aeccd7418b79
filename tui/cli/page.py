"""The lineage as one page of HTML: both views, to search, pan, zoom and follow; it asks for nothing from anywhere."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from importlib.resources import files
from typing import Literal

from ...core.graph.views import View
from ...core.model import Json, Node
from ...core.workbench import Snapshot, Workbench
from ..paint.markup import xml_text
from ..paint.sanitize import clean, clean_lines
from .surveying import survey_now
from .svg import STYLE, as_svg

_LONGEST = 2_000


def _facts(bench: Workbench, view: View, look: Snapshot) -> list[Json]:
    return [_told(bench, node, look, shown.title, shown.group) for node, shown in view.nodes.items()]


def _told(bench: Workbench, node: Node, look: Snapshot, title: str, group: str) -> Json:
    defined = (bench.definitions.assets if node.kind == "asset" else bench.definitions.tasks)[node.name]
    state = look.states.get(node)
    said: Mapping[str, str] = {
        "key": node.name,
        "kind": node.kind,
        "state": state.value if state is not None else "",
        "why": "\n".join(reason.detail for reason in look.survey.of(node)[:5]),
        "group": group,
        "tags": ", ".join(defined.tags),
        "owners": ", ".join(defined.owners),
        "about": defined.description[:_LONGEST],
        "defined": str(defined.place),
    }
    facts = [[key, clean_lines(value)] for key, value in said.items() if value]
    words = " ".join([node.name, title, group, *defined.tags, said["state"]])
    return {"key": node.name, "name": clean(title), "search": clean(words).lower(), "facts": facts}


def _inside_script(document: Json) -> str:
    """JSON that no parser of HTML takes for the end of its element, or for a comment."""
    text = json.dumps(document, ensure_ascii=True)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _part(name: str) -> str:
    return (files("bakehouse") / "tui" / "cli" / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def as_page(bench: Workbench, first: Literal["asset", "task"], selected: frozenset[Node] | None) -> str:
    """One page with both views, `first` shown first. Raises ProblemError where there is too much to be drawn."""
    look, _ = survey_now(bench)
    facts: dict[str, Json] = {"view": first}
    pictures = []
    for kind in ("asset", "task"):
        view = bench.view(kind)
        view = view if selected is None else view.only(selected)
        facts[kind] = _facts(bench, view, look)
        picture = as_svg(view, look.states, f"{bench.project.name}: {kind}s", standalone=False)
        pictures.append(f'<section id="{kind}"{"" if kind == first else " hidden"}>\n{picture}</section>')
    style, script = _part("lineage.css") + STYLE, _part("lineage.js")
    allowed = f"style-src {_hash(style)}; script-src {_hash(script)}"
    policy = f"default-src 'none'; {allowed}; base-uri 'none'; form-action 'none'"
    title = xml_text(clean(f"{bench.project.name}: lineage"))
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<header><h1>{title}</h1>
<button type="button" data-view="asset">assets</button><button type="button" data-view="task">tasks</button>
<input type="search" placeholder="search ( / )" aria-label="search"><span id="found" role="status"></span></header>
<main>
{"".join(pictures)}
<aside hidden></aside>
</main>
<script type="application/json" id="facts">{_inside_script(facts)}</script>
<script>{script}</script>
</body>
</html>
"""
