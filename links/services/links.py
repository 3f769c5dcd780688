"""The life of a payment link, from its making to its end."""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from customers.models import Customer
from customers.services.customers import zone_of
from merchant_portal.audit import services as audit
from merchant_portal.business.models import Business
from merchant_portal.lib import clock, ids, signing
from merchant_portal.lib.actors import SYSTEM, Actor
from merchant_portal.lib.money import Money, MoneyError, parse_currency
from notifications.models import ASKING_CATEGORIES
from notifications.services import outbox

from ..models import (
    Activity,
    AmountKind,
    LineItem,
    LinkStatus,
    NumberSeries,
    PaymentLink,
    ReminderPlan,
)
from . import amounts, offers, planned, reminders, sessions, telling, terms, words
from .amounts import LineData, Totals
from .errors import LinkConflict, LinkError
from .terms import Terms

MAX_METADATA_CHARACTERS = 5000
NO_TERMS = Terms()


@dataclass(frozen=True, slots=True)
class LinkData:
    """What a link is made of. `creation_key`: of the form, against double submits."""

    customer: Customer | None
    currency: str
    lines: tuple[LineData, ...]
    due_on: date | None = None
    expires_at: datetime | None = None
    note: str = ""
    draft: bool = False
    creation_key: str = ""
    metadata: dict[str, Any] = field(default_factory=dict)
    allowed_providers: tuple[str, ...] = ()
    has_reminders: bool = True
    reminder_plan: ReminderPlan | None = None
    terms: Terms = NO_TERMS


def create(data: LinkData, *, actor: Actor) -> PaymentLink:
    """Make a link, active unless `draft`; the same creation_key gives the same link.

    Raises LinkError naming the input that cannot be.
    """
    if (made := _made_by(data.creation_key)) is not None:
        return made
    try:
        with transaction.atomic():
            link = insert(data, actor=actor, replaces=None)
            audit.record(actor.id, "link.created", link.public_id)
    except IntegrityError:
        # The other half of a double submit was faster; its link is this one.
        made = _made_by(data.creation_key)
        if made is None:
            raise
        return made
    return link


def _made_by(creation_key: str) -> PaymentLink | None:
    if not creation_key:
        return None
    return PaymentLink.objects.filter(creation_key=creation_key).first()


def insert(
    data: LinkData,
    *,
    actor: Actor,
    replaces: PaymentLink | None = None,
    is_alone: bool = True,
) -> PaymentLink:
    """`create` inside the caller's transaction, and no entry in the audit log.

    `is_alone`: not where it may be too little to be paid without another link.
    """
    business = Business.objects.current()
    now = clock.now()
    currency, totals = _checked_amounts(data, business)
    check_terms(data.due_on, data.expires_at, now)
    _check_extras(data)
    if is_alone:
        offers.check(data.allowed_providers, Money(totals.amount_minor, currency))
    public_id = ids.new("plk")
    token = signing.link_token(public_id, 1)
    link = PaymentLink.objects.create(
        public_id=public_id,
        customer=data.customer,
        created_by_id=actor.user_pk,
        currency=currency,
        net_minor=totals.net_minor,
        tax_minor=totals.tax_minor,
        amount_minor=totals.amount_minor,
        prices_include_tax=business.prices_include_tax,
        due_on=data.due_on,
        expires_at=data.expires_at,
        note=clean_note(data.note),
        metadata=data.metadata,
        allowed_providers=list(data.allowed_providers),
        has_reminders=data.has_reminders and not data.terms.is_reusable,
        reminder_plan=data.reminder_plan,
        token_key_version=token.key_version,
        token_sha256=token.sha256,
        creation_key=data.creation_key or None,
        replaces=replaces,
        created_at=now,
        **terms.fields_of(data.terms, data.lines, totals),
    )
    _insert_lines(link, totals)
    note(link, "link.created", actor, now)
    if not data.draft:
        activate_locked(link, actor, now)  # nobody else sees it before the commit
    return link


def _insert_lines(link: PaymentLink, totals: Totals) -> None:
    LineItem.objects.bulk_create(
        LineItem(
            link=link,
            position=position,
            description=line.data.description,
            quantity_milli=line.data.quantity_milli,
            unit_amount_minor=line.data.unit_amount_minor,
            discount_bp=line.data.discount_bp,
            tax_bp=line.data.tax_bp,
            quantity_min=line.data.quantity_min,
            quantity_max=line.data.quantity_max,
            net_minor=line.net_minor,
            tax_minor=line.tax_minor,
        )
        for position, line in enumerate(totals.lines)
    )


def _checked_amounts(data: LinkData, business: Business) -> tuple[str, Totals]:
    try:
        currency = parse_currency(data.currency)
    except MoneyError as exc:
        raise LinkError(str(exc), "currency") from exc
    return currency, amounts.totals(
        data.lines,
        prices_include_tax=business.prices_include_tax,
        currency=currency,
        may_be_zero=data.terms.kind == AmountKind.CHOSEN,
    )


def check_terms(
    due_on: date | None, expires_at: datetime | None, now: datetime
) -> None:
    """Raise LinkError for a due date or an expiry that cannot be meant."""
    if due_on is not None and abs((due_on - now.date()).days) > 3660:
        raise LinkError(_("The due date is more than ten years away."), "due_on")
    if expires_at is not None and expires_at <= now:
        raise LinkError(_("The expiry lies in the past."), "expires_at")


def _check_extras(data: LinkData) -> None:
    if len(str(data.metadata)) > MAX_METADATA_CHARACTERS:
        raise LinkError(_("The metadata is too long."), "metadata")
    for name, value in data.metadata.items():
        words.refuse_card_number(name, "metadata")
        words.refuse_card_number(str(value), "metadata")


def clean_note(value: str) -> str:
    """A note as it may go to a customer: plain text, no addresses but our own."""
    return words.clean_block(value, "note")


def note(
    link: PaymentLink, kind: str, actor: Actor, at: datetime, **detail: object
) -> None:
    """Write one line of the link's timeline, in the caller's transaction."""
    Activity.objects.create(link=link, kind=kind, at=at, actor=actor.id, detail=detail)


def activate(link: PaymentLink, *, actor: Actor) -> bool:
    """Make a draft payable and give it its number; False if it is no draft."""
    with transaction.atomic():
        locked = PaymentLink.objects.locked(link.pk)
        if locked.status != LinkStatus.DRAFT:
            return False
        activate_locked(locked, actor, clock.now())
    link.refresh_from_db(fields=["status", "number", "activated_at", "version"])
    return True


def activate_locked(locked: PaymentLink, actor: Actor, now: datetime) -> None:
    """Make a draft that the caller holds locked payable."""
    year = now.astimezone(zone_of(None)).year
    number = f"PL-{year}-{NumberSeries.take('PL', year):06d}"
    locked.move_to(LinkStatus.ACTIVE, number=number, activated_at=now)
    note(locked, "link.activated", actor, now, number=number)


def edit(
    link: PaymentLink,
    *,
    due_on: date | None,
    note_text: str,
    expires_at: datetime | None,
    version: int,
    actor: Actor,
    allowed_providers: tuple[str, ...] | None = None,
) -> None:
    """Change what may change after making: due date, note, expiry, ways to pay.

    `version`: of the link as the editor saw it. `allowed_providers`: None leaves them;
    an open session at one that goes is ordered closed. Raises LinkConflict if the link
    has moved on, LinkError for what cannot be.
    """
    cleaned = clean_note(note_text)
    with transaction.atomic():
        locked = PaymentLink.objects.locked(link.pk)
        refuse_stale(locked, version)
        if locked.status not in {LinkStatus.DRAFT, LinkStatus.ACTIVE}:
            raise LinkConflict(_("This link can no longer be changed."))
        now = clock.now()
        check_terms(due_on, expires_at, now)
        new: dict[str, Any] = {
            "due_on": due_on,
            "note": cleaned,
            "expires_at": expires_at,
        }
        if allowed_providers is not None:
            new["allowed_providers"] = list(allowed_providers)
        changed = [
            name for name, value in new.items() if getattr(locked, name) != value
        ]
        if not changed:
            return
        if "allowed_providers" in changed and allowed_providers is not None:
            offers.check(allowed_providers, locked.balance)
            sessions.order_close_others(locked, allowed_providers, now)
        for name in changed:
            setattr(locked, name, new[name])
        locked.version += 1
        locked.save(update_fields=[*changed, "version"])
        note(locked, "link.edited", actor, now, fields=changed)
        if "due_on" in changed:
            reminders.plan(locked)
        audit.record(actor.id, "link.edited", locked.public_id, fields=changed)
    link.refresh_from_db()


def refuse_stale(locked: PaymentLink, version: int | None) -> None:
    """LinkConflict when a locked link has moved on from the version somebody saw.

    None: whoever asks saw none, and means the link however it stands.
    """
    if version not in (None, locked.version):
        raise LinkConflict(
            _("Somebody changed this link in the meantime. Look at it again.")
        )


def cancel(
    link: PaymentLink,
    *,
    actor: Actor,
    reason: str = "",
    tell: bool = False,
    version: int | None = None,
) -> bool:
    """Close a link; `reason` is shown to the customer, `tell` also sends it.

    `version`: of the link as whoever cancels saw it. False if it was closed or paid
    already; raises LinkConflict if it is open but has moved on.
    """
    reason = words.clean_line(reason, "reason", max_length=300)
    with transaction.atomic():
        locked = PaymentLink.objects.locked(link.pk)
        if LinkStatus.CANCELED in PaymentLink.TRANSITIONS.get(locked.status, set()):
            refuse_stale(locked, version)
        if not _close(locked, LinkStatus.CANCELED, actor, reason):
            return False
        if tell:
            telling.of_link(locked, "cancellation")
        audit.record(actor.id, "link.canceled", locked.public_id)
    link.refresh_from_db()
    return True


def _close(
    locked: PaymentLink, status: LinkStatus, actor: Actor, reason: str = ""
) -> bool:
    """End a locked link: nothing more is asked, reminded or opened for it."""
    now = clock.now()
    if not locked.move_to(status, closed_at=now, cancel_reason=reason):
        return False
    note(locked, f"link.{status}", actor, now, **({"reason": reason} if reason else {}))
    sessions.order_close(locked, now)
    reminders.drop(locked, f"link {status}")
    planned.drop(locked, f"link {status}")
    outbox.cancel(locked.public_id, categories=ASKING_CATEGORIES)
    if status == LinkStatus.CANCELED:  # with it goes what was asked for its being late
        late = locked.fees.filter(status=LinkStatus.ACTIVE).values_list("pk", flat=True)
        for fee in PaymentLink.objects.locked_all(list(late)).values():
            _close(fee, status, actor)
    return True


def correct(link: PaymentLink, data: LinkData, *, actor: Actor) -> PaymentLink:
    """Replace a link whose amounts were wrong: cancel it, make a new one, tell.

    The customer is told on the channels of the last send. Raises LinkConflict when
    money has come already.
    """
    with transaction.atomic():
        old = PaymentLink.objects.locked(link.pk)
        # Under the lock: the other half of a double submit has ended by now.
        if (made := _made_by(data.creation_key)) is not None:
            return made
        if old.amount_paid_minor or old.payments.filter(state="processing").exists():
            raise LinkConflict(
                _("Money has come for this link; it cannot be corrected.")
            )
        waiting = planned.waiting(old)
        if not _close(old, LinkStatus.CANCELED, actor):
            raise LinkConflict(_("This link can no longer be corrected."))
        fresh = insert(data, actor=actor, replaces=old)
        planned.carry_over(waiting, fresh)
        reminders.carry_over(old, fresh)
        now = clock.now()
        note(old, "link.replaced", actor, now, by=fresh.public_id)
        note(fresh, "link.corrects", actor, now, of=old.public_id)
        if old.last_channels and fresh.status == LinkStatus.ACTIVE:
            fresh = PaymentLink.objects.locked(fresh.pk)
            fresh.last_channels = old.last_channels
            fresh.last_sent_at = now
            fresh.promise_due_at = old.promise_due_at
            fresh.save(
                update_fields=["last_channels", "last_sent_at", "promise_due_at"]
            )
            telling.of_link(fresh, "correction")
            reminders.plan(fresh)
        audit.record(
            actor.id, "link.corrected", old.public_id, replaced_by=fresh.public_id
        )
    link.refresh_from_db()
    return fresh


def extend(link: PaymentLink, *, expires_at: datetime | None, actor: Actor) -> bool:
    """Open an expired link again under the same address; False if it is not expired."""
    with transaction.atomic():
        locked = PaymentLink.objects.locked(link.pk)
        now = clock.now()
        check_terms(None, expires_at, now)
        if locked.status != LinkStatus.EXPIRED:
            return False
        if locked.is_used_up:
            raise LinkConflict(_("It was paid as often as it may be."))
        locked.move_to(LinkStatus.ACTIVE, expires_at=expires_at, closed_at=None)
        note(locked, "link.extended", actor, now)
        reminders.plan_again(locked)
        audit.record(actor.id, "link.extended", locked.public_id)
    link.refresh_from_db()
    return True


def expire_due(limit: int = 200) -> int:
    """Close active links past their expiry; returns how many."""
    now = clock.now()
    due = PaymentLink.objects.filter(
        status=LinkStatus.ACTIVE, expires_at__lte=now
    ).values_list("pk", flat=True)[:limit]
    closed = 0
    for pk in list(due):
        with transaction.atomic():
            locked = PaymentLink.objects.locked(pk)
            if locked.is_past_expiry(now):
                closed += _close(locked, LinkStatus.EXPIRED, SYSTEM)
    return closed
