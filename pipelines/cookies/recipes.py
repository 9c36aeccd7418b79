"""The recipe, step by step. An ingredient is a name and its grams; a dough is a list of ingredients."""

from __future__ import annotations

import csv
import os
import time
from pathlib import Path

from bakehouse import Context

Dough = dict[str, float]

CHIPS_IN_THE_CUPBOARD: Dough = {"dark chocolate chips": 250.0}
GRAMS_A_COOKIE = 50.0
LOST_IN_THE_OVEN = 0.12


def gather(wet_ingredients: Path, dry_ingredients: Path, context: Context) -> Dough:
    """Everything from the pantry that goes into the bowl."""
    gathered: Dough = {}
    for shelf in (wet_ingredients, dry_ingredients):
        for ingredient, grams in weigh(shelf).items():
            context.log.info("%s: %g g", ingredient, grams)
            gathered[ingredient] = grams
            take_a_moment(context)
    context.metadata(ingredients=len(gathered), grams=sum(gathered.values()))
    return gathered


def combine(gathered_ingredients: Dough, context: Context) -> Dough:
    """Wet first, then dry, and not a stroke more than needed."""
    for done, manner in enumerate(("cream", "whisk", "fold"), start=1):
        context.log.info("%s", manner)
        take_a_moment(context, done / 3)
    context.metadata(grams=sum(gathered_ingredients.values()), mixed="just enough")
    return gathered_ingredients


def make_dough(wet_ingredients: Path, dry_ingredients: Path, context: Context) -> Dough:
    """Gather and combine in one go."""
    return combine(gather(wet_ingredients, dry_ingredients, context), context)


def add_from_shelf(cookie_dough: Dough, extra: Path, context: Context) -> Dough:
    """The dough with what makes the cookie: chocolate chips, peanuts."""
    return fold_in(cookie_dough, weigh(extra), context)


def add_chocolate_chips(cookie_dough: Dough, context: Context) -> Dough:
    """The dough with the chips that happen to be in the cupboard: nobody sees them in the workflow."""
    return fold_in(cookie_dough, CHIPS_IN_THE_CUPBOARD, context)


def bake(dough: Dough, context: Context, oven: int, minutes: int, baker: str) -> list[dict[str, object]]:
    """One row for each cookie that comes out of the oven."""
    context.log.info("oven at %d °C, %d minutes", oven, minutes)
    for done in range(1, 4):
        context.log.info("minute %d: %s", minutes * done // 3, ("flat", "rising", "golden")[done - 1])
        take_a_moment(context, done / 3)
    total = int(sum(dough.values()) / GRAMS_A_COOKIE)
    grams = round(GRAMS_A_COOKIE * (1 - LOST_IN_THE_OVEN), 1)
    flavour = max(dough.keys() - STAPLES, key=lambda ingredient: dough[ingredient], default="plain")
    context.metadata(total_cookies=total, baked_at=f"{oven} °C", baker=baker)
    return [{"cookie": number, "flavour": flavour, "grams": grams} for number in range(1, total + 1)]


STAPLES = frozenset(
    {"butter", "eggs", "brown sugar", "white sugar", "flour", "baking soda", "salt"},
)


def fold_in(dough: Dough, extra: Dough, context: Context) -> Dough:
    for ingredient, grams in extra.items():
        context.log.info("folding in %g g of %s", grams, ingredient)
    take_a_moment(context, 1.0)
    context.metadata(grams=sum(dough.values()) + sum(extra.values()), folded_in=", ".join(extra))
    return {**dough, **extra}


def weigh(shelf: Path) -> Dough:
    """The ingredients of one pantry file, in its order."""
    with shelf.open(newline="", encoding="utf-8") as rows:
        return {row["ingredient"]: float(row["grams"]) for row in csv.DictReader(rows)}


def take_a_moment(context: Context, done: float | None = None) -> None:
    """Baking takes time. COOKIES_PACE sets how much; it changes no cookie, so no step declares it."""
    time.sleep(float(os.environ.get("COOKIES_PACE", "1")) / 20)
    if done is not None:
        context.progress(done)
