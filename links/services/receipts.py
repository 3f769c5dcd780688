"""Receipts, credit notes and letters: when there is one, what it says, and its mail."""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial

from django.db.models import Prefetch

from customers.services.customers import language_of, zone_of
from merchant_portal.business import services as business_services
from merchant_portal.business.models import Business
from merchant_portal.lib import clock
from notifications.channels.base import Attachment
from notifications.kinds import Files
from notifications.models import Message
from notifications.services import rendering

from ..documents import credit_note as credit_notes
from ..documents import letter as letters
from ..documents import receipt as receipts
from ..models import LineItem, LinkStatus, Payment, PaymentLink, PaymentState, Refund
from ..models.refunds import RefundState
from . import e_invoices, papers, splitting, together
from .papers import CONTENT_TYPE

Lines = Sequence[LineItem]
WITH_CREDIT_NOTES = Prefetch(
    "refunds",
    Refund.objects.filter(state=RefundState.SUCCEEDED, number__isnull=False).order_by(
        "number"
    ),
    to_attr="noted",
)


def of_link(link: PaymentLink) -> list[Payment]:
    """What came for a link, oldest first, each with its refunds that have a credit note
    as `noted`; two queries. Of a reusable link none: each is somebody else's."""
    if link.is_reusable:
        return []
    return list(
        link.payments.filter(state=PaymentState.SUCCEEDED)
        .prefetch_related(WITH_CREDIT_NOTES)
        .order_by("occurred_at", "pk")
    )


def find_payment(link: PaymentLink, public_id: str) -> Payment | None:
    paid = link.payments.filter(state=PaymentState.SUCCEEDED)
    return paid.filter(public_id=public_id).first()


def find_refund(link: PaymentLink, public_id: str) -> Refund | None:
    """One that has a credit note: it gave money back, and still does."""
    return Refund.objects.filter(
        payment__link=link,
        public_id=public_id,
        state=RefundState.SUCCEEDED,
        number__isnull=False,
    ).first()


def receipt(
    payment: Payment, link: PaymentLink, lines: Lines, business: Business, language: str
) -> bytes:
    """The PDF for a payment of the link, with its customer at hand; no query."""
    booked = payment.amount_minor - payment.tip_minor - payment.surplus_minor
    is_whole = splitting.is_covering(link, booked)
    shares = splitting.shares(link, lines, booked) if is_whole else []
    found = receipts.Receipt(
        payment=payment,
        link=link,
        lines=lines if is_whole else (),
        taxes=[(each.tax_bp or 0, each.tax_minor) for each in shares if each.tax_minor],
        business=business,
        customer=papers.party_of(link),
        paid_on=payment.occurred_at.astimezone(zone_of(None, business)).date(),
        legal=papers.legal_of(business),
    )
    return receipts.pdf(found, language, payment.occurred_at)


def credit_note(
    refund: Refund, link: PaymentLink, lines: Lines, business: Business, language: str
) -> bytes:
    """The PDF for a refund that has a number; no query."""
    at = refund.occurred_at or refund.proposed_at
    shares = splitting.shares(link, lines, refund.amount_minor)
    found = credit_notes.CreditNote(
        refund=refund,
        link=link,
        shares=[(each.tax_bp, each.net_minor, each.tax_minor) for each in shares],
        is_of_invoice=papers.has_invoice(link),
        business=business,
        customer=papers.party_of(link),
        issued_on=at.astimezone(zone_of(None, business)).date(),
        legal=papers.legal_of(business),
    )
    return credit_notes.pdf(
        found, language, at, e_invoice=e_invoices.credit_note_xml(found)
    )


def has_letter(link: PaymentLink) -> bool:
    """Whether there is something to remind of, by post."""
    is_open = link.status in {LinkStatus.ACTIVE, LinkStatus.EXPIRED}
    return is_open and papers.has_invoice(link) and link.balance.amount_minor > 0


def letter(link: PaymentLink, lines: Lines, business: Business) -> bytes:
    """The PDF of a link that has one, in its customer's language, dated today."""
    now = clock.now()
    language = language_of(link.customer, business)
    is_payable = link.status == LinkStatus.ACTIVE and not link.is_past_expiry(now)
    found = letters.Letter(
        invoice=papers.facts_of(link, lines, business, is_payable=is_payable),
        greeting=rendering.greeting(papers.party_of(link).name, language),
        written_on=now.astimezone(zone_of(None, business)).date(),
    )
    return letters.pdf(found, language, now)


# --- with mails -----------------------------------------------------------------------


def attachments(messages: Sequence[Message]) -> Mapping[int, Files]:
    """Message pk → what makes its file, of mails about payments and refunds; four
    queries."""
    business = business_services.kept()
    if not business.attaches_receipt:
        return {}
    subjects = {message.subject_id for message in messages}
    payments = {
        found.public_id: found
        for found in Payment.objects.filter(
            public_id__in=subjects, state=PaymentState.SUCCEEDED, link__isnull=False
        ).select_related("link__customer", "checkout")
    }
    parts = together.parts_of(payments.values())
    refunds = {
        found.public_id: found
        for found in Refund.objects.filter(
            public_id__in=subjects,
            state=RefundState.SUCCEEDED,
            number__isnull=False,
            payment__link__isnull=False,
        ).select_related("payment__link__customer")
    }
    paid = {
        public_id: parts.get(public_id, [one]) for public_id, one in payments.items()
    }
    links = [one.link for of_one in paid.values() for one in of_one if one.link]
    links += [each.payment.link for each in refunds.values() if each.payment.link]
    return _files(messages, paid, refunds, papers.lines_of(links), business)


def _files(
    messages: Iterable[Message],
    paid: Mapping[str, Sequence[Payment]],
    refunds: Mapping[str, Refund],
    lines: Mapping[int, Lines],
    business: Business,
) -> dict[int, Files]:
    """`paid`: the parts of each payment, of which each link has its own receipt."""
    files: dict[int, Files] = {}
    for message in messages:
        drawn: list[tuple[str, partial[bytes]]] = []
        for payment in paid.get(message.subject_id, ()):
            if payment.link is not None:
                link = payment.link
                draw = partial(receipt, payment, link, lines[link.pk])
                drawn.append((receipt_name(payment), draw))
        refund = refunds.get(message.subject_id)
        if refund is not None and refund.payment.link is not None:
            link = refund.payment.link
            draw = partial(credit_note, refund, link, lines[link.pk])
            drawn.append((credit_note_name(refund), draw))
        if drawn:
            files[message.pk] = partial(_drawn, drawn, business, message.language)
    return files


def _drawn(
    drawn: Sequence[tuple[str, partial[bytes]]], business: Business, language: str
) -> Sequence[Attachment]:
    return [
        Attachment(name, draw(business, language), CONTENT_TYPE) for name, draw in drawn
    ]


def receipt_name(payment: Payment) -> str:
    return f"receipt-{payment.public_id}.pdf"


def credit_note_name(refund: Refund) -> str:
    return f"{refund.number}.pdf"
