"""Taking money that a payer agreed to, at providers that wait for us to take it.

Until then nothing was paid: what the link no longer asks for is not taken at all.
"""

from dataclasses import replace

import structlog
from django.db import transaction

from merchant_portal.lib import clock, crash

from ..models import (
    Checkout,
    CheckoutState,
    LinkStatus,
    PaymentLink,
)
from ..providers.base import (
    CheckoutSnapshot,
    Provider,
    ProviderRejected,
    SessionState,
)
from . import asking, sessions

S = CheckoutState
log = structlog.get_logger(__name__)


def take(
    checkout: Checkout, provider: Provider, found: CheckoutSnapshot
) -> CheckoutSnapshot:
    """The session after its money was taken, or after we decided not to take it.

    `found` awaits its capture: whoever comes after a lost answer has looked first. The
    key is the same each time. Raises ProviderUnavailable when nobody knows.
    """
    if not _may_take(checkout):
        log.info("capture_refused", checkout=checkout.public_id)
        return provider.expire_checkout(found.provider_session_id)
    crash.crash_at("capture.before_call")
    try:
        taken = provider.capture(
            found.provider_session_id, f"{checkout.public_id}-capture"
        )
    except ProviderRejected as exc:
        Checkout.objects.filter(pk=checkout.pk).update(last_error=str(exc)[:300])
        return replace(found, state=SessionState.FAILED, awaits_capture=False)
    crash.crash_at("capture.after_call")
    return taken


def _may_take(checkout: Checkout) -> bool:
    """Whether the link still asks for just this money; then nobody else opens or takes
    any, for the row says that it is being taken."""
    with transaction.atomic():
        links = PaymentLink.objects.locked_all(sessions.link_pks(checkout))
        fresh = Checkout.objects.select_for_update(of=("self",)).get(pk=checkout.pk)
        asked = {checkout.link_id: fresh.due_minor}
        if fresh.is_joint:
            asked = dict(fresh.shares.values_list("link_id", "amount_minor"))
        is_wanted = fresh.close_ordered_at is None and all(
            _is_asking(link, asked[link.pk]) for link in links.values()
        )
        if is_wanted and fresh.state == S.OPEN:
            fresh.move_to(S.CAPTURING)
        checkout.state = fresh.state
        return is_wanted and fresh.state == S.CAPTURING


def _is_asking(link: PaymentLink, due_minor: int) -> bool:
    """Whether a locked link still asks for just that, and no other money is coming."""
    return (
        link.status == LinkStatus.ACTIVE
        and not link.is_past_expiry(clock.now())
        and asking.is_wanted(link, due_minor)
        and (link.is_reusable or not sessions.has_money_under_way(link))
    )
