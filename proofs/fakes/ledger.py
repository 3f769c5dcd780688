"""The fakes' memory on disk, which is also the judge: it survives kill -9 and restarts.

One SQLite file a fake. A fake writes it under one lock; scripts and tests open the same
file beside it and only read.
"""

import json
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

Json = dict[str, Any]

SCHEMA = """
CREATE TABLE IF NOT EXISTS objects (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, id TEXT NOT NULL,
    body TEXT NOT NULL, UNIQUE (kind, id));
CREATE TABLE IF NOT EXISTS calls (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, method TEXT NOT NULL,
    path TEXT NOT NULL, key TEXT NOT NULL, body TEXT NOT NULL,
    status INTEGER, fault TEXT NOT NULL DEFAULT '');
CREATE TABLE IF NOT EXISTS answers (
    key TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, status INTEGER NOT NULL,
    body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS deliveries (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, event TEXT NOT NULL, url TEXT NOT NULL,
    content_type TEXT NOT NULL, body TEXT NOT NULL, due_at REAL NOT NULL,
    tries INTEGER NOT NULL DEFAULT 0, state TEXT NOT NULL DEFAULT 'pending',
    answer TEXT NOT NULL DEFAULT '');
CREATE INDEX IF NOT EXISTS deliveries_due ON deliveries (due_at) WHERE state = 'pending';
CREATE TABLE IF NOT EXISTS findings (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, place TEXT NOT NULL, message TEXT NOT NULL);
"""


@dataclass(frozen=True)
class Call:
    """One request that reached the fake.

    `key` is its Idempotency-Key or ''. `status` is None when no answer was ever given
    (hung up, or the fake died). `fault` names the switch that struck, or is ''.
    """

    seq: int
    at: float
    method: str
    path: str
    key: str
    body: str
    status: int | None
    fault: str


@dataclass(frozen=True)
class Delivery:
    """One webhook or callback to make: state is pending, delivered or given_up."""

    seq: int
    event: str
    url: str
    content_type: str
    body: str
    due_at: float
    tries: int
    state: str
    answer: str


@dataclass(frozen=True)
class StoredAnswer:
    """The first answer to an idempotency key; `fingerprint` is of path and parameters."""

    fingerprint: str
    status: int
    body: str


class Ledger:
    """The file. Safe for threads; every method outside atomic() commits by itself."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.RLock()
        self._depth = 0
        self._db = sqlite3.connect(
            path, timeout=20, isolation_level=None, check_same_thread=False
        )
        # WAL in NORMAL: nothing committed is lost when the process is killed.
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.executescript(SCHEMA)

    def close(self) -> None:
        with self._lock:
            self._db.close()

    @contextmanager
    def closing(self) -> Iterator[Self]:
        """Close the file at the end of the block."""
        try:
            yield self
        finally:
            self.close()

    @contextmanager
    def atomic(self) -> Iterator[None]:
        """Hold the lock and one transaction; roll back when the body raises."""
        with self._lock:
            if self._depth == 0:
                self._db.execute("BEGIN IMMEDIATE")
            self._depth += 1
            try:
                yield
            except BaseException:
                self._depth -= 1
                if self._depth == 0:
                    self._db.execute("ROLLBACK")
                raise
            self._depth -= 1
            if self._depth == 0:
                self._db.execute("COMMIT")

    def put(self, kind: str, identity: str, body: Json) -> None:
        """Store or replace an object; its place in the order stays."""
        self._run(
            "INSERT INTO objects (kind, id, body) VALUES (?, ?, ?)"
            " ON CONFLICT (kind, id) DO UPDATE SET body = excluded.body",
            (kind, identity, json.dumps(body)),
        )

    def get(self, kind: str, identity: str) -> Json | None:
        rows = self._run(
            "SELECT body FROM objects WHERE kind = ? AND id = ?", (kind, identity)
        )
        return json.loads(rows[0][0]) if rows else None

    def objects(self, kind: str) -> list[Json]:
        """All objects of the kind, oldest first."""
        rows = self._run(
            "SELECT body FROM objects WHERE kind = ? ORDER BY seq", (kind,)
        )
        return [json.loads(row[0]) for row in rows]

    def record_call(self, method: str, path: str, key: str, body: str) -> int:
        """Write a request down before anything is done with it; returns its number."""
        with self._lock:
            return int(
                self._db.execute(
                    "INSERT INTO calls (at, method, path, key, body) VALUES (?, ?, ?, ?, ?)",
                    (time.time(), method, path, key, body),
                ).lastrowid
                or 0
            )

    def finish_call(self, seq: int, *, status: int | None, fault: str) -> None:
        self._run(
            "UPDATE calls SET status = ?, fault = ? WHERE seq = ?", (status, fault, seq)
        )

    def calls(self, *, method: str = "", path: str = "") -> list[Call]:
        """Requests in order; `path` is a prefix."""
        rows = self._run(
            "SELECT seq, at, method, path, key, body, status, fault FROM calls"
            " WHERE method LIKE ? AND substr(path, 1, ?) = ? ORDER BY seq",
            (method or "%", len(path), path),
        )
        return [Call(*row) for row in rows]

    def stored_answer(self, key: str) -> StoredAnswer | None:
        """What was answered to an idempotency key."""
        rows = self._run(
            "SELECT fingerprint, status, body FROM answers WHERE key = ?", (key,)
        )
        return StoredAnswer(*rows[0]) if rows else None

    def store_answer(self, key: str, fingerprint: str, status: int, body: str) -> None:
        self._run(
            "INSERT INTO answers VALUES (?, ?, ?, ?)", (key, fingerprint, status, body)
        )

    def change_answer(self, key: str, status: int, body: str) -> None:
        self._run(
            "UPDATE answers SET status = ?, body = ? WHERE key = ?", (status, body, key)
        )

    def add_delivery(
        self, *, event: str, url: str, content_type: str, body: str, due_at: float
    ) -> None:
        self._run(
            "INSERT INTO deliveries (event, url, content_type, body, due_at)"
            " VALUES (?, ?, ?, ?, ?)",
            (event, url, content_type, body, due_at),
        )

    def deliveries(self, *, due_by: float | None = None) -> list[Delivery]:
        """All deliveries, or only the pending ones that are due by then, oldest first."""
        columns = "seq, event, url, content_type, body, due_at, tries, state, answer"
        if due_by is None:
            rows = self._run(f"SELECT {columns} FROM deliveries ORDER BY seq")  # noqa: S608
        else:
            rows = self._run(
                f"SELECT {columns} FROM deliveries"  # noqa: S608
                " WHERE state = 'pending' AND due_at <= ? ORDER BY due_at, seq",
                (due_by,),
            )
        return [Delivery(*row) for row in rows]

    def settle_delivery(
        self, seq: int, *, state: str, answer: str, due_at: float
    ) -> None:
        """Note one try; a state of pending with a new due_at means another will follow."""
        self._run(
            "UPDATE deliveries SET tries = tries + 1, state = ?, answer = ?, due_at = ?"
            " WHERE seq = ?",
            (state, answer, due_at, seq),
        )

    def add_findings(self, place: str, messages: list[str]) -> None:
        for message in messages:
            self._run(
                "INSERT INTO findings (place, message) VALUES (?, ?)", (place, message)
            )

    def findings(self) -> list[str]:
        """What the vendors' documents say is wrong, as 'place: sentence', oldest first."""
        rows = self._run("SELECT place, message FROM findings ORDER BY seq")
        return [f"{place}: {message}" for place, message in rows]

    def _run(self, statement: str, values: tuple[Any, ...] = ()) -> list[Any]:
        with self._lock:
            return self._db.execute(statement, values).fetchall()
