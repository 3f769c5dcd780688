"""Whether a shop's money adds up, from its own tables by one view (`books.sql`)."""

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

VIEW = Path(__file__).with_name("books.sql")
COLUMNS = "currency, captured, refunded, on_payments, ledger"


class Cursor(Protocol):
    def execute(self, query: Any, /) -> object: ...

    def fetchall(self) -> list[Any]: ...

    def close(self) -> None: ...


class Connection(Protocol):
    """psycopg's, sqlite3's or Django's."""

    def cursor(self) -> Cursor: ...


@dataclass(frozen=True)
class Sums:
    """One currency, in minor units. `on_payments`: what payments say was given back of
    them; `ledger`: paid less given back, as summed by the day."""

    captured: int
    refunded: int
    on_payments: int
    ledger: int


def read(connection: Connection) -> dict[str, Sums]:
    """The sums by currency; the view lives as long as the connection."""
    with closing(connection.cursor()) as cursor:
        cursor.execute("DROP VIEW IF EXISTS books")
        cursor.execute(VIEW.read_text())
        cursor.execute(f"SELECT {COLUMNS} FROM books")  # noqa: S608  a constant
        rows = cursor.fetchall()
    return {currency: Sums(*map(int, sums)) for currency, *sums in rows}


def check(connection: Connection) -> list[str]:
    """What does not add up, a sentence each: captured less refunded is the ledger."""
    found = []
    for currency, sums in sorted(read(connection).items()):
        kept = sums.captured - sums.refunded
        if kept != sums.ledger:
            found.append(f"{currency}: {kept} was kept, the ledger says {sums.ledger}")
        if sums.on_payments != sums.refunded:
            found.append(
                f"{currency}: {sums.refunded} was given back, payments say"
                f" {sums.on_payments}"
            )
    return found
