"""Rates that do not believe small numbers: an empirical Bayes estimate with a beta prior."""

from __future__ import annotations

from collections.abc import Sequence


def beta_prior(hits: Sequence[int], trials: Sequence[int]) -> tuple[float, float]:
    """Alpha and beta whose mean and spread are those of the rates (method of moments, weighted by trials).

    Where the rates spread no more than chance alone would make them, the prior is as strong as all trials.
    """
    total = sum(trials)
    mean = sum(hits) / total
    spread = sum(n * (h / n - mean) ** 2 for h, n in zip(hits, trials, strict=True)) / total
    by_chance = mean * (1 - mean) * len(trials) / total
    between = spread - by_chance
    strength = float(total) if between <= 0 else min(float(total), mean * (1 - mean) / between - 1)
    return mean * strength, (1 - mean) * strength


def shrunk(hits: int, trials: int, prior: tuple[float, float]) -> float:
    """The rate after seeing `hits` of `trials`, drawn toward the prior's mean the more the fewer trials."""
    alpha, beta = prior
    return (hits + alpha) / (trials + alpha + beta)
