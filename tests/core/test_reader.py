"""The YAML reader: what it reads, what it refuses, and that nothing makes it fall over."""

from __future__ import annotations

import json
import os
import resource
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakehouse.core.load.document import Document
from bakehouse.core.load.files import read_file
from bakehouse.core.load.reader import MOST_DEPTH, read_yaml
from bakehouse.core.problems import DefinitionError

SAMPLE = b"""\
pipeline: cookies
assets:
  wet_ingredients: {group: raw, description: "eggs, butter, sugar"}
  flour: {file: data/flour.csv}
  dough:
    deps: &deps [wet_ingredients, flour]
    shell: |
      mix "$flour" \\
        > "$OUTPUT"
  bread: {deps: *deps, sql: 'select 1', retries: 3, timeout: 2.5}
  caf\xc3\xa9: {}
"""


def read(text: str | bytes) -> Document:
    return read_yaml(text if isinstance(text, bytes) else text.encode(), "bakery.yaml")


def complaint(text: str | bytes) -> str:
    """The first line of what is wrong with `text`."""
    problems = read(text).problems
    assert problems, "nothing was found to be wrong"
    assert all(problem.place.file == "bakery.yaml" for problem in problems)
    return str(problems[0]).splitlines()[0].removeprefix("bakery.yaml:")


@pytest.mark.case("D4")
@pytest.mark.parametrize(
    ("written", "meant"),
    [
        *((word, word) for word in ("no", "on", "off", "yes", "y", "NO", "No", "tRUE", "nULL")),
        *((word, word) for word in ("12:30", "12:30:45", "017", "00", "-017", "1_000", "0b11", "0x", "0o8")),
        *(
            (word, word)
            for word in ("2026-11-22", "2026-11-22 10:00:00", "=", "1.2.3", "1e", "+", "-.", "e3")
        ),
        *((word, None) for word in ("", "~", "null", "Null", "NULL")),
        *((word, True) for word in ("true", "True", "TRUE")),
        *((word, False) for word in ("false", "False", "FALSE")),
        *(("0", 0), ("-17", -17), ("+4", 4), ("0x1F", 31), ("0o17", 15)),
        *(("1e3", 1000.0), ("1.", 1.0), (".5", 0.5), ("-2.5E-3", -0.0025), ("1.0", 1.0), ("0.10", 0.1)),
        *(("'1'", "1"), ('"true"', "true"), ("! 12", "12"), ("!!str 017", "017"), ("!!float 3", 3.0)),
        *(("!!int 3", 3), ("!!null ~", None), ("!!seq [1]", [1]), ("!!map {a: 1}", {"a": 1})),
    ],
)
def test_a_value_is_what_its_author_meant(written: str, meant: object) -> None:
    document = read(f"value: {written}\n").checked()

    value = document.data["value"]
    assert (value, type(value)) == (meant, type(meant))


@pytest.mark.parametrize("number", [".inf", "-.INF", ".nan", "1e999", "9" * 5000, "0x" + "f" * 5000])
def test_a_number_that_is_no_finite_number_is_refused(number: str) -> None:
    assert complaint(f"a:\n  retries: {number}\n").startswith("2:12: ")


@pytest.mark.case("D10")
@pytest.mark.parametrize("name", ["1", "true", "1.0", "null", "~", "-3", "0x1F", "[a, b]", "{a: b}", ""])
def test_a_name_must_be_a_string(name: str) -> None:
    text = f"assets:\n  ? {name}\n  : {{}}\n  flour: {{}}\n"

    assert "a name must be a string, not" in complaint(text)
    assert read(text).data == {"assets": {"flour": {}}}


def test_a_name_that_is_no_string_comes_with_the_way_to_write_it() -> None:
    assert complaint("assets:\n  true: {}\n") == '2:3: a name must be a string, not true (quote it: "true")'


@pytest.mark.parametrize("name", ["no", "on", "2026-11-22", "=", "12:30", '"1"', "'null'", '"<<"', "017"])
def test_what_looks_odd_to_yaml_1_1_may_be_a_name(name: str) -> None:
    assert read(f"{name}: 1").checked().data == {name.strip("\"'"): 1}


@pytest.mark.case("D3")
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\nb: 2\na: 3\n", "3:1: the key 'a' stands here twice: first on line 1"),
        ("a:\n  b:\n    c: 1\n    c: 2\n", "4:5: the key 'c' stands here twice: first on line 3"),
        ("a: [x, {c: 1, c: 2}]\n", "1:15: the key 'c' stands here twice: first on line 1"),
        ("a: &k b\n*k : 1\nb: 2\n", "3:1: the key 'b' stands here twice: first on line 2"),
    ],
)
def test_a_key_that_stands_twice_is_refused_with_both_lines(text: str, said: str) -> None:
    assert complaint(text) == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: &x {b: 1}\nc:\n  <<: *x\n", "merge keys are not supported"),
        ("a: !!python/object/apply:os.system [id]\n", "the tag '!!python/object/apply:os.system' is not"),
        ("a: !!binary aGk=\n", "the tag '!!binary' is not"),
        ("a: !custom 1\n", "the tag '!custom' is not"),
        ("a: !!int x\n", "'x' is no int"),
        ("a: 1\n---\nb: 2\n", "a second document begins here"),
        ("a: *nowhere\n", "the alias *nowhere names nothing above it"),
        ("a: &a [*a]\n", "the alias *a stands inside of what it names"),
        ("a: &an:chor b\n", "this anchor has a character other than"),
        ("a:\n\t- b\n", "indent with spaces, not with tabs"),
        ("a: b: c\n", "quote a text that has ': ' in it"),
        ("a: @b\n", "quote a text that begins with this character"),
        ("a: [b\n", "this is not YAML"),
        (b"a: \xff\n", "1:4: this is not UTF-8"),
        (b"a:\n- b\n- caf\xe9\n", "3:6: this is not UTF-8"),
        ("a: \x00\n", "control characters are not allowed"),
        ("ok: 1\na: \x1b[31m\n", "2:4: this is not YAML: control characters are not allowed"),
        ('a: "\\ud800"\n', "this is not YAML"),
    ],
)
def test_what_is_refused_says_why_and_where(text: str | bytes, said: str) -> None:
    assert said in complaint(text)


def test_a_problem_shows_its_line_with_a_caret_and_without_controls() -> None:
    (problem,) = read('a: "\u202e\t\u00e9" x\n').problems

    *_, line, caret = str(problem).split("\n")
    assert line == '    1 | a: "\ufffd é" x'
    assert caret.index("^") == line.index("x")


def test_a_byte_order_mark_and_every_line_ending_are_read() -> None:
    assert read(b"\xef\xbb\xbfa: 1\r\nb: 2\rc: 3\n").checked().data == {"a": 1, "b": 2, "c": 3}


def test_an_empty_file_holds_nothing() -> None:
    assert read("").checked().data is None
    assert read("# only a comment\n").checked().data is None


def test_aliases_stand_for_what_they_name() -> None:
    document = read(SAMPLE).checked()

    assert document.data["assets"]["bread"]["deps"] == ["wet_ingredients", "flour"]


def test_every_key_and_value_has_its_mark() -> None:
    document = read("assets:\n  flour: {file: x,\n    tags: [a, b]}\n  'b c': {}\n")

    assert document.mark("assets", "flour", key=True) == (2, 3)
    assert document.mark("assets", "flour", "file") == (2, 17)
    assert document.mark("assets", "flour", "tags", 1) == (3, 15)
    assert document.mark("assets", "b c", key=True) == (4, 3)
    assert document.mark("assets", "flour", "nowhere") == (2, 10)


def laughs(levels: int) -> str:
    lines = ["l0: &l0 [lol,lol,lol,lol,lol,lol,lol,lol,lol,lol]"]
    lines += [f"l{n}: &l{n} [{','.join([f'*l{n - 1}'] * 9)}]" for n in range(1, levels)]
    return "\n".join(lines)


BOMBS = {
    "billion laughs": laughs(9),
    "laughs in mappings": "a: &a {x: 1}\n"
    + "\n".join(f"b{n}: &b{n} {{p: *{'a' if not n else f'b{n - 1}'}, q: *a}}" for n in range(40))
    + "\n"
    + "\n".join(f"c{n}: [{', '.join(['*b39'] * 99)}]" for n in range(99)),
    "merge bomb": "a0: &a0 {k: v}\n"
    + "\n".join(f"a{n}: &a{n} {{<<: [{','.join([f'*a{n - 1}'] * 9)}]}}" for n in range(1, 30)),
    "one long text a thousand times": f"a: &a {'x' * 100_000}\nb: [{','.join(['*a'] * 1000)}]",
    "deep list": "[" * 50_000,
    "deep mapping": "{a: " * 50_000,
    "deep block": "\n".join(" " * n + "a:" for n in range(3000)),
    "deep and closed": "[" * 1_000_000 + "]" * 1_000_000,
    "cycle": "a: &a {b: *a}",
    "cycle through a key": "&a [*a, &b {*b : *a}]",
}


@pytest.mark.case("D1", "D2")
@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS.keys())
def test_a_bomb_is_refused_before_it_goes_off(bomb: str) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    complaint(bomb)

    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 50 * 1024, f"{grown} KiB more"


@pytest.mark.case("D2")
def test_the_deepest_that_is_read() -> None:
    deep = "[" * MOST_DEPTH + "]" * MOST_DEPTH
    assert read(deep).checked().data is not None
    assert f"more than {MOST_DEPTH} levels deep" in complaint(f"[{deep}]")


@pytest.mark.case("D1")
def test_many_honest_keys_and_aliases_are_read() -> None:
    text = "base: &base {retries: 3, tags: [a, b]}\nassets:\n"
    text += "".join(f"  a{n}: {{params: *base, shell: echo}}\n" for n in range(5000))

    assert len(read(text).checked().data["assets"]) == 5000


@pytest.mark.case("D5")
def test_a_truncated_file_is_read_or_refused_at_every_byte() -> None:
    for end in range(len(SAMPLE)):
        document = read(SAMPLE[:end])
        assert document.problems or document.data is None or isinstance(document.data, dict | str)


@given(
    st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass"))
)
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    document = read(data)
    if not document.problems:
        json.dumps(document.data, allow_nan=False).encode()


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(2**70), 2**70)
        | st.floats(allow_nan=False, allow_infinity=False),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(st.text(st.characters(min_codepoint=32, max_codepoint=126)), inner, max_size=4)
        ),
        max_leaves=20,
    )
)
def test_json_is_read_as_json(value: object) -> None:
    text = json.dumps(value, indent=1)
    document = read(text)

    assert document.checked().data == value


def test_the_yaml_test_suite(real_data: Path) -> None:
    """Right, or refused; but for one case that is read although YAML says that it is none."""
    wrong = []
    for file in json.loads((real_data / "yaml-test-suite" / "cases.json").read_text()):
        for case in file["cases"]:
            document = read(case["yaml"])
            if document.problems:
                continue
            if case.get("fail"):
                wrong.append(f"{file['id']}: {case['yaml']!r} was read as {document.data!r}")
            elif (expected := one_json(case.get("json"))) is not None and expected != document.data:
                wrong.append(f"{file['id']}: {document.data!r} instead of {expected!r}")
    assert wrong == ["DK95: 'foo: \"bar\\n\\tbaz\"\\n' was read as {'foo': 'bar baz'}"]


def one_json(text: str | None) -> object:
    try:
        return json.loads(text or "")
    except ValueError:
        return None


def test_the_json_test_suite(real_data: Path) -> None:
    refused = []
    for path in sorted((real_data / "json-test-suite").glob("*.json")):
        document = read(path.read_bytes())
        if path.name.startswith("y_"):
            if document.problems:
                refused.append(path.name)
            else:
                assert document.data == json.loads(path.read_bytes()), path.name
        elif not document.problems:
            json.dumps(document.data, allow_nan=False)
    assert refused == [
        "y_object_duplicated_key.json",
        "y_string_unescaped_char_delete.json",
        "y_string_unicode_U+1FFFE_nonchar.json",
    ]


def test_naughty_strings_stay_what_they_are(real_data: Path) -> None:
    for naughty in json.loads((real_data / "names" / "naughty-strings.json").read_text()):
        document = read(json.dumps({"assets": {naughty: {"description": naughty}}}, ensure_ascii=False))
        if not document.problems:
            assert document.data == {"assets": {naughty: {"description": naughty}}}
        plain = read(f"description: {naughty}\n")
        if not plain.problems:
            json.dumps(plain.data, allow_nan=False)


@pytest.mark.case("D11", "D2")
def test_only_regular_files_are_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / "zero.yaml").symlink_to("/dev/zero")
    (tmp_path / "folder.yaml").mkdir()
    with (tmp_path / "huge.yaml").open("wb") as huge:
        huge.truncate(10 * 2**30)

    for name, said in [
        ("pipe.yaml", "not a regular file"),
        ("zero.yaml", "not a regular file"),
        ("folder.yaml", "not a regular file"),
        ("huge.yaml", "larger than 16 MB"),
        ("absent.yaml", "No such file"),
        ("nul\0.yaml", "null (byte|character)"),
    ]:
        with pytest.raises(DefinitionError, match=said):
            read_file(tmp_path / name, name)
