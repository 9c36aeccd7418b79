"""What is done after a run or a step: what it is told, what it cannot change, and what it is never part of."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

Call = Callable[..., "subprocess.CompletedProcess[str]"]

SHOP = """
on_success: 'echo "run $BAKEHOUSE_STATUS $BAKEHOUSE_RUN $BAKEHOUSE_COUNTS" >> ../told'
on_failure:
  - {python: "hooks:run_failed"}
  - 'echo "run $BAKEHOUSE_STATUS" >> ../told'
assets:
  good:
    shell: 'echo 1 > "$OUTPUT"'
    on_success: 'echo "$BAKEHOUSE_TASK $BAKEHOUSE_EVENT" >> ../told'
    on_failure: 'echo never >> ../told'
  flaky:
    deps: [good]
    shell: 'cat ../fine > "$OUTPUT"'
    retries: 1
    backoff: 0
    on_failure: [{python: "hooks:step_failed", timeout: 20s}]
"""
FUNCTIONS = """
from pathlib import Path

def write(line):
    with open(Path(__file__).parent.parent / "told", "a") as file:
        file.write(line + "\\n")

def run_failed(status, counts, project):
    write(f"function {project} {status} {counts['failed']}")

def step_failed(task, error, event):
    write(f"function {task} {error} {event}")
"""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "bakehouse.yaml").write_text(SHOP)
    return folder


def told(shop: Path) -> list[str]:
    return (shop.parent / "told").read_text().splitlines()


def written(shop: Path, text: str) -> None:
    """Modules run from a copy of theirs: what writes beside the project is told where that is."""
    (shop / "hooks.py").write_text(
        text.replace("Path(__file__).parent.parent", f"Path({str(shop.parent)!r})")
    )


def test_hooks_are_told_what_happened(call: Call, shop: Path) -> None:
    written(shop, FUNCTIONS)
    failed = call("materialize", at=shop)
    assert failed.returncode == 1 and "hook" not in failed.stderr, failed.stderr
    assert told(shop) == [
        "good step_succeeded",
        "function flaky exit code 1 step_failed",
        "function shop failed 1",
        "run failed",
    ]
    (shop.parent / "fine").write_text("x")
    (shop.parent / "told").unlink()
    done = call("materialize", at=shop)
    run = done.stdout.split()[1].rstrip(":")
    assert done.returncode == 0
    assert told(shop) == [f'run succeeded {run} {{"succeeded": 1, "reused": 1}}']


@pytest.mark.parametrize(
    ("hook", "why"),
    [
        ("'echo broken >&2; exit 7'", "exit code 7: broken"),
        ("{shell: 'sleep 600', timeout: 0.3}", "it took longer than 0.3 s"),
        ("{python: 'hooks:wrong'}", "ValueError: dear me"),
        ("{webhook: 'http://127.0.0.1:9/'}", "refused"),
        ("{webhook: '${NOT_SET}'}", "NOT_SET"),
        ("{webhook: 'ftp://127.0.0.1/x'}", "not http"),
    ],
)
def test_a_hook_that_fails_is_a_warning_and_changes_nothing(
    call: Call, shop: Path, hook: str, why: str
) -> None:
    (shop / "bakehouse.yaml").write_text(
        f"on_success: [{hook}, 'echo and then >> ../told']\nassets: {{a: {{shell: 'echo 1 > \"$OUTPUT\"'}}}}\n"
    )
    written(shop, "def wrong(): raise ValueError('dear me')\n")
    done = call("materialize", at=shop)
    assert done.returncode == 0, done.stderr
    assert "hook on_success of the run: " in done.stderr and why in done.stderr
    assert "Traceback" not in done.stderr
    assert told(shop) == ["and then"], "the next one is done all the same"
    assert call("status", "--check", at=shop).returncode == 0


def test_what_a_hook_started_is_gone_with_it(
    call: Call, shop: Path, survivors: Callable[[str], list[int]], eventually: Callable[..., None]
) -> None:
    (shop / "bakehouse.yaml").write_text(
        "on_success: {shell: 'setsid sleep 614.25 & sleep 614.25', timeout: 0.5}\n"
        "assets: {a: {shell: 'echo 1 > \"$OUTPUT\"'}}\n"
    )
    assert call("materialize", at=shop, MARK_OF_HOOK=str(shop)).returncode == 0
    eventually(lambda: not survivors(f"MARK_OF_HOOK={shop}") and not survivors(str(shop)))


def test_hostile_text_is_never_part_of_a_command(call: Call, tmp_path: Path) -> None:
    folder = tmp_path / "hostile"
    folder.mkdir()
    name = "$(touch ../ran)`touch ../ran`'; touch ../ran; '\""
    step = {"shell": "exit 1", "on_failure": 'printf "%s" "$BAKEHOUSE_TASK" > ../told'}
    (folder / "bakehouse.yaml").write_text(json.dumps({"tasks": {name: step}}))
    assert call("materialize", at=folder).returncode == 1
    assert (tmp_path / "told").read_text() == name and not (tmp_path / "ran").exists()


@pytest.fixture
def inbox() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """The address of a real server, and what it was sent."""
    got: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/hook", got
    server.shutdown()
    server.server_close()


def test_a_webhook_gets_json_without_secrets(
    call: Call, shop: Path, inbox: tuple[str, list[dict[str, Any]]]
) -> None:
    url, got = inbox
    (shop / "bakehouse.yaml").write_text(
        "secrets: [TOKEN]\non_failure: {webhook: '${HOOK}'}\n"
        f"assets: {{a: {{python: 'steps:leak', env: [TOKEN], on_failure: {{webhook: '{url}'}}}}}}\n"
    )
    (shop / "steps.py").write_text("import os\ndef leak(): raise ValueError('x' + os.environ['TOKEN'])\n")
    done = call("materialize", at=shop, TOKEN="open-sesame-9", HOOK=url)
    assert done.returncode == 1 and "hook" not in done.stderr
    step, run = got
    assert (step["task"], step["status"], step["event"]) == ("a", "failed", "step_failed")
    assert (run["task"], run["status"], run["counts"]) == ("", "failed", {"failed": 1})
    assert "ValueError" in step["error"] and "open-sesame" not in json.dumps(got)


def test_a_notice_for_the_desktop_goes_to_the_program_that_shows_them(
    call: Call, shop: Path, tmp_path: Path
) -> None:
    (shop / "bakehouse.yaml").write_text(
        "on_success: {desktop: true}\nassets: {a: {shell: 'echo 1 > \"$OUTPUT\"'}}\n"
    )
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "notify-send").write_text('#!/bin/sh\nprintf "%s\\n" "$@" > "$SHOWN"\n')
    (programs / "notify-send").chmod(0o755)
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    done = call("materialize", at=shop, PATH=path, SHOWN=str(tmp_path / "shown"))
    assert done.returncode == 0 and "hook" not in done.stderr, done.stderr
    assert (tmp_path / "shown").read_text().splitlines() == [
        "-a",
        "bakehouse",
        "--",
        "shop succeeded",
        "1 succeeded",
    ]


def test_nothing_is_done_for_a_project_that_is_not_trusted_nor_by_looking(call: Call, shop: Path) -> None:
    written(shop, FUNCTIONS + "\nwrite('imported')\n")
    assert call("materialize", at=shop, trusted=False).returncode == 5
    assert call("ls", at=shop, trusted=False).returncode == 0
    assert not (shop.parent / "told").exists()


def test_what_is_wrong_with_a_hook_is_told_with_its_place(call: Call, shop: Path) -> None:
    (shop / "bakehouse.yaml").write_text(
        "on_success: {shell: 'true', python: 'a:b'}\n"
        "on_failure: [{python: 'hooks:missing'}]\n"
        "assets:\n"
        "  a: {shell: 'true', on_failure: {python: 'hooks:asks'}}\n"
        "  b: {shell: 'true', on_failure: [3]}\n"
        "  c: {on_success: 'true'}\n"
    )
    written(shop, "def asks(weather): ...\n")
    said = call("ls", at=shop).stderr
    for line in (
        "bakehouse.yaml:1:13: on_success: a hook does one thing",
        "bakehouse.yaml:2:23: on_failure: ",
        "bakehouse.yaml:4:43: asset 'a': on_failure: nothing is told by the name 'weather'",
        "bakehouse.yaml:5:34: asset 'b': on_failure: must be a command",
        "bakehouse.yaml:6:7: asset 'c': on_success says nothing here",
    ):
        assert line in said, said
