"""The e-mail: composed once, then sent over SMTP or laid into a mailbox folder."""

from __future__ import annotations

import csv
import hashlib
import io
import mailbox
import os
import smtplib
import ssl
from datetime import date, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import formatdate
from pathlib import Path
from urllib.parse import unquote, urlsplit

from bakehouse import Context

OUTBOX = Path("outbox")
PORTS = {"smtp": 25, "smtps": 465}


def compose(results_csv: str, sender: str, recipients: list[str]) -> bytes:
    """The message without a date: the same results make the same bytes."""
    rows = list(csv.DictReader(io.StringIO(results_csv)))
    monday = date.fromisoformat(rows[0]["week"])
    message = EmailMessage(policy=policy.SMTP)
    message["From"] = sender
    message["To"] = ", ".join(recipients)
    message["Subject"] = f"Weekly report: {monday} to {monday + timedelta(days=6)}"
    message.set_content(body(rows))
    message.add_attachment(results_csv, subtype="csv", filename=f"report-{monday}.csv")
    message.set_boundary(f"==report-{hashlib.sha256(results_csv.encode()).hexdigest()[:24]}==")
    return message.as_bytes()


def body(rows: list[dict[str, str]]) -> str:
    lines = [f"{r['product']:<24}{r['pieces']:>6} pieces{r['sales']:>10}  {r['change']:>6}" for r in rows]
    return "\n".join(["Sales of the week, and how they compare with the week before:", "", *lines, ""])


def send(email: bytes, context: Context) -> None:
    """Send it, or keep it in the outbox. Its id comes from its content, so a second sending shows as such."""
    message = message_from_bytes(email, policy=policy.SMTP)
    message["Date"] = formatdate(localtime=True)
    message["Message-ID"] = f"<{hashlib.sha256(email).hexdigest()[:32]}@weekly-report.invalid>"
    url = os.environ.get("BAKEHOUSE_SMTP_URL", "")
    if not url:
        box = mailbox.Maildir(OUTBOX, create=True)
        key = box.add(message.as_bytes())
        context.log.info("kept in %s", OUTBOX.resolve() / "new" / key)
        context.metadata(sent_to="outbox")
        return
    server = urlsplit(url)
    if server.scheme not in PORTS or not server.hostname:
        raise ValueError("BAKEHOUSE_SMTP_URL must be smtp://[user:password@]host[:port] or smtps://…")
    with connected(server.scheme, server.hostname, server.port or PORTS[server.scheme]) as smtp:
        if server.username:
            smtp.login(unquote(server.username), unquote(server.password or ""))
        smtp.send_message(message)
    context.log.info("sent to %s over %s", message["To"], server.hostname)
    context.metadata(sent_to=str(message["To"]), server=server.hostname)


def connected(scheme: str, host: str, port: int) -> smtplib.SMTP:
    """An open connection, encrypted wherever the server can."""
    if scheme == "smtps":
        return smtplib.SMTP_SSL(host, port, timeout=30, context=ssl.create_default_context())
    smtp = smtplib.SMTP(host, port, timeout=30)
    smtp.ehlo()
    if smtp.has_extn("starttls"):
        smtp.starttls(context=ssl.create_default_context())
        smtp.ehlo()
    return smtp
