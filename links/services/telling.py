"""Whom a payment is told to: the payer gets a receipt, staff who want to know a word."""

from notifications.services import outbox

from ..models import News, Payment, PaymentLink, PaymentState
from . import notices, recipients

S = PaymentState
_NEWS: dict[str, News] = {S.SUCCEEDED: News.PAID, S.FAILED: News.FAILED}


def of_payment(
    payment: Payment,
    link: PaymentLink | None,
    *,
    was_state: str,
    was_link: int | None,
) -> None:
    """Queue all mails about a payment that was booked just now, in one go.

    `was_state`, `was_link`: as it was booked before; empty and None for a new one.
    """
    has_moved = payment.state != was_state
    mails: list[outbox.NewMessage] = []
    if (
        link is not None
        and payment.state == S.SUCCEEDED
        and (has_moved or was_link is None)
    ):
        mails += _receipts(link, payment)
    news = _NEWS.get(payment.state)
    if has_moved and news is not None:
        mails += notices.keep(
            [
                notices.Happening(
                    news,
                    payment.public_id,
                    payment.occurred_at,
                    link,
                    payment.amount,
                )
            ]
        )
    outbox.want_many(mails)


def _receipts(link: PaymentLink, payment: Payment) -> list[outbox.NewMessage]:
    known = recipients.addresses(link)
    channels = [c for c in link.last_channels if c in known] or list(known)[:1]
    language = recipients.language(link)
    return [
        outbox.NewMessage(
            kind="receipt",
            channel=channel,
            recipient=known[channel],
            language=language,
            reference=link.public_id,
            subject_id=payment.public_id,
            dedupe_key=f"receipt:{payment.public_id}:{channel}",
        )
        for channel in channels
    ]
