"""Gives the terminal back where the app could not: a shell beside it that waits for its end, however it comes."""

from __future__ import annotations

import subprocess
from types import TracebackType

_MODES = (1049, 1000, 1002, 1003, 1006, 1015, 1004, 2004, 2048)
LEAVE = b"".join(b"\x1b[?%dl" % mode for mode in _MODES) + b"\x1b[?7h\x1b[?25h\x1b[<u\x1b[0m"
"""Takes back whatever a screen may have asked of a terminal."""

_WORDS = "bakehouse: the screen was killed. A run that it had under way ended with it; what was done is kept"
# The shell may have the terminal again by then and be editing a line: its modes are left alone unless they
# are still those of the screen, which takes no signals from the keyboard.
_SCRIPT = """
saved=$(stty -g <&2) || saved=
echo
read -r word && exit
printf '%b\\n%s\\n' "$1" "$2" >&2
case $(stty -a <&2) in *-isig*) [ -z "$saved" ] || stty "$saved" <&2 ;; esac
"""


class TerminalGuard:
    """From entering it on, the death of this process (SIGKILL, a crash) gives the terminal on stderr back as
    it was. Raises nothing: without a shell there is only no guard."""

    def __init__(self) -> None:
        self._shell: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> TerminalGuard:
        leave = LEAVE.decode().replace("\x1b", "\\033")
        try:
            self._shell = subprocess.Popen(
                ["/bin/sh", "-c", _SCRIPT, "bakehouse-guard", leave, _WORDS],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                start_new_session=True,  # what ends the job in the terminal, or stops it, is not meant for it
            )
            assert self._shell.stdout is not None
            self._shell.stdout.readline()
        except OSError:
            self._shell = None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._shell is not None:
            self._shell.communicate(b"over\n")
