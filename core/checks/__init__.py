"""What must hold of a value: kinds of checks, their queries, and what came of them. Pure: no process, no file."""
