"""The public face of Bakehouse: what a pipeline's own code imports."""

from .core.api import Context, Table, asset, source, task

__all__ = ["Context", "Table", "asset", "source", "task"]
__version__ = "0.1.0"
