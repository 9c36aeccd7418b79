"""`python -m bakehouse` is `bakehouse`."""

from .tui.cli import main

main()
