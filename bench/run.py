"""Bakehouse against peers and floors, side by side: `run.py [--pairs N] [--publish] [FIGURE…]`.

In every round each contestant runs once, one after the other; what is compared is the ratio within a round.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence

import busy
import report
import rounds
import screen
from commands import help_text, large_values, listing, shell_steps
from measure import Figure, Unfit, adopt_orphans
from rounds import again, cold

OURS = "bakehouse"
FLOORS = ("floor: isolated and durable", "floor: in memory")
QUICK = (OURS, *FLOORS, "doit", "make", "ninja", "luigi", "hamilton", "dask")
KEEPING = (OURS, FLOORS[0], "doit", "make", "ninja", "luigi", "hamilton")
"""Those that know at their second run what they did at the first."""
SLOW = (OURS, "dagster: kept", "dagster: ephemeral", "prefect", "redun", "snakemake")
SLOW_KEEPING = (OURS, "dagster: kept", "prefect", "redun", "snakemake")

PACKAGES = "packages:63000"

AT_10000 = {
    "luigi": "its time grows with the square of the graph: minutes",
    "dask": "more than a minute of CPU and 4 GB",
    "hamilton": "half a minute a round",
}
TABLES_WITHOUT = {
    "hamilton": "seconds a hop: it digests tables cell by cell",
    "doit, make, ninja, luigi, snakemake": "the step itself writes and reads its files",
    "dask": "keeps no values",
}


def figures(pairs: int) -> dict[str, Callable[[], Figure]]:
    """Every figure by name. Larger graphs get fewer rounds, slow peers fewer rounds and smaller graphs."""
    few, slow = max(1, pairs // 2), max(1, pairs // 3)
    large = (OURS, *FLOORS, "doit", "make", "ninja")
    return {
        "w1": lambda: cold("w1:200", QUICK, pairs),
        "w2:100": lambda: cold("w2:100", QUICK, pairs),
        "w2": lambda: cold("w2:1000", QUICK, few),
        "w3": lambda: cold("w3:1000", QUICK, few),
        "w3-null": lambda: again("w3:1000", KEEPING, pairs),
        "w3-leaf": lambda: again("w3:1000", KEEPING, few, "leaf"),
        "w3-middle": lambda: again("w3:1000", KEEPING, few, "middle"),
        "w4": lambda: cold("w4:10000", large, slow, without=AT_10000),
        "w4-null": lambda: again("w4:10000", (OURS, FLOORS[0], "doit", "ninja"), slow, without=AT_10000),
        "w4:100000": lambda: cold("w4:100000", (OURS, *FLOORS), 1),
        "w1-slow": lambda: cold("w1:20", SLOW, slow, group=" slow"),
        "w2:20-slow": lambda: cold("w2:20", SLOW, slow, group=" slow"),
        "w2:100-slow": lambda: cold("w2:100", SLOW, slow, group=" slow"),
        "w3-slow": lambda: cold("w3:100", SLOW, slow, group=" slow"),
        "w3-slow-null": lambda: again("w3:100", SLOW_KEEPING, slow, group=" slow"),
        "w3-slow-leaf": lambda: again("w3:100", SLOW_KEEPING, slow, "leaf", group=" slow"),
        "help": lambda: help_text(few),
        "ls": lambda: listing(pairs),
        "w5": lambda: shell_steps(few, 200, ("make", "ninja", "doit", "luigi")),
        "w5-slow": lambda: shell_steps(slow, 50, ("dagster", "prefect", "redun", "snakemake")),
        "w6": lambda: large_values(slow, 20, TABLES_WITHOUT),
        "screen": lambda: screen.start(few, "w4:1000"),
        "screen:100000": lambda: screen.start(1, "w4:100000"),
        "screen:packages": lambda: screen.start(1, PACKAGES),
        "keys": lambda: screen.keys(few, 1_000),
        "keys:100000": lambda: screen.keys(1, 100_000),
        "every-key:100000": lambda: busy.every_key(3, "w4:100000"),
        "every-key:packages": lambda: busy.every_key(3, PACKAGES),
        "events": lambda: busy.many_events(10, "w4:10000"),
        "lines": lambda: busy.many_lines(busy.LINES),
        "log": lambda: screen.log_lines(few, 500_000),
    }


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=6, help="rounds that count (default: 6)")
    parser.add_argument("--publish", action="store_true", help="write docs/performance.md too")
    parser.add_argument(
        "--hurry",
        action="store_true",
        help="one round, no wait for a quiet machine: only to see that all works",
    )
    parser.add_argument("figures", nargs="*", metavar="FIGURE")
    chosen = parser.parse_args(arguments)
    if chosen.hurry and chosen.publish:
        parser.error("--publish with --hurry: figures taken in a hurry are not published")
    rounds.in_a_hurry = chosen.hurry
    adopt_orphans()
    known = figures(1 if chosen.hurry else chosen.pairs)
    if unknown := set(chosen.figures) - known.keys():
        parser.error(f"no figure {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    done: list[Figure] = []
    for name in chosen.figures or known:
        try:
            figure = known[name]()
        except Unfit as fault:
            figure = Figure(name, name, notes=[f"no figure: {rounds.last_line(fault)}"])
        done.append(figure)
        print(report.line(figure), flush=True)
        report.write(done, publish=chosen.publish)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
