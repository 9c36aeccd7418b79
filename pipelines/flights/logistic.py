"""Logistic regression on counted cells, by Newton's method in plain Python."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

Row = Sequence[float]


@dataclass(frozen=True)
class Fit:
    """One coefficient a column; `log_loss` is the mean over all trials; `rounds` until it stood still."""

    coefficients: list[float]
    log_loss: float
    rounds: int


def chance(row: Row, coefficients: Sequence[float]) -> float:
    """The modelled probability of a hit."""
    return 1 / (1 + math.exp(-sum(x * c for x, c in zip(row, coefficients, strict=True))))


def fit(rows: Sequence[Row], hits: Sequence[int], trials: Sequence[int], rounds: int = 25) -> Fit:
    """The coefficients that make the hits most likely. Raises ArithmeticError if they do not settle."""
    coefficients = [0.0] * len(rows[0])
    for number in range(1, rounds + 1):
        gradient, curvature = slopes(rows, hits, trials, coefficients)
        step = solved(curvature, gradient)
        coefficients = [c + s for c, s in zip(coefficients, step, strict=True)]
        if max(abs(s) for s in step) < 1e-9:
            return Fit(coefficients, log_loss(rows, hits, trials, coefficients), number)
    raise ArithmeticError(f"no fit after {rounds} rounds; the last step was {max(map(abs, step)):g}")


def slopes(
    rows: Sequence[Row], hits: Sequence[int], trials: Sequence[int], coefficients: Sequence[float]
) -> tuple[list[float], list[list[float]]]:
    """First and (negated) second derivatives of the log likelihood."""
    width = len(coefficients)
    gradient = [0.0] * width
    curvature = [[0.0] * width for _ in range(width)]
    for row, hit, trial in zip(rows, hits, trials, strict=True):
        p = chance(row, coefficients)
        surprise, weight = hit - trial * p, trial * p * (1 - p)
        for i, x in enumerate(row):
            if x:
                gradient[i] += surprise * x
                line = curvature[i]
                for j in range(width):
                    line[j] += weight * x * row[j]
    return gradient, curvature


def solved(matrix: list[list[float]], right: list[float]) -> list[float]:
    """x with matrix · x = right, by elimination with the largest pivot."""
    size = len(right)
    lines = [[*line, value] for line, value in zip(matrix, right, strict=True)]
    for column in range(size):
        pivot = max(range(column, size), key=lambda i: abs(lines[i][column]))
        lines[column], lines[pivot] = lines[pivot], lines[column]
        top = lines[column]
        for below in lines[column + 1 :]:
            share = below[column] / top[column]
            for j in range(column, size + 1):
                below[j] -= share * top[j]
    x = [0.0] * size
    for i in reversed(range(size)):
        known = sum(lines[i][j] * x[j] for j in range(i + 1, size))
        x[i] = (lines[i][size] - known) / lines[i][i]
    return x


def log_loss(
    rows: Sequence[Row], hits: Sequence[int], trials: Sequence[int], coefficients: Sequence[float]
) -> float:
    loss = 0.0
    for row, hit, trial in zip(rows, hits, trials, strict=True):
        p = chance(row, coefficients)
        loss -= hit * math.log(p) + (trial - hit) * math.log(1 - p)
    return loss / sum(trials)
