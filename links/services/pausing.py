"""Staff leave a link, or a customer, alone for a while."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from customers.models import Customer
from merchant_portal.audit import services as audit
from merchant_portal.lib import clock
from merchant_portal.staff.models import User

from ..models import Activity, LinkStatus, PaymentLink, ReminderPause
from . import pauses, reminders, words
from .errors import LinkConflict, LinkError

LONGEST = timedelta(days=366)
MAX_REASON = 200


def pause(
    of: PaymentLink | Customer, *, reason: str, until: datetime, by: User
) -> ReminderPause:
    """No reminders for this link, or for all links of this customer, until then.

    A pause that is there already is replaced. LinkError names the field: reason, until.
    """
    said = words.clean_line(reason, "reason", max_length=MAX_REASON)
    now = clock.now()
    if not said:
        raise LinkError(_("Say why, for your colleagues."), "reason")
    if not now < until <= now + LONGEST:
        raise LinkError(_("Choose a day within a year from now."), "until")
    with transaction.atomic():
        links = _locked(of)
        _running(of).update(ended_at=now)
        made = ReminderPause.objects.create(
            link=of if isinstance(of, PaymentLink) else None,
            customer=of if isinstance(of, Customer) else None,
            reason=said,
            until=until,
            created_at=now,
            created_by=by,
        )
        for link in links:
            reminders.rest(link, until)
        _note(links, "reminders.paused", by, now, reason=said, until=until.isoformat())
        audit.record(by.actor().id, "reminders.paused", of.public_id, reason=said)
    return made


def resume(of: PaymentLink | Customer, *, by: User) -> None:
    """Go on before the pause ends; LinkConflict when there is none."""
    with transaction.atomic():
        links = _locked(of)
        now = clock.now()
        if not _running(of).update(ended_at=now):
            raise LinkConflict(_("Reminders are not paused here."))
        still = pauses.rests([link.public_id for link in links])
        for link in links:
            rest = still.get(link.public_id)
            if rest is None or rest.until <= now:
                reminders.go_on(link)
        _note(links, "reminders.resumed", by, now)
        audit.record(by.actor().id, "reminders.resumed", of.public_id)


def running(of: PaymentLink | Customer) -> ReminderPause | None:
    """The pause in force, if any."""
    return _running(of).filter(until__gt=clock.now()).first()


def _running(of: PaymentLink | Customer) -> QuerySet[ReminderPause]:
    pauses_in_force = ReminderPause.objects.filter(ended_at__isnull=True)
    if isinstance(of, PaymentLink):
        return pauses_in_force.filter(link=of)
    return pauses_in_force.filter(customer=of)


def _locked(of: PaymentLink | Customer) -> list[PaymentLink]:
    links = PaymentLink.objects.select_for_update(of=("self",)).order_by("pk")
    if isinstance(of, PaymentLink):
        return list(links.filter(pk=of.pk))
    return list(links.filter(customer=of, status=LinkStatus.ACTIVE))


def _note(
    links: Iterable[PaymentLink], kind: str, by: User, now: datetime, **detail: object
) -> None:
    Activity.objects.bulk_create(
        Activity(link=link, kind=kind, at=now, actor=by.actor().id, detail=detail)
        for link in links
    )
