"""A plugin that cannot be imported."""

raise RuntimeError("made for another version")
