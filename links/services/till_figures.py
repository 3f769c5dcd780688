"""What a shift's report says: sums of what is booked in it, in minor units.

Everything is plain (text and whole numbers), so that it can be signed and kept as it is.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, F, QuerySet, Sum

from ..models import (
    CashMovement,
    MoveKind,
    Payment,
    PaymentState,
    Refund,
    RefundState,
    Shift,
)

CASH = "cash"
HAND = "manual"
# the account of money that people take themselves
Plain = dict[str, Any]


@dataclass(slots=True)
class Cash:
    """The drawer in one currency, without the count."""

    float: int = 0
    taken: int = 0
    given: int = 0
    put_in: int = 0
    taken_out: int = 0

    @property
    def expected(self) -> int:
        return self.float + self.taken - self.given + self.put_in - self.taken_out


@dataclass(frozen=True, slots=True)
class Books:
    """What the tables say of one shift now."""

    floats: Mapping[str, int]
    taken: list[Plain]
    given: list[Plain]
    moves: list[Plain]

    def cash(self) -> dict[str, Cash]:
        """By currency: every one of which there was any, sorted."""
        found: dict[str, Cash] = defaultdict(Cash)
        for currency, minor in self.floats.items():
            found[currency].float = minor
        for row in self.taken:
            if row["method"] == CASH:
                found[row["currency"]].taken += row["amount"]
        for row in self.given:
            if row["method"] == CASH:
                found[row["currency"]].given += row["amount"]
        for row in self.moves:
            cash = found[row["currency"]]
            if row["kind"] == MoveKind.IN:
                cash.put_in += row["amount"]
            else:
                cash.taken_out += row["amount"]
        return dict(sorted(found.items()))

    def plain(self) -> Plain:
        return {
            "cash": [
                {"currency": currency, **asdict(cash), "expected": cash.expected}
                for currency, cash in self.cash().items()
            ],
            "taken": self.taken,
            "given": self.given,
            "moves": self.moves,
        }


def of(shift: Shift) -> Books:
    """Five small queries, each by the shift."""
    floats = shift.cash.order_by("currency").values_list("currency", "float_minor")
    taken = Payment.objects.filter(shift=shift, state=PaymentState.SUCCEEDED)
    given = Refund.objects.filter(shift=shift, state__in=Refund.HOLDING)
    return Books(
        dict(floats),
        summed(taken.values("method", "currency")),
        summed(given.values("currency", method=F("payment__method"))),
        [_moved(move) for move in shift.moves.order_by("made_at", "id")],
    )


def online(first: datetime, last: datetime) -> list[Plain]:
    """Money that came, and went back, at providers from one moment to another; for
    information, since it is in no drawer. By account, method and currency."""
    paid = Payment.objects.filter(
        state=PaymentState.SUCCEEDED, occurred_at__gte=first, occurred_at__lte=last
    ).exclude(account__slug=HAND)
    back = Refund.objects.filter(
        state=RefundState.SUCCEEDED, occurred_at__gte=first, occurred_at__lte=last
    ).exclude(payment__account__slug=HAND)
    empty = {"count": 0, "amount": 0, "back_count": 0, "back": 0}
    found: dict[tuple[str, ...], Plain] = defaultdict(lambda: dict(empty))
    for row in summed(paid.values("method", "currency", slug=F("account__slug"))):
        key = row["slug"], row["method"], row["currency"]
        found[key] |= {"count": row["count"], "amount": row["amount"]}
    of_back = back.values(
        "currency", method=F("payment__method"), slug=F("payment__account__slug")
    )
    for row in summed(of_back):
        key = row["slug"], row["method"], row["currency"]
        found[key] |= {"back_count": row["count"], "back": row["amount"]}
    return [
        {"account": account, "method": method, "currency": currency, **sums}
        for (account, method, currency), sums in sorted(found.items())
    ]


def summed(rows: QuerySet[Any, Any]) -> list[Plain]:
    found = rows.order_by().annotate(count=Count("id"), amount=Sum("amount_minor"))
    return sorted(found, key=lambda row: (row["currency"], row["method"]))


def _moved(move: CashMovement) -> Plain:
    return {
        "id": move.public_id,
        "at": move.made_at.isoformat(timespec="seconds"),
        "kind": move.kind,
        "currency": move.currency,
        "amount": move.amount_minor,
        "reason": move.reason,
    }
