"""What each contestant guarantees, as it is set up here: a figure says little without it."""

from __future__ import annotations

GUARANTEES: dict[str, tuple[str, str, str]] = {
    "bakehouse": (
        "yes: synced before it counts",
        "yes: worker processes; a crash costs one attempt",
        "code as loaded, with all it calls; versions of inputs; params, environment",
    ),
    "floor: isolated and durable": ("yes: synced before it counts", "yes: worker processes", "inputs only"),
    "floor: in memory": ("nothing is kept", "no", "none"),
    "floor: pickle": ("files, not synced", "no", "none"),
    "doit": (
        "no: its state is written when it ends",
        "no",
        "digests of files; code by a version set by hand",
    ),
    "make": ("files, not synced", "yes: a process a node", "times of files; a changed recipe is not seen"),
    "ninja": ("files, not synced", "yes: a process a node", "times of files, and the command"),
    "luigi": ("whole files, not synced", "no", "a file that is there is done; changes are not seen"),
    "hamilton": ("files, not synced", "no", "source of the function, versions of inputs; not what it calls"),
    "dask": ("nothing is kept", "yes: a worker process", "none"),
    "redun": ("a database that syncs", "no: threads", "source of the task or a version by hand; inputs"),
    "snakemake": (
        "files, not synced; half-made ones are found",
        "yes: a process a node",
        "times of files, the command, the set of inputs",
    ),
    "dagster: kept": (
        "a database that syncs; values in files, not synced",
        "no: run in its process",
        "versions of code by hand; versions of inputs; asked for, not by itself",
    ),
    "dagster: ephemeral": ("nothing is kept", "no", "none"),
    "prefect": ("files and a database, behind a server", "no: threads", "inputs; versions of code by hand"),
}
"""By name: whether what is said to be done survives a power cut, whether a step can harm another, and what a
second run looks at."""
