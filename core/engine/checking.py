"""The checks of one attempt: what is ordered after the step itself, and what comes of all of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from ..checks.definition import PYTHON, Check, Checked
from ..events import CHECK_FAILED
from ..model import Input, SqlAction, identifier
from ..naming import split
from ..secrets import Secrets
from .executor import Given, Order, Outcome

_MOST_NAMED = 3


class Checking:
    """Looks at what `own` made. First the queries, then the functions, each kind as one order; `read` are the inputs
    of the step, in which a check may look something up. `now` is Unix time."""

    def __init__(
        self, order: Order, own: Outcome, checks: Iterable[Check], read: Sequence[Given], now: float
    ) -> None:
        self.outcome = own
        self._own, self._now = own, now
        self._results: list[Checked] = []
        known = list(checks)
        tables = tuple(check for check in known if check.kind != PYTHON)
        functions = tuple(check for check in known if check.kind == PYTHON)
        self._orders = [self._order(order, each, read) for each in (tables, functions) if each]
        self.name = own.attempt

    def _order(self, order: Order, checks: tuple[Check, ...], read: Sequence[Given]) -> Order:
        first = checks[0].action
        needed = {split(name)[0] for check in checks for name in (check.asset, check.reads) if name}
        made = [
            Given(Input(one.asset, identifier(split(one.asset)[0])), one.value, one.path)
            for one in self._own.made
            if split(one.asset)[0] in needed
        ]
        others = [given for given in read if split(given.input.asset)[0] in needed]
        gathers = {given.input.identifier: None for given in others if given.input.part}
        return Order(
            attempt=f"{order.attempt}-{'tables' if first is None else 'functions'}",
            task=order.task,
            action=SqlAction("", order.action.folder) if first is None else first,
            inputs=(*made, *others),
            outputs=(),
            params=order.params,
            env=order.env,
            number=order.number,
            partition=order.partition,
            gathers=tuple(gathers),
            checks=checks,
            now=self._now,
        )

    @property
    def following(self) -> Order | None:
        """The next order to hand out; None when there is none."""
        if not self._orders:
            return None
        order = self._orders.pop(0)
        self.name = order.attempt
        return order

    def give_up(self) -> None:
        """Somebody asked for the end before all checks were through."""
        self.outcome = replace(self._own, ok=False, made=(), error="cancelled", cancelled=True)

    def take(self, outcome: Outcome) -> None:
        """Takes in how an order of checks ended. Where it did not come to an end, nothing of the attempt stands."""
        if not outcome.ok:
            error = outcome.error if outcome.cancelled else f"while what it made was checked: {outcome.error}"
            self._orders.clear()
            self.outcome = replace(outcome, attempt=self._own.attempt, error=error, seconds=self._own.seconds)
            return
        self._results += outcome.checks
        blocking = [one for one in self._results if one.is_blocking]
        self.outcome = replace(self._own, checks=tuple(self._results))
        if blocking:
            error = in_words(blocking)
            self.outcome = replace(self.outcome, ok=False, made=(), error=error)


def in_words(blocking: Sequence[Checked]) -> str:
    """Why a value does not become current."""
    named = [f"{one.name}: {one.message}" for one in blocking[:_MOST_NAMED]]
    more = len(blocking) - len(named)
    return CHECK_FAILED + "; ".join(named) + (f"; and {more} more" if more else "")


def checks_without(secrets: Secrets, checks: Iterable[Checked]) -> tuple[Checked, ...]:
    """The results as they may be told and kept."""
    return tuple(
        replace(
            one,
            message=secrets.text(one.message),
            rows=tuple(tuple(secrets.json(list(row))) for row in one.rows),
            columns=tuple(secrets.text(name) for name in one.columns),
            metadata=secrets.json(dict(one.metadata)),
        )
        for one in checks
    )
