"""Runs the screen in this terminal and gives the terminal back as it was, however the screen ends."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import signal
import sys
import termios
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..core.load.definitions import Choice
    from ..core.workbench import Workbench
    from .app import BakehouseApp

SIGNALS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT)


def refusal() -> str | None:
    """Why there can be no screen here, or None."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return "the screen needs a terminal; `bakehouse ls` and `bakehouse materialize` do not"
    if os.environ.get("TERM") == "dumb":
        return "this terminal (TERM=dumb) cannot show a screen; `bakehouse ls` and `bakehouse materialize` can be used"
    return None


def wants_ascii(environ: Mapping[str, str] = os.environ) -> bool:
    """True where the locale or the terminal has no glyphs beyond ASCII."""
    named = environ.get("LC_ALL") or environ.get("LC_CTYPE") or environ.get("LANG") or ""
    is_utf8 = "utf" in named.lower() or named in ("", "C", "POSIX")  # Python reads C as UTF-8
    return not is_utf8 or environ.get("TERM") == "linux"


def run_screen(
    path: Path | None = None,
    *,
    trust: bool = False,
    interpreter: str | None = None,
    since: str | None = None,
    choice: Choice | None = None,
    jobs: int | None = None,
    ascii_only: bool | None = None,
    theme: str | None = None,
    mouse: bool = True,
) -> int:
    """Shows the project at `path` until the user quits; returns the exit code.

    128 + n where signal n ended it, 2 where there is no screen to be had or the definitions are broken.
    """
    if (why_not := refusal()) is not None:
        print(why_not, file=sys.stderr)
        return 2
    from .app import BakehouseApp
    from .settings import Themes, load_preferences

    def open_bench() -> Workbench:
        from ..core.load.definitions import NO_CHOICE
        from ..core.workbench import Workbench

        bench = Workbench.open(path, trust=trust, interpreter=interpreter, choice=choice or NO_CHOICE)
        if since is not None:
            bench.compare_with(since)
        return bench

    preferences = load_preferences()
    themes = Themes(preferences)
    if ascii_only is None:
        ascii_only = wants_ascii() if preferences.ascii is None else preferences.ascii
    app = BakehouseApp(
        open_bench,
        jobs=jobs,
        ascii_only=ascii_only,
        theme=theme or themes.first(),
        preferences=preferences,
    )
    app.remember = themes.remember
    code = run_app(app, mouse=mouse)
    with contextlib.suppress(OSError):  # the terminal may be gone
        if app.failure is not None:
            print(app.failure, file=sys.stderr)
        elif (words := summary(app)) is not None:
            print(words, flush=True)
    return code


def run_app(app: BakehouseApp, *, mouse: bool = True) -> int:
    """Runs `app`; the terminal is as before when this returns or raises, and when this process is killed."""
    from textual.drivers.linux_driver import LinuxDriver

    from .tty.driver import TerminalDriver, watched_terminal
    from .tty.guard import TerminalGuard

    before = termios.tcgetattr(sys.stdin.fileno())
    ended_by: list[int] = []
    if app.driver_class is LinuxDriver:
        app.driver_class = TerminalDriver

    async def run() -> None:
        loop = asyncio.get_running_loop()
        for number in SIGNALS:
            loop.add_signal_handler(number, _end, app, number, ended_by, before)
        gone = functools.partial(_end, app, signal.SIGHUP, ended_by, before)
        try:
            with watched_terminal(sys.stdin.fileno(), gone):
                await app.run_async(mouse=mouse)
        finally:
            for number in SIGNALS:
                loop.remove_signal_handler(number)

    old = {number: signal.getsignal(number) for number in SIGNALS}
    try:
        with TerminalGuard():
            asyncio.run(run())
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)
        with contextlib.suppress(termios.error, OSError):
            termios.tcsetattr(sys.stdin.fileno(), termios.TCSADRAIN, before)
    if ended_by:
        return 128 + ended_by[0]
    return app.return_code or 0


def _end(app: BakehouseApp, number: int, ended_by: list[int], before: list[object]) -> None:
    """The first signal ends the screen in good order, the second at once; but a terminal hangs up only once,
    however often that is told."""
    if number == signal.SIGHUP and number in ended_by:
        return
    ended_by.append(number)
    if len(ended_by) == 1:
        app.exit(return_code=128 + number)
        return
    _restore(before)
    if app.session is not None and app.session.run is not None:
        app.session.run.abandon()
    os._exit(128 + number)


def _restore(before: list[object]) -> None:
    from .tty.guard import LEAVE

    with contextlib.suppress(OSError, termios.error):
        os.write(2, LEAVE)
        termios.tcsetattr(0, termios.TCSADRAIN, before)  # type: ignore[arg-type]


def summary(app: BakehouseApp) -> str | None:
    """One line about the last run, for the shell that the user comes back to."""
    from .paint.sanitize import clean
    from .projection.states import LOOKS, ORDER, seconds

    live = app.session.live if app.session is not None else None
    if live is None:
        return None
    told = ", ".join(f"{live.counts[state]} {LOOKS[state].word}" for state in ORDER if live.counts[state])
    ended = live.ended or app.clock()
    took = f" in {seconds(ended - live.started)}" if live.started is not None else ""
    failed = (
        f"; {clean(live.last_failed)} failed: bakehouse logs {clean(live.last_failed)}"
        if live.last_failed
        else ""
    )
    return f"{told}{took}{failed}"
