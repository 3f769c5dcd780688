"""Whom news is told to: the payer gets a receipt, staff who want to know a word."""

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
    is_first: bool = True,
) -> None:
    """Queue all mails about a payment that was booked just now, in one go.

    `was_state`, `was_link`: as it was booked before; empty and None for a new one.
    `is_first`: of the parts of a payment for several links, whose payer gets one receipt
    for all.
    """
    has_moved = payment.state != was_state
    mails: list[outbox.NewMessage] = []
    if (
        link is not None
        and is_first
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


def of_link(locked: PaymentLink, kind: str) -> None:
    """Tell the customer what became of a locked link, on the channels of the last send."""
    known = recipients.addresses(locked)
    language = recipients.language(locked)
    outbox.enqueue_many(
        [
            outbox.NewMessage(
                kind=kind,
                channel=channel,
                recipient=known[channel],
                language=language,
                reference=locked.public_id,
                dedupe_key=f"{kind}:{locked.public_id}:{channel}",
            )
            for channel in locked.last_channels
            if channel in known
        ]
    )
