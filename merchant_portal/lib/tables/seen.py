"""What has come by in a long file: any number of keys, in little memory."""

import sqlite3
from collections.abc import Mapping
from types import TracebackType
from typing import Self

CACHE_KILOBYTES = 8_192


class Seen:
    """Keys with the row that each was first met in; kept in a file without a name, which
    the system removes with the process."""

    def __init__(self) -> None:
        self._books = sqlite3.connect("", isolation_level=None)
        self._books.execute(f"PRAGMA cache_size = -{CACHE_KILOBYTES}")
        self._books.execute("PRAGMA journal_mode = OFF")
        self._books.execute("PRAGMA synchronous = OFF")
        self._books.execute(
            "CREATE TABLE seen (key TEXT PRIMARY KEY, row INTEGER) WITHOUT ROWID"
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._books.close()

    def note(self, rows: Mapping[str, int]) -> dict[str, int]:
        """Keep those that are new; key → row of its first time, for all of them."""
        self._books.executemany(
            "INSERT OR IGNORE INTO seen VALUES (?, ?)", list(rows.items())
        )
        found: dict[str, int] = {}
        keys = list(rows)
        for start in range(0, len(keys), 500):
            some = keys[start : start + 500]
            marks = ",".join("?" * len(some))
            found.update(
                self._books.execute(
                    f"SELECT key, row FROM seen WHERE key IN ({marks})",  # noqa: S608
                    some,
                ).fetchall()
            )
        return found
