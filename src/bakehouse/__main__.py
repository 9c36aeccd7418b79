"""`python -m bakehouse` is `bakehouse`, and like it never takes a module from the folder it is started in."""

import os
import sys

if not sys.flags.safe_path and sys.path and sys.path[0] in ("", os.getcwd()):  # noqa: PTH109 - nothing may be imported yet
    del sys.path[0]

from .tui.cli import main

main()
