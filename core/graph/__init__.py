"""What depends on what: one bipartite graph of assets and tasks, its cycles and its two views."""
