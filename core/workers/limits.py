"""How many steps at once the limits of this process allow."""

from __future__ import annotations

import resource

from ..problems import number_of

OURS = 32
"""Descriptors that the app itself needs: ledger, locks, terminal, loop, supervisor."""
EACH = 9
"""Descriptors for one step at a time: a worker at it, one of another kind that rests, and its log."""


def affordable(jobs: int, open_files: int | None = None) -> tuple[int, str]:
    """(steps at once, what to tell the user): `jobs`, or fewer where there are too few open files for them."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0] if open_files is None else open_files
    fitting = max(1, (limit - OURS) // EACH)
    if limit == resource.RLIM_INFINITY or jobs <= fitting:
        return jobs, ""
    return (
        fitting,
        f"{number_of(fitting, 'step')} at once, not {jobs}: only {limit} open files are allowed (ulimit -n)",
    )
