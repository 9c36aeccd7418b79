"""The cookie lesson: the three graphs exactly, and what adding peanuts costs."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.pipelines.conftest import Project

Edge = tuple[str, str, str]

ONE_COOKIE = {
    "wet_ingredients": "source",
    "dry_ingredients": "source",
    "chocolate_chips": "source",
    "cookie_dough": "asset",
    "chocolate_chip_cookie_dough": "asset",
    "chocolate_chip_cookies": "asset",
}
ONE_COOKIE_EDGES = {
    ("wet_ingredients", "cookie_dough", "gather and combine ingredients"),
    ("dry_ingredients", "cookie_dough", "gather and combine ingredients"),
    ("chocolate_chips", "chocolate_chip_cookie_dough", "combine with cookie dough"),
    ("cookie_dough", "chocolate_chip_cookie_dough", "combine with cookie dough"),
    ("chocolate_chip_cookie_dough", "chocolate_chip_cookies", "bake in oven"),
}
PEANUTS = {"peanuts": "source", "peanut_cookie_dough": "asset", "peanut_cookies": "asset"}
PEANUT_EDGES = {
    ("cookie_dough", "peanut_cookie_dough", "combine with cookie dough"),
    ("peanuts", "peanut_cookie_dough", "combine with cookie dough"),
    ("peanut_cookie_dough", "peanut_cookies", "bake in oven"),
}
WORKFLOW = {
    "wet_ingredients": "source",
    "dry_ingredients": "source",
    "gather_ingredients": "task",
    "combine_ingredients": "task",
    "cookie_dough": "by-product",
    "add_chocolate_chips": "task",
    "chocolate_chip_cookie_dough": "by-product",
    "bake_in_oven": "task",
    "chocolate_chip_cookies": "asset",
}
WORKFLOW_EDGES = {
    ("wet_ingredients", "gather_ingredients"),
    ("dry_ingredients", "gather_ingredients"),
    ("gather_ingredients", "combine_ingredients"),
    ("combine_ingredients", "cookie_dough"),
    ("combine_ingredients", "add_chocolate_chips"),
    ("cookie_dough", "add_chocolate_chips"),
    ("add_chocolate_chips", "chocolate_chip_cookie_dough"),
    ("add_chocolate_chips", "bake_in_oven"),
    ("chocolate_chip_cookie_dough", "bake_in_oven"),
    ("bake_in_oven", "chocolate_chip_cookies"),
}


@pytest.fixture
def cookies(copied: Callable[[str], Project]) -> Project:
    return copied("cookies")


def nodes(listing: dict[str, Any]) -> dict[str, str]:
    """What is drawn, and as what. No key is drawn twice."""
    drawn = {n["key"]: "by-product" if n["byproduct"] else n["kind"] for n in listing["nodes"]}
    assert len(drawn) == len(listing["nodes"])
    return drawn


def labelled(listing: dict[str, Any]) -> set[Edge]:
    edges = [(edge["from"], edge["to"], edge["label"]) for edge in listing["edges"]]
    assert len(set(edges)) == len(edges)
    return set(edges)


def joined(listing: dict[str, Any]) -> set[tuple[str, str]]:
    edges = [(edge["from"], edge["to"]) for edge in listing["edges"]]
    assert len(set(edges)) == len(edges)
    return set(edges)


def with_peanuts(text: str) -> str:
    return re.sub(r"^# ", "", text, flags=re.MULTILINE)


def test_the_task_centric_workflow(cookies: Project) -> None:
    listing = cookies.ls("task", "task_centric.yaml")
    assert nodes(listing) == WORKFLOW
    assert joined(listing) == WORKFLOW_EDGES
    side = {(edge["from"], edge["to"]) for edge in listing["edges"] if edge["kind"] == "byproduct"}
    assert side == {
        ("combine_ingredients", "cookie_dough"),
        ("add_chocolate_chips", "chocolate_chip_cookie_dough"),
    }


def test_the_workflow_seen_as_assets(cookies: Project) -> None:
    listing = cookies.ls("asset", "task_centric.yaml")
    made = ["cookie_dough", "chocolate_chip_cookie_dough", "chocolate_chip_cookies"]
    assert nodes(listing) == {
        "wet_ingredients": "source",
        "dry_ingredients": "source",
        **dict.fromkeys(made, "asset"),
    }
    gathered = "gather ingredients, combine ingredients"
    assert labelled(listing) == {
        ("wet_ingredients", "cookie_dough", gathered),
        ("dry_ingredients", "cookie_dough", gathered),
        ("cookie_dough", "chocolate_chip_cookie_dough", "add chocolate chips"),
        ("chocolate_chip_cookie_dough", "chocolate_chip_cookies", "bake in oven"),
    }


@pytest.mark.parametrize("file", ["", "one_cookie.yaml"], ids=["the folder", "the file"])
def test_one_cookie_as_assets(cookies: Project, file: str) -> None:
    listing = cookies.ls("asset", file)
    assert nodes(listing) == ONE_COOKIE
    assert labelled(listing) == ONE_COOKIE_EDGES
    raw = {node["key"] for node in listing["nodes"] if node["group"] == "raw_ingredients"}
    assert raw == {"wet_ingredients", "dry_ingredients", "chocolate_chips"}
    assert listing["pipelines"] == ["cookies"]


def test_one_cookie_as_tasks(cookies: Project) -> None:
    listing = cookies.ls("task")
    expected = {key: kind for key, kind in WORKFLOW.items() if key != "gather_ingredients"}
    assert nodes(listing) == expected | {"chocolate_chips": "source"}
    without_gathering = {edge for edge in WORKFLOW_EDGES if "gather_ingredients" not in edge}
    assert joined(listing) == without_gathering | {
        ("wet_ingredients", "combine_ingredients"),
        ("dry_ingredients", "combine_ingredients"),
        ("chocolate_chips", "add_chocolate_chips"),
    }


def test_two_cookies_as_assets(cookies: Project) -> None:
    listing = cookies.ls("asset", "two_cookies.yaml")
    assert nodes(listing) == ONE_COOKIE | PEANUTS
    assert labelled(listing) == ONE_COOKIE_EDGES | PEANUT_EDGES


def test_two_cookies_as_tasks(cookies: Project) -> None:
    listing = cookies.ls("task", "two_cookies.yaml")
    one = cookies.ls("task", "one_cookie.yaml")
    assert nodes(listing) == nodes(one) | {
        "peanuts": "source",
        "add_peanuts": "task",
        "peanut_cookie_dough": "by-product",
        "bake_peanut_cookies": "task",
        "peanut_cookies": "asset",
    }
    assert joined(listing) == joined(one) | {
        ("combine_ingredients", "add_peanuts"),
        ("cookie_dough", "add_peanuts"),
        ("peanuts", "add_peanuts"),
        ("add_peanuts", "peanut_cookie_dough"),
        ("add_peanuts", "bake_peanut_cookies"),
        ("peanut_cookie_dough", "bake_peanut_cookies"),
        ("bake_peanut_cookies", "peanut_cookies"),
    }


def test_baking_makes_real_cookies(cookies: Project) -> None:
    run = cookies.materialize()
    assert run.ran == ["add_chocolate_chips", "bake_in_oven", "combine_ingredients"]
    grams = 0.0
    for shelf in ("wet_ingredients", "dry_ingredients", "chocolate_chips"):
        with (cookies.root / "pantry" / f"{shelf}.csv").open(newline="") as file:
            grams += sum(float(row["grams"]) for row in csv.DictReader(file))
    told = run.metadata("bake_in_oven")
    assert told == {"total_cookies": int(grams // 50), "baked_at": "175 °C", "baker": "Odette"}
    assert len(cookies.rows("chocolate_chip_cookies")) == told["total_cookies"]
    assert "fold" in run.lines("combine_ingredients")
    assert any(event["event"] == "progress" for event in run.events)


def test_every_definition_bakes_and_then_reuses(cookies: Project) -> None:
    for file, steps in (("task_centric.yaml", 4), ("one_cookie.yaml", 3), ("two_cookies.yaml", 5)):
        assert cookies.materialize("--force", file=file).finished["counts"]["succeeded"] == steps
        assert cookies.materialize(file=file).idle


def test_peanuts_light_three_rows_and_run_two_steps(cookies: Project) -> None:
    assert not any(node["new"] for node in cookies.ls()["nodes"])
    cookies.materialize()
    cookies.edit("one_cookie.yaml", with_peanuts)

    listing = cookies.ls()
    assert nodes(listing) == ONE_COOKIE | PEANUTS
    assert labelled(listing) == ONE_COOKIE_EDGES | PEANUT_EDGES
    assert {node["key"] for node in listing["nodes"] if node["new"]} == set(PEANUTS)
    states = {node["key"]: node["state"] for node in listing["nodes"]}
    assert {key for key, state in states.items() if state == "never"} == {
        "peanut_cookie_dough",
        "peanut_cookies",
    }
    assert not [key for key, state in states.items() if state == "stale"]

    run = cookies.materialize()
    assert run.tasks("step_started") == run.ran == ["add_peanuts", "bake_peanut_cookies"]
    assert "combine_ingredients" in run.tasks("step_reused")
    assert {row["flavour"] for row in cookies.rows("peanut_cookies")} == {"roasted peanuts"}


def test_the_peanuts_to_uncomment_are_those_of_two_cookies(cookies: Project) -> None:
    """So that what the lesson adds by hand is what it shows as the result."""
    one = with_peanuts((cookies.root / "one_cookie.yaml").read_text())
    two = (cookies.root / "two_cookies.yaml").read_text()
    assert meaningful(one) == meaningful(two)


def meaningful(text: str) -> list[str]:
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def test_a_comment_runs_nothing(cookies: Project) -> None:
    cookies.materialize()
    cookies.edit(
        "recipes.py",
        lambda text: (
            "# how grandmother did it\n" + text.replace("    total =", "    # whole ones\n    total =")
        ),
    )
    cookies.edit("one_cookie.yaml", lambda text: "## bake at home\n" + text)
    assert set(cookies.states().values()) == {"source", "fresh"}
    assert cookies.materialize().idle


def test_more_butter_makes_everything_stale_that_has_butter_in_it(cookies: Project) -> None:
    cookies.edit("one_cookie.yaml", with_peanuts)
    cookies.materialize()
    cookies.edit("pantry/wet_ingredients.csv", lambda text: text.replace("butter,225", "butter,275"))
    assert {key for key, state in cookies.states().items() if state == "stale"} == {
        "cookie_dough",
        "chocolate_chip_cookie_dough",
        "chocolate_chip_cookies",
        "peanut_cookie_dough",
        "peanut_cookies",
    }
    run = cookies.materialize("chocolate_chip_cookies")
    assert run.ran == ["add_chocolate_chips", "bake_in_oven", "combine_ingredients"]
    assert run.metadata("bake_in_oven")["total_cookies"] == 25


def test_another_recipe_for_baking_bakes_again_and_mixes_nothing(cookies: Project) -> None:
    cookies.materialize()
    cookies.edit("recipes.py", lambda text: text.replace("LOST_IN_THE_OVEN = 0.12", "LOST_IN_THE_OVEN = 0.2"))
    run = cookies.materialize()
    assert run.tasks("step_started") == ["bake_in_oven"]
    assert {float(row["grams"]) for row in cookies.rows("chocolate_chip_cookies")} == {40.0}


def test_expired_eggs_are_bought_anew_before_anything_is_made_of_them(cookies: Project) -> None:
    steps = ["buy_eggs", "whisk_dough"]
    assert cookies.materialize(file="eggs.yaml").ran == steps
    assert cookies.materialize(file="eggs.yaml").idle
    cookies.edit("eggs.yaml", lambda text: text.replace("max_age: 7d", "max_age: 0.01s"))
    planned = json.loads(cookies.command("plan", "--json", file="eggs.yaml"))["steps"]
    reasons = {step["task"]: [reason["kind"] for reason in step["reasons"]] for step in planned}
    assert [step["task"] for step in planned] == steps
    assert reasons == {"buy_eggs": ["expired"], "whisk_dough": ["upstream_stale"]}
    assert cookies.states("eggs.yaml")["eggs"] == "stale"
    run = cookies.materialize(file="eggs.yaml")
    assert run.ran == ["buy_eggs"]
    assert run.tasks("step_spared") == ["whisk_dough"], "the new eggs are as the old ones were"
