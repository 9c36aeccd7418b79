"""Shell steps that do nothing, as a peer with an interface in Python runs them. `shell_steps.py PEER STEPS`."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path

peer, size = sys.argv[1], int(sys.argv[2])
here = Path().absolute()
SHELL = ("/bin/sh", "-c", "true")


def doit() -> None:
    from doit.cmd_base import ModuleTaskLoader
    from doit.doit_cmd import DoitMain

    def task_step() -> object:
        return ({"name": str(number), "actions": ["true"]} for number in range(size))

    settings = {"dep_file": "memo.db", "reporter": "zero", "verbosity": 0}
    DoitMain(ModuleTaskLoader({"task_step": task_step, "DOIT_CONFIG": settings})).run(
        ["run", "-n", "2", "-P", "thread"]
    )


def luigi() -> None:
    import luigi

    class Step(luigi.Task):
        number = luigi.IntParameter()

        def output(self) -> luigi.LocalTarget:
            return luigi.LocalTarget(f"{self.number}.done")

        def run(self) -> None:
            subprocess.run(SHELL, check=True)
            self.output().open("w").close()

    steps = [Step(number=number) for number in range(size)]
    if not luigi.build(steps, local_scheduler=True, workers=1, log_level="CRITICAL"):
        sys.exit(1)


def dagster() -> None:
    os.environ.update(DAGSTER_HOME=str(here), DAGSTER_DISABLE_TELEMETRY="yes")
    (here / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    import dagster

    def step(number: int) -> object:
        def work() -> None:
            subprocess.run(SHELL, check=True)

        return dagster.asset(name=f"t{number}")(work)

    logging.disable(logging.CRITICAL)
    with dagster.DagsterInstance.get() as instance:
        dagster.materialize([step(number) for number in range(size)], instance=instance)


def redun() -> None:
    from redun import Scheduler, task
    from redun.config import Config

    @task(script=True, namespace="bench", version="1")
    def step(number: int) -> str:
        return f"true {number}"

    @task(namespace="bench", version="1")
    def everything() -> list[object]:
        return [step(number) for number in range(size)]

    logging.getLogger("redun").setLevel(logging.CRITICAL)
    settings = {
        "backend": {"db_uri": f"sqlite:///{here / 'redun.db'}"},
        "executors.default": {"type": "local", "max_workers": "2"},
    }
    scheduler = Scheduler(config=Config(settings))
    scheduler.load()
    scheduler.run(everything())


def prefect() -> None:
    os.environ.update(
        PREFECT_HOME=str(here / "prefect"),
        PREFECT_LOGGING_LEVEL="CRITICAL",
        PREFECT_LOGGING_TO_API_ENABLED="false",
        PREFECT_SERVER_ALLOW_EPHEMERAL_MODE="true",
        PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS="120",
        PREFECT_SERVER_ANALYTICS_ENABLED="false",
        DO_NOT_TRACK="1",
    )
    from prefect import flow, task
    from prefect.task_runners import ThreadPoolTaskRunner

    @task
    def step(number: int) -> None:
        subprocess.run(SHELL, check=True)

    @flow(task_runner=ThreadPoolTaskRunner(max_workers=2))
    def everything() -> None:
        for future in [step.submit(number) for number in range(size)]:
            future.result()

    everything()


{"doit": doit, "luigi": luigi, "dagster": dagster, "redun": redun, "prefect": prefect}[peer]()
