"""The weekly report: a real message through a real SMTP server, or into the outbox."""

from __future__ import annotations

import asyncio
import csv
import email
import io
import itertools
import mailbox
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import date, datetime, time, timedelta
from email import policy
from email.message import EmailMessage
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from bakehouse.core.clockwork import Clockwork
from bakehouse.core.plan import Plan
from bakehouse.core.schedules.due import Occasion
from bakehouse.core.workbench import Workbench

if TYPE_CHECKING:
    from tests.pipelines.conftest import Project

TASKS = ["run_report", "download_results_as_csv", "attach_to_email", "send_email"]


class Received:
    """Keeps what an SMTP server was sent."""

    def __init__(self) -> None:
        self.messages: list[EmailMessage] = []
        self.recipients: list[str] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        assert isinstance(envelope.content, bytes)
        message = email.message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.messages.append(message)
        self.recipients += envelope.rcpt_tos
        return "250 OK"


class AnyPort(Controller):
    """A server on whatever port is free: `port` is 0 until it listens."""

    def _trigger_server(self) -> None:
        assert isinstance(self.server, asyncio.Server)
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()  # type: ignore[no-untyped-call]


@pytest.fixture
def weekly(copied: Callable[[str], Project]) -> Project:
    return copied("weekly_report")


@pytest.fixture
def post() -> Iterator[tuple[str, Received]]:
    """The address of a running SMTP server, and what it has received."""
    received = Received()
    server = AnyPort(received, hostname="127.0.0.1", port=0)
    server.start()
    try:
        yield f"smtp://127.0.0.1:{server.port}", received
    finally:
        server.stop()


def sales_by_hand(weekly: Project, monday: date) -> dict[str, tuple[int, int, str]]:
    """Orders, pieces and sales by product of the week, straight from the table."""
    found: dict[str, list[tuple[int, int]]] = defaultdict(list)
    with (weekly.root / "data" / "orders.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            if 0 <= (date.fromisoformat(row["date"]) - monday).days < 7:
                found[row["product"]].append((int(row["pieces"]), int(row["cents"])))
    return {
        product: (len(orders), sum(p for p, _ in orders), f"{sum(c for _, c in orders) / 100:.2f}")
        for product, orders in found.items()
    }


def check(weekly: Project, message: EmailMessage) -> None:
    assert message["From"] == "Shop <shop@example.org>"
    assert message["To"] == "Office <office@example.org>"
    assert message["Subject"] == "Weekly report: 2024-05-13 to 2024-05-19"
    assert message["Date"] and message["Message-ID"].endswith("@weekly-report.invalid>")
    (attachment,) = message.iter_attachments()
    assert attachment.get_filename() == "report-2024-05-13.csv"
    assert attachment.get_content_type() == "text/csv"
    rows = list(csv.DictReader(io.StringIO(attachment.get_content())))
    sent = {row["product"]: (int(row["orders"]), int(row["pieces"]), row["sales"]) for row in rows}
    assert sent == sales_by_hand(weekly, date(2024, 5, 13))
    body = message.get_body()
    assert body is not None
    assert all(row["product"] in body.get_content() for row in rows)


def test_the_four_tasks_stand_in_a_row(weekly: Project) -> None:
    listing = weekly.ls("task")
    assert [node["key"] for node in listing["nodes"] if node["kind"] == "task"] == TASKS
    kinds = {node["key"]: node["kind"] for node in listing["nodes"]}
    between = {
        (edge["from"], edge["to"])
        for edge in listing["edges"]
        if kinds[edge["from"]] == kinds[edge["to"]] == "task"
    }
    assert between == set(itertools.pairwise(TASKS))
    assert "email" not in kinds


def test_a_real_server_receives_the_message(weekly: Project, post: tuple[str, Received]) -> None:
    url, received = post
    run = weekly.materialize(env={"BAKEHOUSE_SMTP_URL": url})
    assert run.ran == sorted(TASKS)
    (message,) = received.messages
    assert received.recipients == ["office@example.org"]
    check(weekly, message)
    assert not (weekly.root / "outbox").exists()

    assert weekly.materialize(env={"BAKEHOUSE_SMTP_URL": url}).idle
    assert len(received.messages) == 1


def test_without_a_server_it_lies_in_the_outbox(weekly: Project) -> None:
    run = weekly.materialize()
    assert run.ran == sorted(TASKS)
    (kept,) = mailbox.Maildir(weekly.root / "outbox", create=False)
    check(weekly, email.message_from_bytes(kept.as_bytes(), policy=policy.default))
    assert weekly.materialize().idle


def test_new_orders_of_the_same_week_are_sent_and_old_ones_are_not(weekly: Project) -> None:
    weekly.materialize()
    orders = weekly.root / "data" / "orders.csv"
    with orders.open("a") as file:
        file.write("9001,2024-05-23,baguette,1,240\n")
    run = weekly.materialize()
    assert run.ran == ["run_report"], "the report of the last full week is the same"
    with orders.open("a") as file:
        file.write("9002,2024-05-18,baguette,3,720\n")
    assert weekly.materialize().ran == sorted(TASKS)
    assert len(mailbox.Maildir(weekly.root / "outbox", create=False)) == 2


def test_a_server_that_is_not_there_fails_the_sending_alone(weekly: Project) -> None:
    weekly.edit("bakehouse.yaml", lambda text: text.replace("retries: 2", "retries: 1\n    backoff: 0.05"))
    run = weekly.materialize(env={"BAKEHOUSE_SMTP_URL": "smtp://127.0.0.1:1"}, code=1)
    assert run.tasks("step_failed") == ["send_email", "send_email"]
    assert run.ran == sorted(TASKS[:3])
    assert weekly.materialize().ran == ["send_email"]


# ---- every Friday at seven ----------------------------------------------------------------------

BERLIN = ZoneInfo("Europe/Berlin")


def sell(weekly: Project, monday: date, number: int) -> None:
    """The orders of a week that has passed."""
    with (weekly.root / "data" / "orders.csv").open("a") as file:
        for day in range(7):
            file.write(
                f"{number * 10 + day},{monday + timedelta(days=day)},baguette,{number},{number * 240}\n"
            )


@pytest.mark.parametrize(
    ("start", "weeks"),
    [
        pytest.param(date(2026, 3, 23), 2, id="clocks put forward"),
        pytest.param(date(2026, 10, 19), 2, id="clocks put back"),
        pytest.param(date(2026, 1, 5), 52, id="a whole year", marks=pytest.mark.full),
    ],
)
async def test_it_goes_out_every_friday_at_seven_whatever_the_clocks_do(
    weekly: Project, post: tuple[str, Received], monkeypatch: pytest.MonkeyPatch, start: date, weeks: int
) -> None:
    url, received = post
    monkeypatch.setenv("BAKEHOUSE_SMTP_URL", url)
    bench = Workbench.open(weekly.root, trust=True)
    now = datetime.combine(start, time(0), BERLIN).timestamp()
    end = datetime.combine(start + timedelta(weeks=weeks), time(0), BERLIN).timestamp()
    begun: list[datetime] = []

    async def begin(plan: Plan, occasion: Occasion) -> None:
        assert occasion.slot is not None and occasion.slot <= now < occasion.slot + 1800
        begun.append(datetime.fromtimestamp(occasion.slot, BERLIN))
        assert (await bench.start(plan, occasion=occasion).wait()).ok

    clockwork = Clockwork(bench, begin, clock=lambda: now)
    try:
        while now < end:
            here = datetime.fromtimestamp(now, BERLIN)
            if (here.weekday(), here.hour, here.minute) == (0, 0, 0):
                sell(weekly, here.date() - timedelta(weeks=1), len(begun) + 1)
            await clockwork.look()
            now += 1800
    finally:
        await bench.aclose()
    fridays = [start + timedelta(days=4, weeks=week) for week in range(weeks)]
    assert begun == [datetime.combine(friday, time(7), BERLIN) for friday in fridays]
    assert len({at.utcoffset() for at in begun}) == 2, "one of them is in summer, one in winter"
    told = [message["Subject"] for message in received.messages]
    assert told == [
        f"Weekly report: {friday - timedelta(days=11)} to {friday - timedelta(days=5)}" for friday in fridays
    ]
    assert len({message["Message-ID"] for message in received.messages}) == weeks
