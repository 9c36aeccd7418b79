"""What is out of date, why, and what a run would do about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from bakehouse.core.graph.graph import Graph
from bakehouse.core.model import (
    Asset,
    Attempt,
    CodeKey,
    Damage,
    Definitions,
    Input,
    Materialization,
    Node,
    PythonAction,
    ReasonKind,
    Recorded,
    ShellAction,
    State,
    StepRecord,
    Stored,
    Task,
)
from bakehouse.core.plan import (
    Facts,
    Survey,
    make_plan,
    root_causes,
    static_key,
    step_key,
    still_holds,
    take_survey,
)
from bakehouse.core.plan.survey import input_versions

K = ReasonKind
SOURCES = ("wet", "dry", "chips")


def cookies(**changes: Task) -> Definitions:
    def task(name: str, *needs: str, **more: object) -> Task:
        action = PythonAction("recipes", name)
        code = CodeKey(f"code of {name}", {f"recipes.{name}": "1"}, {"sugar": "1.0"})
        inputs = tuple(Input(n, n) for n in needs)
        return Task(name, action, inputs=inputs, outputs=(name,), code=code, **more)  # type: ignore[arg-type]

    tasks = {
        "dough": task("dough", "wet", "dry"),
        "chip_dough": task("chip_dough", "dough", "chips"),
        "cookies": task("cookies", "chip_dough"),
        "taste": Task("taste", ShellAction("true"), after=("cookies",)),
    } | changes
    assets = {name: Asset(name) for name in SOURCES}
    assets |= {name: Asset(name, task=task.name) for task in tasks.values() for name in task.outputs}
    return Definitions("/", assets, tasks, python_version="3.11.7")


def facts(definitions: Definitions, recorded: Recorded, now: float = 0.0, **sources: str | None) -> Facts:
    keys = {n: static_key(t, {}, definitions.python_version) for n, t in definitions.tasks.items()}
    return Facts(Graph(definitions), recorded, dict.fromkeys(SOURCES, "v1") | sources, keys, now)


def baked(definitions: Definitions, **versions: str) -> Recorded:
    """What the store knows after everything was made once; `versions` are data versions by asset."""
    seen: Recorded = Recorded()
    for name, task in ((n, definitions.tasks[n]) for n in Graph(definitions).task_order):
        known: dict[str, str] = {n: "v1" for n in SOURCES}
        known |= {a: m.value.version for a, m in seen.materializations.items()}
        inputs = {k: v for k, v in input_versions(task, known, seen.steps).items() if v is not None}
        key = step_key(static_key(task, {}, definitions.python_version), inputs)
        made: Mapping[str, Materialization] = {
            a: Materialization(
                a, name, Stored("json", "d", 1, versions.get(a, f"{a}-1"), b"1"), "run", 1, 0.0, 0.5
            )
            for a in task.outputs
        }
        record = StepRecord(name, key, f"{name}-record", "run", 1, 0.0, 0.5, task.outputs)
        seen = replace(
            seen,
            materializations={**seen.materializations, **made},
            steps={**seen.steps, name: record},
            durations={**seen.durations, name: (0.5, 1.5, 1.0)},
            digests={**seen.digests, name: key.digest},
        )
    return seen


def kinds(survey: Survey, task: str) -> list[ReasonKind]:
    return [reason.kind for reason in survey.reasons.get(task, ())]


def actions(survey: Survey, *targets: str, force: bool = False) -> dict[str, str]:
    return {s.task: s.action for s in make_plan(survey, targets or None, force=force).steps}


def test_nothing_was_ever_made() -> None:
    survey = take_survey(facts(cookies(), Recorded()))
    assert kinds(survey, "dough") == [K.NEVER_MATERIALIZED]
    assert kinds(survey, "cookies") == [K.NEVER_MATERIALIZED, K.UPSTREAM_STALE]
    assert survey.states[Node("asset", "cookies")] is State.NEVER
    assert survey.states[Node("asset", "wet")] is State.SOURCE
    assert set(actions(survey).values()) == {"run"}


def test_everything_is_fresh_after_it_was_made() -> None:
    survey = take_survey(facts(cookies(), baked(cookies())))
    assert survey.reasons == {}
    assert set(actions(survey).values()) == {"reuse"}
    assert survey.states[Node("task", "taste")] is State.FRESH


@pytest.mark.parametrize("changed", ["", "dough", "cookies"])
@pytest.mark.parametrize("source", ["v1", "v2", None])
def test_a_key_with_the_recorded_digest_is_judged_as_by_its_parts(changed: str, source: str | None) -> None:
    definitions = cookies()
    recorded = baked(definitions)
    if changed:
        task = replace(definitions.tasks[changed], params={"grams": 2})
        definitions = replace(definitions, tasks={**definitions.tasks, changed: task})
    by_digest = take_survey(facts(definitions, recorded, wet=source))
    by_parts = take_survey(facts(definitions, replace(recorded, digests={}), wet=source))
    assert by_digest.reasons == by_parts.reasons and by_digest.states == by_parts.states


def test_a_survey_holds_until_a_fact_changes_and_never_for_what_ages() -> None:
    first = facts(cookies(), baked(cookies()))
    survey = take_survey(first)
    assert still_holds(survey, replace(first, now=9.0))
    assert not still_holds(survey, replace(first, sources={**first.sources, "wet": "v2"}))
    assert not still_holds(survey, replace(first, recorded=replace(first.recorded)))
    ages = cookies()
    dough = replace(ages.assets["dough"], max_age=5.0)
    aged = facts(replace(ages, assets={**ages.assets, "dough": dough}), baked(ages))
    assert not still_holds(take_survey(aged), replace(aged, now=9.0))


def test_changed_code_is_named_and_what_follows_knows_whom_it_waits_for() -> None:
    before = cookies()
    dough = replace(before.tasks["dough"], code=CodeKey("other", {"recipes.dough": "2"}, {"sugar": "1.0"}))
    survey = take_survey(facts(cookies(dough=dough), baked(before)))
    (reason,) = survey.reasons["dough"]
    assert (reason.kind, reason.detail, reason.old, reason.new) == (
        K.CODE_CHANGED,
        "recipes.dough changed",
        "1",
        "2",
    )
    assert kinds(survey, "chip_dough") == [K.UPSTREAM_STALE]
    assert kinds(survey, "taste") == [K.UPSTREAM_STALE]
    assert [c.path for c in root_causes(survey, Node("asset", "cookies"))] == [
        ("cookies", "chip_dough", "dough")
    ]


def test_another_python_is_told_once_and_not_as_changed_code() -> None:
    before = cookies()
    code = CodeKey("other", {"recipes.dough": "2"}, {"sugar": "1.0"})
    after = replace(cookies(dough=replace(before.tasks["dough"], code=code)), python_version="3.12.1")
    survey = take_survey(facts(after, baked(before)))
    (reason,) = survey.reasons["dough"]
    assert (reason.kind, reason.old, reason.new) == (K.ENV_CHANGED, "3.11", "3.12")


@pytest.mark.parametrize(
    ("change", "kind", "detail"),
    [
        ({"params": {"heat": 200}}, K.CONFIG_CHANGED, "params.heat is new"),
        ({"env": {"OVEN": "hot"}}, K.ENV_CHANGED, "OVEN is new"),
        ({"code_version": "2"}, K.CODE_CHANGED, "code_version is new"),
    ],
)
def test_each_part_of_the_key_is_told_by_name(
    change: dict[str, object], kind: ReasonKind, detail: str
) -> None:
    before = cookies()
    after = cookies(dough=replace(before.tasks["dough"], **change))  # type: ignore[arg-type]
    reason = take_survey(facts(after, baked(before))).reasons["dough"][0]
    assert (reason.kind, reason.detail) == (kind, detail)


def test_a_declared_secret_is_in_the_key_only_as_a_digest() -> None:
    task = replace(cookies().tasks["dough"], env={"PASSWORD": "hunter2"})
    assert "hunter2" not in str(static_key(task, {}, "3.11"))


def test_a_changed_source_is_told_and_one_that_is_gone_keeps_its_users_from_running() -> None:
    changed = take_survey(facts(cookies(), baked(cookies()), wet="v2"))
    (reason,) = changed.reasons["dough"]
    assert (reason.kind, reason.key, reason.old, reason.new) == (K.INPUT_CHANGED, "wet", "v1", "v2")
    gone = take_survey(facts(cookies(), baked(cookies()), wet=None))
    assert set(actions(gone).values()) == {"skip"}, "nor what needs them, however far below"
    plan = make_plan(gone, force=True)
    assert {step.reasons for step in plan.steps} == {gone.missing["dough"]}, (
        "the source is the root of all of it"
    )
    assert plan.counts == {"run": 0, "reuse": 0, "skip": 4}
    both = make_plan(take_survey(facts(cookies(), baked(cookies()), wet=None, chips=None)), ["chip_dough"])
    assert [[reason.key for reason in step.reasons] for step in both.steps] == [["wet"], ["chips", "wet"]]
    beside = take_survey(facts(cookies(), baked(cookies()), chips=None))
    assert actions(beside) == {"dough": "reuse"} | dict.fromkeys(("chip_dough", "cookies", "taste"), "skip")


def test_an_upstream_made_again_with_the_same_value_leaves_the_rest_fresh() -> None:
    recorded = baked(cookies())
    again = replace(recorded.steps["dough"], version="another success")
    survey = take_survey(facts(cookies(), replace(recorded, steps={**recorded.steps, "dough": again})))
    assert survey.reasons == {}


def test_a_task_that_only_comes_after_follows_each_success_of_the_other() -> None:
    recorded = baked(cookies())
    again = replace(recorded.steps["cookies"], version="another success")
    survey = take_survey(facts(cookies(), replace(recorded, steps={**recorded.steps, "cookies": again})))
    assert kinds(survey, "taste") == [K.INPUT_CHANGED]


def test_a_lost_or_damaged_value_is_made_again() -> None:
    recorded = replace(baked(cookies()), damage={"dough": Damage.MISSING, "cookies": Damage.DAMAGED})
    survey = take_survey(facts(cookies(), recorded))
    assert kinds(survey, "dough") == [K.VALUE_MISSING]
    assert kinds(survey, "cookies") == [K.VALUE_DAMAGED, K.UPSTREAM_STALE]


def test_a_value_that_another_task_has_replaced_is_not_the_tasks_own() -> None:
    recorded = baked(cookies())
    replaced = replace(recorded.materializations["dough"], task="knead")
    made = {**recorded.materializations, "dough": replaced}
    survey = take_survey(facts(cookies(), replace(recorded, materializations=made)))
    (reason,) = survey.reasons["dough"]
    assert (reason.kind, reason.old, reason.new) == (K.VALUE_MISSING, "knead", "dough")


def test_what_is_too_old_is_expired() -> None:
    definitions = cookies()
    aging = replace(
        definitions, assets={**definitions.assets, "dough": Asset("dough", task="dough", max_age=60.0)}
    )
    assert take_survey(facts(aging, baked(definitions), now=59.0)).reasons == {}
    assert kinds(take_survey(facts(aging, baked(definitions), now=61.0)), "dough") == [K.EXPIRED]


def test_a_failed_attempt_is_a_reason_and_a_state_but_takes_no_value_away() -> None:
    recorded = baked(cookies())
    failed = Attempt("dough", "run", 1, "failed", 1.0, 2.0, "ValueError: burnt")
    survey = take_survey(facts(cookies(), replace(recorded, attempts={"dough": failed})))
    (reason,) = survey.reasons["dough"]
    assert (reason.kind, reason.detail) == (K.FAILED_LAST_TIME, "ValueError: burnt")
    assert survey.states[Node("asset", "dough")] is State.FAILED
    assert survey.versions["dough"] == "dough-1"


def test_a_cancelled_attempt_is_the_word_only_while_another_attempt_is_all_that_is_wanting() -> None:
    cancelled = {"dough": Attempt("dough", "run", 1, "cancelled", 1.0, 2.0)}

    def state(recorded: Recorded, wet: str | None) -> State:
        survey = take_survey(facts(cookies(), replace(recorded, attempts=cancelled), wet=wet))
        return survey.states[Node("task", "dough")]

    assert state(Recorded(), "v1") is State.CANCELLED
    assert state(baked(cookies()), "v2") is State.CANCELLED
    assert state(baked(cookies()), "v1") is State.FRESH, "its value is what it would be"
    assert state(baked(cookies()), None) is State.STALE, "what is wanting is the source"
    assert state(Recorded(), None) is State.NEVER


def test_a_source_that_is_missing_is_told_of_it_and_once_of_who_needs_it() -> None:
    survey = take_survey(facts(cookies(), baked(cookies()), wet=None))
    states = {name: survey.states[Node("asset", name)] for name in SOURCES}
    assert states == {"wet": State.MISSING, "dry": State.SOURCE, "chips": State.SOURCE}
    assert State.MISSING.kind == "source", "documents keep to the list of states"
    assert [reason.key for reason in survey.of(Node("asset", "wet"))] == ["wet"]
    assert [reason.key for reason in survey.of(Node("task", "dough"))] == ["wet"]


def test_an_upstream_is_called_out_of_date_only_if_it_was_ever_made() -> None:
    def told(survey: Survey, task: str) -> list[str]:
        return [r.detail for r in survey.reasons[task] if r.kind is K.UPSTREAM_STALE]

    never = take_survey(facts(cookies(), Recorded()))
    assert (told(never, "cookies"), told(never, "taste")) == (
        ["chip_dough was never made"],
        ["cookies has never run"],
    )
    changed = take_survey(facts(cookies(), baked(cookies()), wet="v2"))
    assert (told(changed, "cookies"), told(changed, "taste")) == (
        ["chip_dough is out of date"],
        ["cookies is out of date"],
    )


def test_a_plan_for_one_node_holds_it_and_what_it_needs() -> None:
    survey = take_survey(facts(cookies(), Recorded()))
    assert list(actions(survey, "chip_dough")) == ["dough", "chip_dough"]


def test_a_forced_step_runs_and_so_does_what_follows_inside_the_plan() -> None:
    survey = take_survey(facts(cookies(), baked(cookies())))
    plan = make_plan(survey, {"dough"}, force=True)
    assert [(s.task, s.action, s.reasons[0].kind) for s in plan.steps] == [("dough", "run", K.FORCED)]
    assert actions(survey, "chip_dough", force=True) == {"dough": "reuse", "chip_dough": "run"}


def test_the_estimate_is_the_median_of_the_steps_own_history() -> None:
    survey = take_survey(facts(cookies(), baked(cookies())))
    assert make_plan(survey, {"dough"}, force=True).steps[0].estimate == 1.0
