"""The public face of Bakehouse: what a pipeline's own code imports."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .core.api import CheckResult, Context, Table, asset, check, schedule, source, task

__all__ = ["CheckResult", "Context", "Table", "asset", "check", "schedule", "source", "task"]
__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    """The face is read when it is asked for, so that `bakehouse --help` does not pay for it."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from .core import api

    globals().update({one: getattr(api, one) for one in __all__})
    return getattr(api, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
