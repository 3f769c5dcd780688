"""The exact request that opens a session: stored with its checkout, repeated as it was."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from ..models import Checkout, LineItem, PaymentLink
from ..providers.base import CheckoutRequest
from . import owed, pages, recipients

SHORTEST, LONGEST = timedelta(minutes=31), timedelta(hours=23)
# Stripe takes sessions of 30 minutes to 24 hours


def parameters(
    link: PaymentLink, lines: Sequence[LineItem], now: datetime
) -> dict[str, str]:
    """All that is needed to repeat the call, but the address of the link itself."""
    title = lines[0].description if len(lines) == 1 else str(link.number)
    title = f"{link.number}: {title}" if len(lines) == 1 else title
    return _parameters(link, title, _session_end([link], now))


def joint_parameters(links: Sequence[PaymentLink], now: datetime) -> dict[str, str]:
    """As above, of a checkout for all these links of one customer."""
    numbers = ", ".join(str(link.number) for link in links)
    return _parameters(links[0], numbers, _session_end(links, now))


def _parameters(link: PaymentLink, title: str, end: datetime) -> dict[str, str]:
    return {
        "title": title,
        "language": recipients.language(link),
        "customer_email": recipients.addresses(link).get("email", ""),
        "expires_at": end.isoformat(),
    }


def _session_end(links: Sequence[PaymentLink], now: datetime) -> datetime:
    """With the first of the links to end, but within the bounds that providers set."""
    end = now.replace(microsecond=0) + LONGEST
    ends = [link.expires_at for link in links if link.expires_at is not None]
    return max(min([end, *ends]), now + SHORTEST) if ends else end


def request_of(checkout: Checkout, link: PaymentLink) -> CheckoutRequest:
    """The exact request of this checkout, the same at every repeat."""
    page = page_of(checkout, link)
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


def page_of(checkout: Checkout, link: PaymentLink) -> str:
    """The page from which it was opened, and to which its payer comes back."""
    if checkout.is_joint and link.customer_id is not None:
        return owed.url_of(link.customer_id)
    return pages.url_of(link)


def end_of(checkout: Checkout) -> datetime:
    """When its session ends, as the provider said, else as we asked."""
    return checkout.expires_at or datetime.fromisoformat(
        checkout.parameters["expires_at"]
    )
