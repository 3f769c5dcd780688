"""Money taken by hand: cash, cheque, transfer, terminal."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from merchant_portal.audit import services as audit
from merchant_portal.lib import clock, ids
from merchant_portal.lib.actors import Actor
from merchant_portal.lib.money import Money, MoneyError, positive

from ..models import LinkStatus, Payment, PaymentLink
from ..providers.base import PaymentSnapshot, SeenState
from ..providers.manual import METHODS
from . import asking, links, payments, words
from .errors import LinkConflict, LinkError


def record_payment(
    link: PaymentLink,
    *,
    amount_minor: int,
    method: str,
    actor: Actor,
    note: str = "",
    occurred_at: datetime | None = None,
    key: str = "",
    version: int | None = None,
    is_more_meant: bool = True,
) -> Payment:
    """Book money that a member of staff took, in the link's currency.

    `key`: of the form, so that a double submit books once. `version`: of the link as
    they saw it, so that two do not book the same money. `is_more_meant`: False
    refuses more than is open, naming the field `more`: a slip of the finger must not
    become a surplus that the customer is told of. Raises LinkError for what
    cannot be, LinkConflict for a draft or a link that has moved on.
    """
    if method not in METHODS:
        raise LinkError(_("Choose how it was paid."), "method")
    try:
        amount: Money = positive(amount_minor, link.currency)
    except MoneyError as exc:
        raise LinkError(str(exc), "amount") from exc
    note = words.clean_line(note, "note", max_length=300)
    now = clock.now()
    at = occurred_at or now
    if at > now:
        raise LinkError(_("The payment lies in the future."), "occurred_at")
    if link.status == LinkStatus.DRAFT:
        raise LinkConflict(_("A draft cannot be paid; send or copy it first."))
    if link.number is None:
        raise LinkConflict(_("This draft was canceled; it cannot be paid."))
    reference = f"manual:{link.public_id}:{key or ids.new('man')}"
    with transaction.atomic():
        locked = PaymentLink.objects.locked(link.pk)
        if not _is_booked(reference):
            links.refuse_stale(locked, version)
            if not is_more_meant:
                _refuse_more(locked, amount)
        booked = payments.record(
            PaymentSnapshot(
                account_slug="manual",
                provider_payment_id=reference,
                state=SeenState.SUCCEEDED,
                amount=amount,
                occurred_at=at,
                link_reference=link.public_id,
                method=method,
            ),
            actor=actor,
            note=note,
        )
        if booked is not None:
            audit.record(actor.id, "payment.recorded", booked.public_id, method=method)
    link.refresh_from_db()
    return booked or Payment.objects.get(
        account__slug="manual", provider_payment_id=reference
    )


def _refuse_more(locked: PaymentLink, amount: Money) -> None:
    if asking.is_choosing(locked) or amount.amount_minor <= locked.balance.amount_minor:
        return
    open_sum = locked.balance.format(get_language() or "en")
    raise LinkError(
        _(
            "This is more than the %s that is open. If it is right, tick the box: the"
            " customer gets a receipt, and the difference waits to be given back."
        )
        % open_sum,
        "more",
    )


def _is_booked(reference: str) -> bool:
    """Whether this is the same form once more; its own money moved the link on."""
    return Payment.objects.filter(
        account__slug="manual", provider_payment_id=reference
    ).exists()
