"""A weather API to try the pipeline with: serves data/weather-2013-11.csv in pages of JSON.

    python3 serve.py [PORT] [--fail-page N]

GET /weather?page=1 answers {"page": 1, "pages": 11, "next": 2, "records": [{…}, …]}; on the last
page `next` is null. With --fail-page N that page answers 503 the first time, as services do.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections.abc import Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

DATA = Path(__file__).parent / "data" / "weather-2013-11.csv"
PAGE_SIZE = 200


class WeatherServer(ThreadingHTTPServer):
    """Answers on 127.0.0.1 only. `failing` maps a page to how often it still answers 503."""

    def __init__(self, port: int = 0, failing: Mapping[int, int] | None = None) -> None:
        super().__init__(("127.0.0.1", port), Pages)
        self.failing = dict(failing or {})
        with DATA.open(newline="", encoding="utf-8") as file:
            self.records = list(csv.DictReader(file))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/weather"

    def page(self, number: int) -> dict[str, object]:
        """Raises LookupError for a page that does not exist."""
        pages = -(-len(self.records) // PAGE_SIZE)
        if not 1 <= number <= pages:
            raise LookupError(f"there are pages 1 to {pages}")
        return {
            "page": number,
            "pages": pages,
            "next": number + 1 if number < pages else None,
            "records": self.records[(number - 1) * PAGE_SIZE : number * PAGE_SIZE],
        }


class Pages(BaseHTTPRequestHandler):
    server: WeatherServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        wanted = parse_qs(address.query).get("page", ["1"])[0]
        if address.path != "/weather" or not wanted.isdecimal():
            self.answer(HTTPStatus.NOT_FOUND, {"error": "ask for /weather?page=1"})
            return
        number = int(wanted)
        if self.server.failing.get(number, 0) > 0:
            self.server.failing[number] -= 1
            self.answer(HTTPStatus.SERVICE_UNAVAILABLE, {"error": "try again"})
            return
        try:
            self.answer(HTTPStatus.OK, self.server.page(number))
        except LookupError as missing:
            self.answer(HTTPStatus.NOT_FOUND, {"error": str(missing)})

    def answer(self, status: HTTPStatus, content: dict[str, object]) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def main() -> None:
    parser = argparse.ArgumentParser(description="Serves the weather in pages.")
    parser.add_argument("port", nargs="?", type=int, default=8765)
    parser.add_argument("--fail-page", type=int, help="this page fails once")
    options = parser.parse_args()
    failing = {options.fail_page: 1} if options.fail_page else None
    with WeatherServer(options.port, failing) as server:
        print(f"serving {server.url}?page=1 (ctrl+c ends)", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print()


if __name__ == "__main__":
    main()
