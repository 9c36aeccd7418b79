"""The floor of what Bakehouse promises: every node in another process, every result durable before it counts.

`floor_isolated.py GRAPH CHANGED`, in the state folder. Two programs are started once and given batches of nodes;
one thread writes key, value and two events a node, many nodes to a commit, with synchronous=FULL.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import selectors
import sqlite3
import subprocess
import sys
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from graphs import PRIME, compute, graph

WORKERS = 2
LARGEST_BATCH = 32
SCHEMA = (
    "pragma journal_mode = wal",
    "pragma synchronous = full",
    "create table if not exists event (seq integer primary key, node int, kind text)",
    "create table if not exists memo (node integer primary key, key blob, value int)",
)
Row = tuple[int, bytes, int]


def work() -> None:
    orders, results = os.fdopen(0, "rb"), os.fdopen(1, "wb")
    while True:
        try:
            batch = pickle.load(orders)  # noqa: S301 - our own child's pipe
        except EOFError:
            return
        pickle.dump([(number, compute(number, inputs, extra)) for number, inputs, extra in batch], results, 5)
        results.flush()


class Ledger:
    """Writes on a thread of its own; `close` returns when everything is on disk."""

    def __init__(self) -> None:
        self.rows: SimpleQueue[Row | None] = SimpleQueue()
        self.database = sqlite3.connect("ledger.db", isolation_level=None, check_same_thread=False)
        for statement in SCHEMA:
            self.database.execute(statement)
        self.memo = {node: (key, value) for node, key, value in self.database.execute("select * from memo")}
        self.thread = Thread(target=self.write)
        self.thread.start()

    def write(self) -> None:
        ended = False
        while not ended:
            rows = [self.rows.get()]
            while True:
                try:
                    rows.append(self.rows.get_nowait())
                except Empty:
                    break
            ended = None in rows
            if done := [row for row in rows if row is not None]:
                self.commit(done)

    def commit(self, rows: list[Row]) -> None:
        self.database.execute("begin immediate")
        events = ((node, kind) for node, _, _ in rows for kind in ("started", "succeeded"))
        self.database.executemany("insert into event (node, kind) values (?, ?)", events)
        self.database.executemany("insert or replace into memo values (?, ?, ?)", rows)
        self.database.execute("commit")

    def close(self) -> None:
        self.rows.put(None)
        self.thread.join()
        self.database.close()


class Floor:
    def __init__(self, name: str, changed: int) -> None:
        self.nodes = graph(name)
        self.changed = changed
        self.needs = dict(self.nodes)
        self.users: dict[int, list[int]] = {number: [] for number in self.needs}
        self.missing = {number: len(needed) for number, needed in self.nodes}
        for number, needed in self.nodes:
            for other in needed:
                self.users[other].append(number)
        self.values: dict[int, int] = {}
        self.keys: dict[int, bytes] = {}
        self.ready = [number for number, needed in self.nodes if not needed]
        self.orders: list[tuple[int, list[int], int]] = []
        self.ledger = Ledger()
        self.ran = 0

    def settle(self) -> None:
        """Takes what is ready from the memo, or puts it among the orders."""
        while self.ready:
            number = self.ready.pop()
            inputs = [self.values[other] for other in self.needs[number]]
            extra = 7 if number == self.changed else 0
            key = hashlib.blake2b(repr((number, extra, inputs)).encode(), digest_size=16).digest()
            known = self.ledger.memo.get(number)
            if known and known[0] == key:
                self.finish(number, known[1])
            else:
                self.keys[number] = key
                self.orders.append((number, inputs, extra))

    def finish(self, number: int, value: int) -> None:
        self.values[number] = value
        for user in self.users[number]:
            self.missing[user] -= 1
            if not self.missing[user]:
                self.ready.append(user)

    def send(self, worker: subprocess.Popen[bytes]) -> None:
        size = max(1, min(LARGEST_BATCH, len(self.orders) // WORKERS))
        batch, self.orders = self.orders[:size], self.orders[size:]
        assert worker.stdin is not None
        pickle.dump(batch, worker.stdin, 5)
        worker.stdin.flush()

    def receive(self, results: Any) -> None:
        for number, value in pickle.load(results):  # noqa: S301 - our own child's pipe
            self.ran += 1
            self.ledger.rows.put((number, self.keys[number], value))
            self.finish(number, value)

    def run(self) -> None:
        self.settle()
        if self.orders:
            self.run_in_workers()
        self.ledger.close()
        print(f"RESULT {sum(self.values.values()) % PRIME} {self.ran}")

    def run_in_workers(self) -> None:
        command = [sys.executable, __file__, "work"]
        workers = [
            subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(WORKERS)
        ]
        watcher, idle = selectors.DefaultSelector(), list(workers)
        for worker in workers:
            assert worker.stdout is not None
            watcher.register(worker.stdout, selectors.EVENT_READ, worker)
        while len(self.values) < len(self.nodes):
            while idle and self.orders:
                self.send(idle.pop())
            for found, _ in watcher.select():
                self.receive(found.fileobj)
                idle.append(found.data)
            self.settle()
        for worker in workers:
            assert worker.stdin is not None
            worker.stdin.close()
        for worker in workers:
            worker.wait()


if sys.argv[1] == "work":
    work()
else:
    Floor(sys.argv[1], int(sys.argv[2])).run()
