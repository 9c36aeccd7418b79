"""Carries out a plan: which step next, what became of it, what is told."""
