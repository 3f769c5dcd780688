"""What the control endpoints of the fakes understand alike: disputes and payouts."""

from collections.abc import Callable
from typing import Any, Protocol

ANSWER_DAYS = 14


class Disputes(Protocol):
    """Who pays disputes, the merchant answers, the bank decides."""

    def open(
        self, payment: str, *, amount: int | None, reason: str, days: int
    ) -> object:
        """The payer wants `amount` minor units back (None: all); `reason` in the
        provider's word, '' for a usual one. To be answered within `days`."""

    def answer(self, dispute: str) -> object:
        """The merchant has sent evidence."""

    def close(self, dispute: str, *, is_won: bool) -> object:
        """The bank has decided; once more, as after an appeal, where there is one."""


class Payouts(Protocol):
    """Money on its way to the merchant's bank."""

    def pay_out(self, *, amount: int | None, currency: str, days: int) -> object:
        """Send `amount` minor units (None: all there is), to arrive in `days`."""

    def end(self, payout: str, *, is_paid: bool) -> object:
        """It has arrived, or the bank has sent it back."""


Action = Callable[[Any], None]
# Runs a change inside a transaction; a refusal comes out as ValueError.
Act = Callable[[Callable[[], object]], None]


def of_disputes(disputes: Callable[[], Disputes], act: Act) -> dict[str, Action]:
    """`open_dispute`: {"payment", "amount", "reason", "days"}, all but the first may be
    left out; `answer_dispute`: {"dispute"}; `close_dispute`: {"dispute", "won"}."""
    return {
        "open_dispute": lambda v: act(
            lambda: disputes().open(
                v["payment"],
                amount=v.get("amount"),
                reason=v.get("reason", ""),
                days=v.get("days", ANSWER_DAYS),
            )
        ),
        "answer_dispute": lambda v: act(lambda: disputes().answer(v["dispute"])),
        "close_dispute": lambda v: act(
            lambda: disputes().close(v["dispute"], is_won=bool(v["won"]))
        ),
    }


def of_payouts(payouts: Callable[[], Payouts], act: Act) -> dict[str, Action]:
    """`pay_out`: {"currency", "amount", "days"}, all but the first may be left out;
    `end_payout`: {"payout", "paid"}."""
    return {
        "pay_out": lambda v: act(
            lambda: payouts().pay_out(
                amount=v.get("amount"), currency=v["currency"], days=v.get("days", 2)
            )
        ),
        "end_payout": lambda v: act(
            lambda: payouts().end(v["payout"], is_paid=bool(v["paid"]))
        ),
    }
