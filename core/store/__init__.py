"""The store of a project: what was made, from what, when; kept so that it survives power loss."""
