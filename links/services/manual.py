"""Money taken by hand: cash, cheque, transfer, terminal."""

from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from merchant_portal.audit import services as audit
from merchant_portal.lib import clock, ids
from merchant_portal.lib.actors import Actor
from merchant_portal.lib.money import Money, MoneyError, positive

from ..models import LinkStatus, Payment, PaymentLink, Shift
from ..providers.base import PaymentSnapshot, SeenState
from ..providers.manual import METHODS
from . import asking, links, payments, till, words
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
        shift = None
        if not _is_booked(reference):
            links.refuse_stale(locked, version)
            if not is_more_meant:
                _refuse_more(locked, amount)
            shift = till.hold(actor.user_pk, at)
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
            shift=shift,
        )
        if booked is not None:
            audit.record(actor.id, "payment.recorded", booked.public_id, method=method)
    link.refresh_from_db()
    return booked or _booked(reference).get()


def record_sale(
    shift: Shift,
    *,
    amount_minor: int,
    currency: str,
    method: str,
    what: str,
    actor: Actor,
    key: str = "",
) -> Payment:
    """Book money that was taken at the till for no link. `what`: was sold.

    `key`: as for `record_payment`. Raises LinkError for what cannot be, LinkConflict
    when the shift is closed or somebody else's.
    """
    if method not in METHODS:
        raise LinkError(_("Choose how it was paid."), "method")
    try:
        amount = positive(amount_minor, currency)
    except MoneyError as exc:
        raise LinkError(str(exc), "amount") from exc
    what = words.clean_line(what, "what", max_length=300)
    if not what:
        raise LinkError(_("Say what it is for, or give a link's number."), "what")
    reference = f"manual:{shift.public_id}:{key or ids.new('man')}"
    with transaction.atomic():
        locked = till.held(shift, actor, unless=lambda: _is_booked(reference))
        if locked is None:
            return _booked(reference).get()
        booked = payments.record(
            PaymentSnapshot(
                account_slug="manual",
                provider_payment_id=reference,
                state=SeenState.SUCCEEDED,
                amount=amount,
                occurred_at=clock.now(),
                method=method,
            ),
            actor=actor,
            note=what,
            shift=locked,
        )
        if booked is None:  # nobody else may book it while we hold the shift
            raise LinkConflict(_("This form is too old. Please try once more."))
        audit.record(actor.id, "payment.recorded", booked.public_id, method=method)
    return booked


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
    return _booked(reference).exists()


def _booked(reference: str) -> QuerySet[Payment]:
    return Payment.objects.filter(account__slug="manual", provider_payment_id=reference)
