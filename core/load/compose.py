"""Reads, loads and merges all that a project defines; whatever is wrong with it is told in one go."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from ..graph.cycles import cycle_problems
from ..model import Definitions, Place, PythonAction
from ..problems import DefinitionError, Problem, number_of
from ..secrets import Secrets
from .attach import is_check, with_checks
from .collector import collector_paused
from .discovery import ROOT_FILE, Found, Project, matching
from .document import Document, shown_line
from .drafts import Draft
from .entries import YamlFile, read_entries, spec_draft
from .files import read_file
from .hooking import hook_calls, hook_problems, hooks_of
from .merge import merge
from .names import shown
from .partitioning import divide
from .python import load_python
from .python_types import Call, CallKey, LoadFailure, PythonRequest, PythonResult, Signature
from .reader import read_yaml
from .schedules import Schedules
from .settings import project_params, project_profiles

CODE_FOLDER = "code"
MOST_PROBLEMS = 500
_NO_ANSWER = PythonResult()


class Sources:
    """The lines of the project's files, for whoever wants to show one."""

    def __init__(self, root: Path, yaml: Iterable[YamlFile]) -> None:
        self._root = root
        self._known: dict[str, Document | None] = {each.file: each.document for each in yaml}

    def line(self, place: Place) -> str | None:
        """The text of a line, fit to be shown; None where there is no such file or line."""
        if place.file not in self._known:
            self._known[place.file] = _as_text(self._root, place.file)
        document = self._known[place.file]
        lines = document.lines if document else []
        return shown_line(lines[place.line - 1], place.column) if 0 < place.line <= len(lines) else None


def compose(
    project: Project, found: Found, interpreter: str, trusted: bool, store: Path | None, time_limit: float
) -> Definitions:
    """One snapshot of everything that the files define. Raises DefinitionError."""
    with collector_paused():
        yaml = tuple(read_entries(read_yaml(data, file)) for file, data in found.yaml.items())
    asked = _request(project, found, yaml, interpreter, store, time_limit)
    result = load_python(asked) if trusted and (asked.files or asked.calls) else _NO_ANSWER
    result = _without_secrets(result, Secrets(_secrets(yaml), os.environ))
    with collector_paused():
        withheld = () if trusted else _not_loaded(asked)
        return _composed(project, found, yaml, result, interpreter, withheld)


def _composed(
    project: Project,
    found: Found,
    yaml: Sequence[YamlFile],
    result: PythonResult,
    interpreter: str,
    withheld: tuple[str, ...],
) -> Definitions:
    is_partial = not set(found.python).isdisjoint(withheld)
    sources = Sources(project.root, yaml)
    problems = [*found.problems, *(problem for each in yaml for problem in each.problems)]
    problems += _head_problems(project, yaml, found)
    drafts = _drafts(project, yaml, result, sources, problems)
    failures, calls = _failures(result, sources)
    problems += failures
    pools, params = _pools(yaml, problems), project_params(yaml, problems)
    merged = merge(
        drafts,
        calls,
        pools,
        params,
        incomplete=bool(failures or found.problems) or any(map(_unreadable, yaml)),
        withheld=is_partial,
    )
    problems += divide(merged, drafts, yaml)
    known = None if failures or found.problems or is_partial else merged.tasks
    profiles = project_profiles(yaml, params, pools, known, problems)
    schedules = Schedules(problems)
    schedules.collect(yaml, result.specs, sources)
    definitions = Definitions(
        root=str(project.root),
        assets=merged.assets,
        tasks=merged.tasks,
        pipelines=tuple(dict.fromkeys(draft.pipeline for draft in drafts)),
        pools=pools,
        params=params,
        profiles=profiles,
        hooks=hooks_of(yaml, drafts),
        auto=_kept_up(drafts, merged.tasks),
        files=_digests(found, result),
        variables=result.variables,
        secrets=_secrets(yaml),
        modules=result.modules,
        interpreter=interpreter,
        python_version=result.python_version,
        withheld=withheld,
        schedules=schedules.known,
        output=result.output,
    )
    if any(draft.asset and draft.asset.checks for draft in drafts) or any(map(is_check, result.specs)):
        definitions = replace(definitions, assets=with_checks(merged, drafts, result.specs, sources.line))
    problems += merged.problems
    problems += hook_problems(yaml, drafts, calls)
    if not problems and not is_partial:
        schedules.check(definitions)
    problems += (_with_line(problem, sources) for problem in cycle_problems(definitions))
    if problems:
        raise DefinitionError(_bounded(problems))
    return definitions


def _kept_up(drafts: Iterable[Draft], tasks: Container[str]) -> dict[str, float]:
    wanted = ((draft.task_name, draft.settled("auto")) for draft in drafts)
    return {task: seconds for task, seconds in wanted if seconds and task in tasks}


def _unreadable(yaml: YamlFile) -> bool:
    return bool(yaml.problems) and (yaml.document.root is None or yaml.document.is_cut)


def _bounded(problems: Sequence[Problem]) -> Iterable[Problem]:
    unique = sorted(set(problems), key=lambda p: (p.place, p.message))
    if len(unique) <= MOST_PROBLEMS:
        return unique
    last = Place("~", len(unique), 1)
    more = Problem(f"… and {number_of(len(unique) - MOST_PROBLEMS, 'more problem')}", last)
    return [*unique[:MOST_PROBLEMS], more]


def _with_line(problem: Problem, sources: Sources) -> Problem:
    return problem if problem.line is not None else replace(problem, line=sources.line(problem.place))


def _as_text(root: Path, file: str) -> Document | None:
    try:
        return Document(file, read_file(root / file, file).decode("utf-8-sig", "replace"))
    except DefinitionError:
        return None


# ---- what holds for a whole file, or for the project -------------------------------------------


def _head_problems(project: Project, yaml: Sequence[YamlFile], found: Found) -> Iterator[Problem]:
    files = [*found.yaml, *found.python]
    for each in yaml:
        document, head = each.document, each.head
        if head.definitions and (each.file != ROOT_FILE or project.files is not None):
            yield document.problem(
                f"definitions: is for {ROOT_FILE} at the root of a project", "definitions", key=True
            )
        elif head.definitions:
            for number, pattern in enumerate(head.definitions):
                if not matching(pattern, files):
                    message = f"no definition file matches {shown(pattern)}"
                    yield document.problem(message, "definitions", number)


def _pools(yaml: Iterable[YamlFile], problems: list[Problem]) -> dict[str, int]:
    pools: dict[str, int] = {}
    first: dict[str, str] = {}
    for each in yaml:
        for name, size in each.head.pools.items():
            if pools.setdefault(name, size) != size:
                places = number_of(pools[name], "place")
                message = f"the pool {shown(name)} has {places} in {first[name]}, and {size} here"
                problems.append(each.document.problem(message, "pools", name))
            first.setdefault(name, each.file)
    return pools


def _secrets(yaml: Iterable[YamlFile]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for each in yaml for name in each.head.secrets))


def _without_secrets(result: PythonResult, secrets: Secrets) -> PythonResult:
    """What the project's Python printed and raised while it was imported, fit to be told and kept."""

    def clean(failure: LoadFailure) -> LoadFailure:
        return replace(
            failure, message=secrets.text(failure.message), traceback=secrets.text(failure.traceback)
        )

    if not secrets:
        return result
    calls = {key: clean(one) if isinstance(one, LoadFailure) else one for key, one in result.calls.items()}
    failures = tuple(map(clean, result.failures))
    return replace(result, failures=failures, calls=calls, output=secrets.text(result.output))


def _digests(found: Found, result: PythonResult) -> Mapping[str, str]:
    read = {file: sha256(data).hexdigest() for file, data in found.yaml.items()}
    return dict(sorted({**read, **result.files}.items()))


# ---- drafts ----------------------------------------------------------------------------------


def _drafts(
    project: Project,
    yaml: Sequence[YamlFile],
    result: PythonResult,
    sources: Sources,
    problems: list[Problem],
) -> list[Draft]:
    root_head = next((y.head for y in yaml if y.file == ROOT_FILE and project.files is None), None)
    said = {each.head.pipeline for each in yaml if each.head.pipeline}
    usual = (root_head.pipeline if root_head else "") or project.name
    common = () if root_head is None or not root_head.defaults.model_fields_set else (root_head.defaults,)
    drafts = []
    for each in yaml:
        pipeline = each.head.pipeline or usual
        own = each.head.defaults
        chain = common if each.head is root_head or not own.model_fields_set else (own, *common)
        drafts += [replace(draft, pipeline=pipeline, defaults=chain) for draft in each.drafts]
    of_python = next(iter(said)) if len(said) == 1 else usual
    for spec in result.specs:
        if spec.kind == "schedule" or is_check(spec):
            continue
        line = sources.line(Place(spec.file, spec.line))
        draft = spec_draft(spec, line, of_python, problems)
        if draft is not None:
            drafts.append(replace(draft, defaults=common))
    return drafts


# ---- the Python loader -----------------------------------------------------------------------


def _request(
    project: Project,
    found: Found,
    yaml: Iterable[YamlFile],
    interpreter: str,
    store: Path | None,
    time_limit: float,
) -> PythonRequest:
    calls: dict[Call, None] = {}
    for each in yaml:
        for draft in each.drafts:
            if isinstance(action := draft.action, PythonAction):
                calls[Call(action.module, action.function, action.folder)] = None
        calls.update(dict.fromkeys(hook_calls(hooks_of([each], each.drafts))))
    return PythonRequest(
        root=str(project.root),
        files=found.python,
        calls=tuple(calls),
        interpreter=interpreter,
        code_folder=str(store / CODE_FOLDER) if store is not None else None,
        time_limit=time_limit,
    )


def _not_loaded(asked: PythonRequest) -> tuple[str, ...]:
    """The project's files that `asked` would run: those that define, then those of the functions that steps call."""
    root = Path(asked.root)
    named = (
        posixpath.normpath(posixpath.join(call.folder, call.module.replace(".", "/") + ending))
        for call in asked.calls
        for ending in (".py", "/__init__.py")
    )
    return tuple(dict.fromkeys((*asked.files, *(file for file in named if (root / file).is_file()))))


def _failures(
    result: PythonResult, sources: Sources
) -> tuple[list[Problem], Mapping[CallKey, Signature | LoadFailure]]:
    """Failures with a place of their own, each once, and the calls. A call that failed for no line of the
    project's keeps an empty file: it is told where it was asked for."""
    own: dict[LoadFailure, None] = dict.fromkeys(result.failures)
    calls: dict[CallKey, Signature | LoadFailure] = {}
    for key, answer in result.calls.items():
        if isinstance(answer, LoadFailure):
            if answer.traceback and sources.line(Place(answer.file, answer.line)) is not None:
                own[answer] = None
            else:
                answer = replace(answer, file="")
        calls[key] = answer
    problems = {}
    for failure in own:
        file = posixpath.normpath(failure.file) if failure.file else ""
        place = Place(file, failure.line, failure.column)
        problems[place, failure.message] = Problem(failure.message, place, "", sources.line(place))
    return list(problems.values()), calls
