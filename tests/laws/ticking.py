"""A process that keeps the schedules of a project under a clock that it is told: one Unix time a line on stdin.

    python ticking.py PROJECT

Says `ready`, then after each time, when nothing waits any more, the slots that it began: `began NAME SLOT`, and `done`.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from bakehouse.core.clockwork import Clockwork
from bakehouse.core.plan import Plan
from bakehouse.core.schedules.due import Occasion
from bakehouse.core.workbench import Workbench


async def main() -> None:
    now = [0.0]
    bench = Workbench.open(Path(sys.argv[1]), trust=True)

    async def begin(plan: Plan, occasion: Occasion) -> None:
        running = bench.start(plan, jobs=1, occasion=occasion)
        await running.wait()
        print(f"began {occasion.schedule} {occasion.slot}", flush=True)

    clockwork = Clockwork(bench, begin, clock=lambda: now[0])
    print("ready", flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        now[0] = float(line)
        await clockwork.look()
        while clockwork.waiting:
            await asyncio.sleep(0.01)
            await clockwork.look()
        print("done", flush=True)
    await bench.aclose()


if __name__ == "__main__":
    asyncio.run(main())
