"""Payouts in the books: what providers say they sent to the merchant's bank."""

from django.db import transaction

from merchant_portal.lib import clock

from ..models import Payout
from ..providers.base import PayoutSnapshot
from . import accounts


def record(seen: PayoutSnapshot) -> Payout | None:
    """Book what a provider says about one payout; None when this says nothing new.

    Again, or in any order, ends in the same row: a state never moves back, and what was
    said with a later one stands.
    """
    account = accounts.get(seen.account_slug)
    facts = {
        "state": seen.state.value,
        "amount_minor": seen.amount.amount_minor,
        "currency": seen.amount.currency,
        "arrives_on": seen.arrives_on,
    }
    with transaction.atomic():
        payout, created = Payout.objects.select_for_update(of=("self",)).get_or_create(
            account=account,
            provider_payout_id=seen.provider_payout_id,
            defaults={
                **facts,
                "created_at": seen.created_at,
                "recorded_at": clock.now(),
            },
        )
        if created:
            return payout
        if Payout.RANK[seen.state.value] < Payout.RANK[payout.state]:
            return None
        if facts["arrives_on"] is None:
            del facts["arrives_on"]  # kept once known
        changed = {n for n, value in facts.items() if getattr(payout, n) != value}
        for name in changed:
            setattr(payout, name, facts[name])
        if changed:
            payout.save(update_fields=sorted(changed))
    return payout if changed else None
