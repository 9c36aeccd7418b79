"""Puts checks on the assets they are about: entries under `checks:`, and functions under `@check`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import cast

from ..checks.definition import PYTHON, Check, Severity
from ..model import Asset, Json, Place, PythonAction, identifier
from ..problems import Problem
from .checks import CheckEntry
from .drafts import Draft, Origin
from .merge import Merged
from .names import did_you_mean, name_fault, shown
from .python_types import Spec

LineOf = Callable[[Place], str | None]
_LONGEST = 60


def is_check(spec: Spec) -> bool:
    """Whether it is an `@check`."""
    return spec.kind == "check"


def with_checks(
    merged: Merged, drafts: Iterable[Draft], specs: Iterable[Spec], line: LineOf
) -> Mapping[str, Asset]:
    """The assets with their checks; what is wrong with those is added to the problems of `merged`."""
    attached = _Attached(merged)
    for draft in drafts:
        if draft.asset is not None:
            for number, entry in enumerate(draft.asset.checks):
                attached.add_entry(draft, number, entry)
    for spec in filter(is_check, specs):
        attached.add_spec(
            spec, Origin(spec.file, Place(spec.file, spec.line, 1), line=line(Place(spec.file, spec.line)))
        )
    found = attached.checks
    return {
        name: replace(asset, checks=tuple(found[name])) if name in found else asset
        for name, asset in merged.assets.items()
    }


class _Attached:
    def __init__(self, merged: Merged) -> None:
        self.merged = merged
        self.checks: dict[str, list[Check]] = {}

    def complain(self, problem: Problem) -> None:
        self.merged.problems.append(problem)

    def add(self, check: Check, problem: Callable[[str, str], Problem]) -> None:
        asset = self.merged.assets[check.asset]
        if asset.is_source:
            hint = "put it on what is made of the source"
            self.complain(problem("nothing makes it, so no check of it is ever run", hint))
        elif any(check.name == other.name for other in self.checks.get(check.asset, ())):
            hint = "give one of them a name: another one"
            self.complain(problem(f"two checks are called {shown(check.name)}", hint))
        else:
            self.checks.setdefault(check.asset, []).append(check)

    # ---- under checks: -------------------------------------------------------------------------

    def add_entry(self, draft: Draft, number: int, entry: CheckEntry) -> None:
        said = entry.said
        name = entry.name or _usual_name(entry.kind, said)
        if fault := name_fault(name):
            self.complain(draft.problem(fault, "checks", number, "name"))
            return
        if entry.kind == "relationships" and not self.is_found(draft, number, said):
            return
        check = Check(
            draft.name, name, entry.kind, entry.severity, entry.where or "", said, identifier(draft.name)
        )
        self.add(check, lambda text, hint: draft.problem(text, "checks", number, hint=hint))

    def is_found(self, draft: Draft, number: int, said: dict[str, Json]) -> bool:
        """Completes a relationship; False where it leads to nothing that can be read."""
        to = said["to"]
        said["field"] = said["field"] or said["column"]
        path = ("checks", number, "relationships", "to")
        if to not in self.merged.assets:
            hint = did_you_mean(to, self.merged.assets)
            self.complain(draft.problem(f"there is no asset {shown(to)}", *path, hint=hint))
            return False
        maker = self.merged.tasks.get(self.merged.assets[draft.name].task or "")
        known: dict[str, str] = {}
        if maker is not None:
            known = {name: identifier(name) for name in maker.outputs}
            known |= {given.asset: given.identifier for given in maker.inputs}
            if to not in known:
                told = f"the step {shown(maker.name)} does not read {shown(to)}"
                self.complain(draft.problem(told, *path, hint=f"add {to} to its deps"))
                return False
        said["identifier"] = known.get(to, identifier(to))
        return True

    # ---- @check --------------------------------------------------------------------------------

    def add_spec(self, spec: Spec, origin: Origin) -> None:
        said = spec.options
        asset, severity = said.get("asset"), said.get("severity") or "error"
        label = f"check {shown(spec.name)}: "

        def problem(text: str, hint: str = "") -> Problem:
            return origin.problem(f"{label}{text}", hint=hint)

        if fault := name_fault(spec.name):
            self.complain(origin.problem(fault))
        elif not isinstance(asset, str) or asset not in self.merged.assets:
            hint = (
                did_you_mean(asset, self.merged.assets) if isinstance(asset, str) else 'write asset="delays"'
            )
            self.complain(problem(f"there is no asset {shown(str(asset))}", hint))
        elif severity not in ("error", "warn"):
            self.complain(problem(f"severity must be 'error' or 'warn', not {shown(str(severity))}"))
        elif wrong := _call_fault(spec):
            self.complain(problem(wrong, f"def {identifier(spec.name)}({identifier(asset)})"))
        else:
            action = PythonAction(spec.module, spec.function, spec.folder)
            code = "" if spec.code is None else spec.code.digest
            check = Check(
                asset, spec.name, PYTHON, cast("Severity", severity), "", {}, identifier(asset), action, code
            )
            self.add(check, problem)


def _call_fault(spec: Spec) -> str:
    """Why the function cannot be called with the value alone; empty if it can."""
    takes = [p for p in spec.signature.parameters if not p.is_context and not p.variadic]
    needs = [p.name for p in takes if not p.has_default]
    if not takes:
        return "it takes no parameter: the value is handed to the first"
    return f"it needs {', '.join(needs)}: it is given the value alone" if len(needs) > 1 else ""


def _usual_name(kind: str, said: Mapping[str, Json]) -> str:
    if kind == "expression":
        text = " ".join(said["sql"].split())
        return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
    columns: Sequence[str] = said.get("columns") or [said[key] for key in ("column",) if key in said]
    listed = ", ".join(c if c.isprintable() else ascii(c)[1:-1] for c in columns)
    return f"{kind}({listed})"[:255] if columns else kind
