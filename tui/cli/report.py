"""How a run went, for machines and reviewers: JUnit XML and a summary in Markdown (`--report`)."""

from __future__ import annotations

import os
import re
import time
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import click

from ...core.events import Event, Kind
from ...core.history import PastStep, steps_of
from ...core.model import Json
from ...core.naming import readable
from ..paint.markup import xml_attribute, xml_text
from ..paint.sanitize import clean_lines, one_line

_TAIL, _WIDEST = 40, 500
"""How many lines of the log of a step that failed are told, and how many characters of each."""
_LONGEST = 100_000
_NOT_KEPT = frozenset({Kind.LOG, Kind.PROGRESS, Kind.METADATA})
_WELL = ("succeeded", "reused", "spared", "accepted", "restored")


@dataclass(frozen=True, slots=True)
class Case:
    """A step, or a check of an asset. `verdict` is what a test would be; `text` is what there is to say of it."""

    name: str
    kind: str
    outcome: str
    verdict: str
    seconds: float = 0.0
    message: str = ""
    text: str = ""
    log: Sequence[str] = ()
    reasons: Sequence[str] = ()


@dataclass(slots=True)
class Account:
    """A fold over the events of one run."""

    title: str
    run: str = ""
    started: float = 0.0
    ended: float | None = None
    error: str = ""
    told: dict[str, Json] = field(default_factory=dict)
    _events: list[Event] = field(default_factory=list)
    _logs: dict[str, deque[str]] = field(default_factory=dict)

    def __call__(self, event: Event) -> None:
        if event.kind is Kind.LOG and event.task is not None:
            lines = self._logs.setdefault(event.task, deque(maxlen=_TAIL))
            lines.append(str(event.data["line"])[:_WIDEST])
        if event.kind is Kind.STEP_SUCCEEDED:
            self._logs.pop(event.task or "", None)
        if event.kind is Kind.RUN_STARTED:
            self.run, self.started, self.told = event.run, event.ts, dict(event.data)
        elif event.kind is Kind.RUN_FINISHED:
            self.ended, self.error = event.ts, str(event.data.get("error") or "")
        elif event.kind not in _NOT_KEPT:
            self._events.append(event)

    @property
    def seconds(self) -> float:
        return max(0.0, (self.ended or time.time()) - self.started) if self.started else 0.0

    def cases(self) -> list[Case]:
        """Steps in the order in which they were told, then checks, then what befell the run itself."""
        tracebacks = {
            event.task: str(event.data.get("traceback") or "")
            for event in self._events
            if event.kind is Kind.STEP_FAILED
        }
        steps = steps_of((e for e in self._events if not _is_check(e)), is_over=True)
        found = [
            _of_step(step, tracebacks.get(step.task, ""), self._logs.get(step.task, ())) for step in steps
        ]
        found += [_of_check(event) for event in self._events if _is_check(event)]
        if self.error or not self.started:
            said = self.error or "the run did not begin"
            found.append(Case("the run", "run", "failed", "error", 0.0, one_line(said), said))
        return found


def _is_check(event: Event) -> bool:
    return event.kind in (Kind.CHECK_PASSED, Kind.CHECK_FAILED)


def _of_step(step: PastStep, traceback: str, log: Sequence[str]) -> Case:
    reasons = [str(one.get("detail") or one.get("kind")) for one in step.reasons]
    message: str = one_line(readable(step.error))
    if step.outcome == "succeeded":
        verdict = "passed"
    elif step.outcome == "failed":
        verdict = "failure"
    elif step.outcome in ("cancelled", "interrupted"):
        verdict = "error" if step.attempts else "skipped"
    else:
        verdict = "skipped"
        by = f"blocked by {step.by}" if step.by else ""
        message = ": ".join(filter(None, (by, message))) or step.outcome
    text = "\n".join(filter(None, (step.error, traceback)))[:_LONGEST]
    shown_log = tuple(log) if verdict in ("failure", "error") else ()
    return Case(
        readable(step.task),
        "step",
        step.outcome,
        verdict,
        step.seconds or 0.0,
        message,
        text,
        shown_log,
        reasons,
    )


def _evidence(data: Mapping[str, Json]) -> str:
    """What a check found, with the first rows that fail it."""
    lines = [str(data.get("message") or "")]
    if rows := data.get("rows"):
        lines += [
            " | ".join("null" if v is None else str(v) for v in row) for row in (data["columns"], *rows)
        ]
    return "\n".join(filter(None, lines))


def _of_check(event: Event) -> Case:
    data = event.data
    name = " ".join(
        filter(
            None,
            (
                readable(event.asset or event.task or ""),
                str(data["check"]),
            ),
        )
    )
    said, seconds = _evidence(data), float(data["seconds"])
    if event.kind is Kind.CHECK_PASSED:
        return Case(name, "check", "passed", "passed", seconds)
    is_warning = data["severity"] == "warn"
    message = one_line(str(data.get("message") or "")) or "the check failed"
    return Case(name, "check", "warned" if is_warning else "failed", "skipped" if is_warning else "failure",
                seconds, message, said[:_LONGEST])  # fmt: skip


# ---- JUnit XML -------------------------------------------------------------------------------


def as_junit(account: Account) -> str:
    """`testsuites > testsuite > testcase` with `failure`, `error` or `skipped`, as CI servers read it."""
    cases = account.cases()
    counts = Counter(case.verdict for case in cases)
    tally = (
        f'tests="{len(cases)}" failures="{counts["failure"]}" errors="{counts["error"]}" '
        f'skipped="{counts["skipped"]}" time="{account.seconds:.3f}"'
    )
    at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(account.started or time.time()))
    name = xml_attribute(account.title)
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<testsuites name="bakehouse" {tally}>',
        f'  <testsuite name={name} {tally} timestamp="{at}">',
    ]
    properties = {"run": account.run, "profile": account.told.get("profile")}
    properties |= {f"param.{key}": value for key, value in (account.told.get("params") or {}).items()}
    said = {key: str(value) for key, value in properties.items() if value not in (None, "")}
    if said:
        lines.append("    <properties>")
        lines += [
            f"      <property name={xml_attribute(k)} value={xml_attribute(v)}/>" for k, v in said.items()
        ]
        lines.append("    </properties>")
    for case in cases:
        lines += _junit_case(account.title, case)
    return "\n".join([*lines, "  </testsuite>", "</testsuites>", ""])


def _junit_case(title: str, case: Case) -> Iterator[str]:
    head = f"    <testcase classname={xml_attribute(f'{title}.{case.kind}')} name={xml_attribute(case.name)}"
    head += f' time="{case.seconds:.3f}"'
    if case.verdict == "passed":
        yield f"{head}/>"
        return
    yield f"{head}>"
    if case.verdict == "skipped":
        yield f"      <skipped message={xml_attribute(case.message or case.outcome)}/>"
    else:
        message = f"message={xml_attribute(case.message)} type={xml_attribute(f'{case.kind}_{case.outcome}')}"
        yield f"      <{case.verdict} {message}>{xml_text(case.text)}</{case.verdict}>"
    if case.log:
        yield f"      <system-out>{xml_text(chr(10).join(case.log))}</system-out>"
    yield "    </testcase>"


# ---- Markdown --------------------------------------------------------------------------------

_SPECIAL = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~&:@$])")


def _cell(text: str) -> str:
    """Foreign text in a table: no markup, no link, one line."""
    return _SPECIAL.sub(r"\\\1", one_line(text)[:200])


def _fenced(text: str) -> list[str]:
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return [f"{fence}text", clean_lines(text).rstrip(), fence]


def as_markdown(account: Account) -> str:
    """A heading, a line of counts, a table of what did not simply stay as it was, and what failed."""
    cases = account.cases()
    counts = Counter(case.outcome for case in cases)
    is_well = bool(account.started) and all(case.verdict in ("passed", "skipped") for case in cases)
    is_well = is_well and not counts["blocked"] and account.ended is not None
    words = ", ".join(f"{count} {outcome}" for outcome, count in counts.items()) or "nothing to do"
    lines = [
        f"## {'✓' if is_well else '✗'} {_cell(account.title)}",
        "",
        f"{words} in {account.seconds:.1f} s",
    ]
    if account.run:
        profile = account.told.get("profile")
        lines += ["", f"run `{account.run}`" + (f", profile {_cell(str(profile))}" if profile else "")]
    shown = [case for case in cases if case.outcome not in ("reused", "spared")]
    if shown:
        lines += ["", "| | what | outcome | seconds | why |", "| --- | --- | --- | ---: | --- |"]
    for case in shown:
        sign = {"passed": "✓", "skipped": "–"}.get(case.verdict, "✗")
        why = case.message or "; ".join(case.reasons)
        took = f"{case.seconds:.2f}" if case.seconds else ""
        lines.append(f"| {sign} | {_cell(case.name)} | {case.outcome} | {took} | {_cell(why)} |")
    for case in cases:
        if case.verdict in ("failure", "error"):
            told = "\n".join(filter(None, (case.text, *(f"| {line}" for line in case.log))))
            lines += ["", f"### {_cell(case.name)}", "", *_fenced(told or case.message or case.outcome)]
    return "\n".join([*lines, ""])


# ---- files -----------------------------------------------------------------------------------

_FORMS = {".xml": as_junit, ".md": as_markdown}


def check_paths(paths: Sequence[Path]) -> None:
    """Raises UsageError for what could not be written when the run is over; makes folders that are not there."""
    for path in paths:
        if path.suffix.lower() not in _FORMS:
            raise click.UsageError(f"--report {path}: the name must end with .xml (JUnit) or .md (Markdown)")
        if path.is_dir():
            raise click.UsageError(f"--report {path} is a folder")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise click.UsageError(f"--report {path}: {error.strerror}") from error
        if not os.access(path.parent, os.W_OK):
            raise click.UsageError(f"--report {path}: {path.parent} cannot be written to")


def write_reports(account: Account, paths: Sequence[Path]) -> str:
    """Each file whole or not at all. Returns what could not be written, in words."""
    failed = []
    for path in paths:
        text = _FORMS[path.suffix.lower()](account)
        beside = path.with_name(f".{path.name[:100]}.{os.getpid()}")
        try:
            beside.write_text(text, encoding="utf-8", errors="replace")
            beside.replace(path)
        except OSError as error:
            failed.append(f"the report {path} could not be written: {error.strerror or error}")
            with suppress(OSError):
                beside.unlink()
    return "; ".join(failed)


class Reports:
    """Hears a run, and writes its reports when it is over."""

    counts = True

    def __init__(self, title: str, paths: Sequence[Path]) -> None:
        self._account = Account(title)
        self._paths = paths
        self._told: str | None = None

    def __call__(self, event: Event) -> None:
        self._account(event)

    def close(self) -> str:
        if self._told is None:
            self._told = write_reports(self._account, self._paths)
        return self._told
