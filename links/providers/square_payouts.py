"""Square's payouts, read into our snapshots. Source: Square API reference, 2025-08-20."""

from datetime import date

from merchant_portal.lib.money import EXPONENTS, Money, MoneyError

from .base import PayoutSnapshot, PayoutState, ProviderRejected, ProviderUnavailable
from .parsing import Json, json_object, text
from .square_objects import SLUG, identity, moment

# Anything else is not sent yet, as far as we know.
STATES = {
    "SENT": PayoutState.IN_TRANSIT,
    "PAID": PayoutState.PAID,
    "FAILED": PayoutState.FAILED,
}


def payout_snapshot(payout: Json) -> PayoutSnapshot:
    created_at = moment(payout, "created_at")
    if created_at is None:
        raise ProviderUnavailable("Square describes a payout without its time.")
    return PayoutSnapshot(
        account_slug=SLUG,
        provider_payout_id=identity(payout, "payout"),
        state=STATES.get(text(payout, "status"), PayoutState.PENDING),
        amount=_money(json_object(payout, "amount_money")),
        created_at=created_at,
        arrives_on=_day(text(payout, "arrival_date")),
    )


def _money(found: Json) -> Money:
    """Below zero where Square takes from the bank account, unlike anywhere else. Its own
    examples call the currency currency_code here."""
    units = found.get("amount")
    code = text(found, "currency") or text(found, "currency_code")
    if type(units) is not int or code not in EXPONENTS:
        raise ProviderRejected(f"Square names an amount that is none: {code[:8]!r}.")
    try:
        return Money(units, code)
    except MoneyError as exc:
        raise ProviderRejected(str(exc)) from exc


def _day(written: str) -> date | None:
    try:
        return date.fromisoformat(written)
    except ValueError:
        return None
