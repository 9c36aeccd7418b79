"""The selection language: what each form means, how it is completed, and what a mistake is told."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakehouse.core.graph.graph import Graph
from bakehouse.core.model import Definitions, Node, ShellAction, SqlAction, State
from bakehouse.core.problems import ProblemError
from bakehouse.core.selection import SelectionError, complete, join, parse, select
from bakehouse.core.selection.problem import quoted

Define = Callable[..., Definitions]


@pytest.fixture(scope="module")
def flights(define: Define) -> Graph:
    return Graph(
        define(
            {
                "clean": {"inputs": ["raw_flights"], "outputs": ["flights"], "action": SqlAction("select 1")},
                "join_weather": {"inputs": ["flights", "raw_weather"], "outputs": ["joined"]},
                "delays": {
                    "inputs": ["joined"],
                    "outputs": ["delays"],
                    "tags": ["daily"],
                    "owners": ["ada@home"],
                },
                "render": {
                    "inputs": ["delays"],
                    "outputs": ["report", "chart"],
                    "group": "marts",
                    "pipeline": "out",
                },
                "send_email": {
                    "inputs": ["report"],
                    "action": ShellAction("mail"),
                    "tags": ["loud"],
                    "pipeline": "out",
                },
                "celebrate": {"after": ["send_email"]},
            },
            {
                "raw_flights": {"group": "raw", "tags": ["daily", "big"]},
                "raw_weather": {"group": "raw"},
                "joined": {"internal": True},
            },
        )
    )


STATES = {
    Node("asset", "delays"): State.STALE,
    Node("asset", "flights"): State.FRESH,
    Node("task", "send_email"): State.STALE,
}


def chosen(text: str, graph: Graph, states: Mapping[Node, State] = STATES) -> str:
    """What is selected, sorted, in one line."""
    return " ".join(sorted(node.name for node in select(text, graph, states)))


MAIL = ShellAction("mail")
EVERYTHING = "celebrate chart delays flights joined raw_flights raw_weather report send_email"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("delays", "delays"),
        ("+delays", "delays flights joined raw_flights raw_weather"),
        ("delays+", "celebrate chart delays report send_email"),
        ("1+delays", "delays flights joined raw_weather"),
        ("2+delays", "delays flights joined raw_flights raw_weather"),
        ("delays+1", "chart delays report"),
        ("delays+2", "celebrate chart delays report send_email"),
        ("1+delays+1", "chart delays flights joined raw_weather report"),
        ("+delays+", EVERYTHING),
        ("0+delays+0", "delays"),
        ("*", EVERYTHING),
        ("raw_*", "raw_flights raw_weather"),
        ('key:"raw_*"', "raw_flights raw_weather"),
        ("key:delays", "delays"),
        ("+key:flights", "flights raw_flights"),
        ("?oined", "joined"),
        ("group:raw", "raw_flights raw_weather"),
        ("group:marts", "chart report"),
        ("group:now*", ""),
        ("tag:daily", "delays raw_flights"),
        ("tag:d*", "delays raw_flights"),
        ("tag:loud", "send_email"),
        ("owner:ada@home", "delays"),
        ("pipeline:out", "send_email"),
        ("kind:sql", "flights"),
        ("kind:shell", "send_email"),
        ("kind:python", "celebrate chart delays joined report"),
        ("kind:source", "raw_flights raw_weather"),
        ("state:stale", "delays send_email"),
        ("state:running", ""),
        ("state:stale+", "celebrate chart delays report send_email"),
        ("sources()", "raw_flights raw_weather"),
        ("roots()", "raw_flights raw_weather"),
        ("sinks()", "celebrate chart"),
        ("1+sinks()", "celebrate chart delays send_email"),
        ("sources()+1", "delays flights joined raw_flights raw_weather"),
        ("render", "chart report"),
        ("task:render", "chart report"),
        ("task:r*", "chart report"),
        ("send_email", "send_email"),
        ("1+send_email", "report send_email"),
        ("+task:send_email and kind:source", "raw_flights raw_weather"),
        ("report or chart", "chart report"),
        ("report chart", "chart report"),
        ("raw_* and not raw_weather", "raw_flights"),
        ("RAW_* OR delays", "delays"),
        ("tag:daily AND NOT group:raw", "delays"),
        ("not not delays", "delays"),
        ("not (kind:source or kind:python)", "flights send_email"),
        ("raw_* and not (raw_flights or raw_x*)", "raw_weather"),
        ("delays or raw_* and tag:big", "delays raw_flights"),
        ("delays raw_* and tag:big", "delays raw_flights"),
        ("+(report or flights)", "delays flights joined raw_flights raw_weather report"),
        ("(flights)+1", "delays flights joined"),
        ("1+(flights or report)+1", "celebrate delays flights joined raw_flights report send_email"),
        ("((((delays))))", "delays"),
        ("not(raw_*)and(report)", "report"),
        ("  delays\t\n", "delays"),
        ("'delays'", "delays"),
    ],
)
def test_what_is_meant(flights: Graph, text: str, expected: str) -> None:
    assert chosen(text, flights) == expected


# ---- names -----------------------------------------------------------------------------------

ODD = [
    "data/raw orders.csv",
    "ns:name",
    "group:x",
    "libstdc++6",
    "a+",
    "2+2",
    "and",
    'say "hi"',
    "it's",
    "back\\slash",
    "f(x)",
    "task[0]",
    "naïve-café",
    "面粉",
    "what?",
    "all#0",
    "a.b-c_d",
    " edge ",
]


@pytest.fixture(scope="module")
def odd(define: Define) -> Graph:
    return Graph(define({"mix": {"inputs": ODD, "outputs": ["dough"]}}))


@pytest.mark.parametrize("name", ODD)
def test_every_name_can_be_written_in_quotes(odd: Graph, name: str) -> None:
    text = quoted(name)
    assert chosen(text, odd) == name
    assert chosen(f"{text}+1", odd) == " ".join(sorted([name, "dough"]))
    assert chosen(f"key:{quoted(name, value=True)}", odd) == name


@pytest.mark.parametrize(
    "name", ["ns:name", "libstdc++6", "a+", "2+2", "task[0]", "naïve-café", "面粉", "what?", "all#0"]
)
def test_a_name_that_looks_like_an_operator_is_still_that_name(odd: Graph, name: str) -> None:
    assert chosen(name, odd) == name
    assert chosen(f"{name}+1", odd) == " ".join(sorted([name, "dough"]))
    assert chosen(f"+{name}", odd) == name


def test_an_attribute_wins_over_a_name_that_looks_like_one(odd: Graph) -> None:
    with pytest.raises(SelectionError, match="no group is called `x`") as told:
        chosen("group:x", odd)
    assert told.value.hint == 'did you mean "group:x"?'
    assert chosen('"group:x"', odd) == "group:x"


def test_brackets_of_a_name_are_no_pattern(odd: Graph) -> None:
    assert chosen("task[*", odd) == "task[0]"
    assert chosen("ns:*", odd) == "ns:name"


def test_an_asset_and_its_task_of_one_name(define: Define) -> None:
    graph = Graph(define({"report": {"outputs": ["report", "chart"]}, "load_raw": {"outputs": ["raw"]}}))
    assert chosen("report", graph) == "report"
    assert chosen("task:report", graph) == "chart report"
    assert chosen("*_raw", graph) == "raw"
    assert chosen("r*", graph) == "raw report"


def test_what_only_comes_before_brings_all_that_it_makes(define: Define) -> None:
    graph = Graph(
        define(
            {"migrate": {"outputs": ["schema", "log"]}, "load": {"outputs": ["rows"], "after": ["migrate"]}}
        )
    )
    assert chosen("+rows", graph) == "log rows schema"
    assert chosen("schema+1", graph) == "schema"
    assert chosen("task:migrate+", graph) == "log schema"
    assert chosen("1+rows", graph) == "log rows schema"


def test_a_task_is_only_shown_if_it_makes_nothing(flights: Graph) -> None:
    for node in select("*", flights, {}):
        assert node.kind == "asset" or not flights.tasks[node.name].outputs


# ---- the words of a command line -------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["a", "b"], "a b"),
        (["a", "and", "not", "b"], "a and not b"),
        (["a and b", "c"], "a and b c"),
        (["odd name"], '"odd name"'),
        (["+odd name+2"], '+"odd name"+2'),
        (["group:my group", "x"], 'group:"my group" x'),
        (['"odd name"+'], '"odd name"+'),
        (["(a b)"], "(a b)"),
        ([], ""),
    ],
)
def test_words_of_a_shell_are_joined(words: list[str], text: str) -> None:
    assert join(words) == text


# ---- mistakes --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "column", "reason", "hint"),
    [
        ("", 1, "the selection is empty", "`*` selects everything"),
        ("   ", 4, "the selection is empty", "`*` selects everything"),
        ("delay", 1, "nothing is called `delay`", "did you mean delays?"),
        ("+delay+2", 2, "nothing is called `delay`", "did you mean delays?"),
        ("report or DELAYS", 11, "nothing is called `DELAYS`", "did you mean delays?"),
        ("xyzzy", 1, "nothing is called `xyzzy`", "`*` selects everything, `ab*` what begins with ab"),
        ("key:delay", 1, "nothing is called `delay`", "did you mean delays?"),
        ("task:rendr", 1, "no task is called `rendr`", "did you mean render?"),
        ("gruop:raw", 1, "there is no attribute `gruop:`", "did you mean group:raw?"),
        ("tags:d*", 1, "there is no attribute `tags:`", "did you mean tag:d*?"),
        ("status:stale", 1, "there is no attribute `status:`", "did you mean state:stale?"),
        ("state:stael", 1, "there is no state `stael`", "did you mean stale?"),
        ("group:martz", 1, "no group is called `martz`", "did you mean marts?"),
        ("delays or tag:xyzzy", 11, "no tag is called `xyzzy`", "there are big, daily, loud"),
        ("kind:cobol", 1, "no kind is called `cobol`", "there are source, python, shell, sql"),
        ("group:", 7, "a value is missing after `group:`", ""),
        ("source()", 1, "there is no function `source()`", "did you mean sources()?"),
        ("sources(x)", 8, "`sources()` takes nothing between its brackets", ""),
        ("a and", 6, "a name is missing here", ""),
        ("a and or b", 7, "a name is missing before `or`", 'for one called or write "or"'),
        ("or b", 1, "a name is missing before `or`", 'for one called or write "or"'),
        ("not", 4, "a name is missing here", ""),
        ("a or (b and c", 6, "this bracket is not closed", ""),
        ("a) or b", 2, "this bracket was never opened", ""),
        ("()", 2, "a name is missing here", ""),
        ("(a)b", 4, "a space is missing here", ""),
        ("+ a", 1, "a name is missing beside this `+`", "write +name or name+"),
        ('a or "b', 6, "this quote is not closed", "close it, or write \\ before it"),
    ],
)
def test_a_mistake_is_shown_at_its_place(
    flights: Graph, text: str, column: int, reason: str, hint: str
) -> None:
    with pytest.raises(SelectionError) as told:
        select(text, flights, {})
    assert (told.value.reason, told.value.column, told.value.hint) == (reason, column, hint)
    assert isinstance(told.value, ProblemError) and told.value.exit_code == 2


def test_the_whole_message(flights: Graph) -> None:
    with pytest.raises(SelectionError) as told:
        select("tag:daily and +delay", flights, {})
    assert str(told.value) == (
        "nothing is called `delay`\n  tag:daily and +delay\n                 ^\ndid you mean delays?"
    )


def test_the_caret_stands_right_behind_wide_characters_and_in_long_texts(flights: Graph) -> None:
    with pytest.raises(SelectionError) as told:
        select("'面粉*' and nowhere", flights, {})
    assert str(told.value).splitlines()[2] == "  " + " " * 12 + "^"
    with pytest.raises(SelectionError) as told:
        select("delays or " * 1000 + "nowhere", flights, {})
    _, line, caret, _ = str(told.value).splitlines()
    assert line[caret.index("^") :].startswith("nowhere") and len(line) < 80


@pytest.mark.case("X11")
def test_nesting_up_to_a_hundred_and_no_further(flights: Graph) -> None:
    assert chosen("(" * 100 + "delays" + ")" * 100, flights) == "delays"
    assert chosen("not (" * 100 + "delays" + ")" * 100, flights) == "delays"
    with pytest.raises(SelectionError, match="nested more than 100 deep"):
        parse("(" * 101 + "delays" + ")" * 101)
    with pytest.raises(SelectionError, match="nested more than 100 deep"):
        parse("+(" * 100_000)


@pytest.mark.case("X11")
def test_long_selections_need_no_deep_stack(flights: Graph) -> None:
    assert chosen("not " * 100_000 + "delays", flights) == "delays"
    assert chosen(" or ".join(["delays"] * 20_000), flights) == "delays"
    assert chosen(" and ".join(["delays"] * 20_000), flights) == "delays"


def test_a_name_among_100_000_is_found_and_its_mistake_too(define: Define) -> None:
    graph = Graph(define({}, {f"table_{n:05}": {} for n in range(100_000)}))
    assert len(select("table_1*", graph, {})) == 10_000
    with pytest.raises(SelectionError, match="did you mean table_"):
        select("tabel_77777", graph, {})


WORDS = [
    "delays",
    "raw_*",
    "+",
    "2+",
    "and",
    "or",
    "not",
    "group:raw",
    "state:stale",
    "sinks()",
    *"()\"' :é\\",
]


@pytest.mark.case("X11")
@given(st.lists(st.sampled_from(WORDS), max_size=14).map("".join) | st.text(max_size=30))
def test_any_text_is_a_selection_or_a_selection_error(flights: Graph, text: str) -> None:
    try:
        found = select(text, flights, STATES)
    except SelectionError as error:
        assert 1 <= error.column <= len(text) + 1
        assert "^" in str(error)
    else:
        assert {node.name for node in found} <= set(EVERYTHING.split())


names = st.text(st.characters(blacklist_categories=("Cs", "Cc")), min_size=1, max_size=12)


@given(st.lists(names, min_size=1, max_size=5, unique=True))
def test_any_name_survives_quoting(define: Define, many: list[str]) -> None:
    graph = Graph(define({}, {name: {} for name in many}))
    for name in many:
        assert chosen(quoted(name), graph) == name
        assert chosen(f"+{quoted(name)}+3", graph) == name
        assert chosen(f"key:{quoted(name, value=True)}", graph) == name
        assert quoted(name) in complete("", graph)


# ---- completion ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("del", ["delays"]),
        ("DEL", ["delays"]),
        ("raw_", ["raw_flights", "raw_weather"]),
        ("+raw_f", ["+raw_flights"]),
        ("2+raw_f", ["2+raw_flights"]),
        ("not (raw_w", ["raw_weather"]),
        ("state:re", ["state:reused"]),
        ("+group:", ["+group:marts", "+group:raw"]),
        ("tag:", ["tag:big", "tag:daily", "tag:loud"]),
        ("kind:s", ["kind:shell", "kind:source", "kind:sql"]),
        ("owner:a", ["owner:ada@home"]),
        ("task:ren", ["task:render"]),
        ("key:repo", ["key:report"]),
        ("gro", ["group:"]),
        ("sou", ["sources()"]),
        ("eather", ["raw_weather", "join_weather"]),
        ("delays a", ["and"]),
    ],
)
def test_completion(flights: Graph, text: str, expected: list[str]) -> None:
    assert complete(text, flights)[: len(expected)] == expected


def test_completion_knows_where_an_operator_can_stand(flights: Graph) -> None:
    assert complete("", flights)[0] == "not"
    assert complete("delays ", flights)[:2] == ["and", "or"]
    assert complete("delays and ", flights)[0] == "not"


def test_completion_quotes_what_must_be_quoted(odd: Graph) -> None:
    assert complete("data", odd) == ['"data/raw orders.csv"']
    assert complete('"data/raw o', odd) == ['"data/raw orders.csv"']
    assert complete("key:ns", odd) == ["key:ns:name"]


def test_completion_is_bounded(define: Define) -> None:
    graph = Graph(define({}, {f"table_{n:05}": {} for n in range(5_000)}))
    assert len(complete("", graph)) == 100
    assert complete("tab", graph, 3) == ["table_00000", "table_00001", "table_00002"]
