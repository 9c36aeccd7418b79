"""The graph as a picture and as a page, and a new project: whole, self-contained, foreign text only text."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import quote
from xml.etree import ElementTree

import pytest

Call = Callable[..., "subprocess.CompletedProcess[str]"]
SVG = "{http://www.w3.org/2000/svg}"

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=a()>\"'&]]>"


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    folder = tmp_path / "hostile"
    folder.mkdir()
    defined = {
        "assets": {
            HOSTILE: {"description": f"<!-- {HOSTILE}", "group": "<g>", "tags": ["</style>"]},
            "b": {"deps": {HOSTILE: "it"}, "verb": HOSTILE, "shell": "true"},
        }
    }
    (folder / "bakehouse.yaml").write_text(json.dumps(defined))
    return folder


def picture(call: Call, at: Path, *words: str) -> ElementTree.Element:
    done = call("graph", "--format", "svg", *words, at=at)
    assert done.returncode == 0, done.stderr
    return ElementTree.fromstring(done.stdout)


def names(root: ElementTree.Element) -> list[str]:
    return [
        node.findtext(f"{SVG}text", "") for node in root.iter(f"{SVG}g") if "node" in node.get("class", "")
    ]


def test_a_picture_shows_each_node_with_its_state_and_each_verb(call: Call, project: Path) -> None:
    assert call("materialize", "dough").returncode == 0
    root = picture(call, project)
    assert sorted(names(root)) == ["bread", "dough", "flour", "water"]
    classes = {
        node.findtext(f"{SVG}text"): node.get("class", "").split()
        for node in root.iter(f"{SVG}g")
        if node.get("data-node")
    }
    assert "fresh" in classes["dough"] and "never" in classes["bread"] and "source" in classes["water"]
    assert {"knead", "bake"} <= {text.text for text in root.iter(f"{SVG}text")}
    edges = [path for path in root.iter(f"{SVG}path") if path.get("class") == "edge data"]
    assert len(edges) == 3
    tasks = picture(call, project, "--view", "task")
    assert {"eat", "sweep", "knead dough"} <= set(names(tasks))
    assert [p.get("class") for p in tasks.iter(f"{SVG}path")].count("edge after") == 1


def test_no_two_nodes_of_a_picture_cover_each_other_and_all_are_inside(call: Call, tmp_path: Path) -> None:
    flights = tmp_path / "flights"
    shutil.copytree(
        Path(__file__).parents[2] / "pipelines" / "flights",
        flights,
        ignore=shutil.ignore_patterns(".bakehouse"),
    )
    for view in ("asset", "task"):
        root = picture(call, flights, "--view", view)
        _, _, width, height = map(float, root.get("viewBox", "").split())
        boxes = [
            tuple(float(one.get(key, "nan")) for key in ("x", "y", "width", "height"))
            for one in root.iter(f"{SVG}rect")
        ]
        assert len(boxes) > 15
        for n, (x, y, w, h) in enumerate(boxes):
            assert min(x, y) >= 0 and x + w <= width and y + h <= height
            for x2, y2, w2, h2 in boxes[:n]:
                assert x + w <= x2 or x2 + w2 <= x or y + h <= y2 or y2 + h2 <= y


def test_foreign_text_in_a_picture_is_text(call: Call, hostile: Path) -> None:
    root = picture(call, hostile)
    assert {one.tag for one in root.iter()} <= {
        f"{SVG}{tag}" for tag in ("svg", "title", "style", "g", "path", "rect", "circle", "text")
    }
    assert any(HOSTILE in (title.text or "") for title in root.iter(f"{SVG}title"))


def test_a_part_is_drawn_alone_and_too_much_is_refused(call: Call, project: Path, tmp_path: Path) -> None:
    assert sorted(names(picture(call, project, "+dough"))) == ["dough", "flour", "water"]
    many = tmp_path / "many"
    many.mkdir()
    assets: dict[str, dict[str, str]] = {f"a{n}": {} for n in range(2_001)}
    (many / "bakehouse.yaml").write_text(json.dumps({"assets": assets}))
    for form in ("svg", "html"):
        done = call("graph", "--format", form, at=many)
        assert done.returncode == 2 and "select a part" in done.stderr and not done.stdout


class Page(HTMLParser):
    """What a browser would make of the page: elements with attributes, and what stands in each."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.inside: list[str] = []
        self.open = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {key: value or "" for key, value in attrs}))
        self.inside.append("")

    def handle_endtag(self, tag: str) -> None:
        self.handle_starttag(f"/{tag}", [])

    def handle_data(self, data: str) -> None:
        self.inside[-1:] = [self.inside[-1] + data] if self.inside else []

    def of(self, tag: str) -> list[tuple[dict[str, str], str]]:
        found = zip(self.elements, self.inside, strict=True)
        return [(attributes, text) for (name, attributes), text in found if name == tag]


def test_a_page_asks_for_nothing_and_runs_no_script_but_its_own(call: Call, hostile: Path) -> None:
    done = call("graph", "--format", "html", at=hostile)
    assert done.returncode == 0, done.stderr
    page = Page(done.stdout)
    scripts = page.of("script")
    assert [attributes.get("type", "") for attributes, _ in scripts] == ["application/json", ""]
    assert not page.of("img") and not page.of("link") and not page.of("iframe")
    for _, attributes in page.elements:
        assert not {"src", "href", "style"} & attributes.keys()
        assert not [name for name in attributes if name.startswith("on")]
    (meta,) = [a["content"] for a, _ in page.of("meta") if a.get("http-equiv") == "Content-Security-Policy"]
    assert meta.startswith("default-src 'none';")
    (style,) = [text for _, text in page.of("style")]
    for kind, text in (("script-src", scripts[1][1]), ("style-src", style)):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{kind} 'sha256-{digest}'" in meta
    assert not re.search(r"(https?:)?//(?!www\.w3\.org/2000/svg)[a-z]", done.stdout)
    facts = json.loads(scripts[0][1])
    assert facts["view"] == "asset" and HOSTILE in [node["name"] for node in facts["asset"]]
    assert len(facts["task"]) == len(
        [1 for tag, a in page.elements if tag == "g" and "data-node" in a]
    ) - len(facts["asset"])


@pytest.mark.skipif(shutil.which("node") is None, reason="nothing here can read JavaScript")
def test_the_script_of_the_page_is_one(tmp_path: Path) -> None:
    script = Path(__file__).parents[2] / "tui" / "cli" / "lineage.js"
    assert subprocess.run(["node", "--check", script], timeout=60).returncode == 0


BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), "")


@pytest.mark.skipif(not BROWSER, reason="no browser of the Chromium family here")
def test_a_browser_opens_the_page_at_the_node_that_its_address_names(
    call: Call, hostile: Path, tmp_path: Path
) -> None:
    page = tmp_path / "lineage.html"
    page.write_text(call("graph", "--format", "html", at=hostile).stdout, encoding="utf-8")

    def opened(address: str) -> Page:
        flags = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-extensions")
        quiet = ("--disable-background-networking", "--disable-component-update", "--disable-sync")
        place = f"--user-data-dir={tmp_path / 'profile'}"
        command = [BROWSER, *flags, *quiet, place, "--dump-dom", f"{page.as_uri()}#{address}"]
        return Page(subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout)

    at_node = opened(f"asset/{quote(HOSTILE, safe='')}")
    assert [text for _, text in at_node.of("h2")] == [HOSTILE]
    assert len([a for a, _ in at_node.of("g") if "chosen" in a.get("class", "").split()]) == 1
    tasks = opened("task")
    assert [a["id"] for a, _ in tasks.of("section") if "hidden" not in a] == ["task"]
    unknown = opened("asset/%E0%A4%A")
    assert not unknown.of("h2") and [a["id"] for a, _ in unknown.of("section") if "hidden" not in a] == [
        "asset"
    ]


# ---- a new project ---------------------------------------------------------------------------


def test_a_new_project_runs_as_it_is(call: Call, tmp_path: Path) -> None:
    folder = tmp_path / "my shop"
    made = call("init", str(folder), trusted=False)
    assert made.returncode == 0, made.stderr
    assert "bakehouse.yaml" in made.stdout.splitlines()
    done = call("materialize", at=folder, trusted=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Ada: 63\nBen: 52\n" in call("show", "report", at=folder, trusted=False).stdout
    more = call("materialize", "-p", "least=1", at=folder, trusted=False)
    assert "2 succeeded, 1 reused" in more.stdout
    assert call("status", "--check", "-p", "least=1", at=folder, trusted=False).returncode == 0


@pytest.mark.parametrize("there", ["bakehouse.yaml", "steps.py", "data/orders.csv"])
def test_a_new_project_overwrites_nothing(call: Call, tmp_path: Path, there: str) -> None:
    path = tmp_path / "mine" / there
    path.parent.mkdir(parents=True)
    path.write_text("mine")
    done = call("init", str(tmp_path / "mine"), trusted=False)
    assert done.returncode == 2 and there in done.stderr and not done.stdout
    assert [p.read_text() for p in (tmp_path / "mine").rglob("*") if p.is_file()] == ["mine"]


def test_a_folder_with_code_of_others_is_not_trusted_by_a_new_project(call: Call, tmp_path: Path) -> None:
    folder = tmp_path / "theirs"
    folder.mkdir()
    (folder / "evil.py").write_text("from bakehouse import asset\nopen('ran', 'w').close()\n")
    done = call("init", str(folder), trusted=False)
    assert done.returncode == 0 and "not trusted" in done.stderr
    assert call("materialize", at=folder, trusted=False).returncode == 5
    assert not (folder / "ran").exists()
