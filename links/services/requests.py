"""The exact request that opens a session: stored with its checkout, repeated as it was."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from ..models import Checkout, LineItem, PaymentLink
from ..providers.base import CheckoutRequest
from . import pages, recipients

SHORTEST, LONGEST = timedelta(minutes=31), timedelta(hours=23)
# Stripe takes sessions of 30 minutes to 24 hours


def parameters(
    link: PaymentLink, lines: Sequence[LineItem], now: datetime
) -> dict[str, str]:
    """All that is needed to repeat the call, but the address of the link itself."""
    title = lines[0].description if len(lines) == 1 else str(link.number)
    customer = recipients.addresses(link).get("email", "")
    return {
        "title": f"{link.number}: {title}" if len(lines) == 1 else title,
        "language": recipients.language(link),
        "customer_email": customer,
        "expires_at": _session_end(link, now).isoformat(),
    }


def _session_end(link: PaymentLink, now: datetime) -> datetime:
    """With the link, but within the bounds that providers set."""
    end = now.replace(microsecond=0) + LONGEST
    if link.expires_at is None:
        return end
    return max(min(end, link.expires_at), now + SHORTEST)


def request_of(checkout: Checkout, link: PaymentLink) -> CheckoutRequest:
    """The exact request of this checkout, the same at every repeat."""
    page = pages.url_of(link)
    stored = checkout.parameters
    return CheckoutRequest(
        reference=checkout.public_id,
        link_reference=link.public_id,
        idempotency_key=checkout.public_id,
        amount=checkout.amount,
        return_url=f"{page}return/{checkout.public_id}/",
        cancel_url=page,
        title=stored["title"],
        language=stored["language"],
        customer_email=stored["customer_email"],
        expires_at=datetime.fromisoformat(stored["expires_at"]),
    )


def end_of(checkout: Checkout) -> datetime:
    """When its session ends, as the provider said, else as we asked."""
    return checkout.expires_at or datetime.fromisoformat(
        checkout.parameters["expires_at"]
    )
