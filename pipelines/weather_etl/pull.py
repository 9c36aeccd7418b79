"""Pulls every page from the API. A page that fails fails the step, and the step's `retries` try again."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import urlopen

from bakehouse import Context

LOCAL = "http://127.0.0.1:8765/weather"
Record = dict[str, str]


def all_pages(context: Context) -> list[Record]:
    """The records of all pages, in order. Raises ConnectionError naming the page that did not come."""
    url = os.environ.get("BAKEHOUSE_WEATHER_URL") or LOCAL
    records: list[Record] = []
    for number, page in enumerate(pages(url), start=1):
        records += page["records"]
        context.log.info("page %d of %d: %d records", number, page["pages"], len(page["records"]))
        context.progress(number / page["pages"], f"page {number}")
    context.metadata(records=len(records), url=url)
    return records


def pages(url: str) -> Iterator[dict[str, Any]]:
    number: int | None = 1
    while number is not None:
        page = fetched(f"{url}?{urlencode({'page': number})}")
        yield page
        number = page["next"]


def fetched(address: str) -> dict[str, Any]:
    if not address.startswith(("http://", "https://")):
        raise ValueError(f"{address} is no http:// or https:// address")
    try:
        with urlopen(address, timeout=30) as answer:
            page: dict[str, Any] = json.load(answer)
            return page
    except HTTPError as refused:
        refused.close()
        raise ConnectionError(f"{address} answered {refused.code} {refused.reason}") from None
    except URLError as gone:
        hint = "; start it with `python3 serve.py`" if address.startswith(LOCAL) else ""
        raise ConnectionError(f"{address}: {gone.reason}{hint}") from None
