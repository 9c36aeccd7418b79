"""Example pipelines. Each folder is a project of its own; `bakehouse demo` copies it out."""
