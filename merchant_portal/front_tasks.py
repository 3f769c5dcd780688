"""What needs a person: one line of the front page for each thing, and where to go."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.db.models import Count, Min, Q
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, ngettext_lazy

from links.admin import comparisons, disputes, formats, replies, tasks_page
from links.models import Mismatch, PaymentLink, RefundState
from links.services import reviewing
from merchant_portal.staff.models import User
from merchant_portal.staff.roles import Right
from notifications.models import InboundMessage, Message, MessageState

ALARM_DAYS = 30
# A message that failed longer ago than that is history, not work.

_MESSAGE_WORDS = {
    MessageState.FAILED: (
        "error",
        ngettext_lazy("%d message failed", "%d messages failed"),
    ),
    MessageState.BOUNCED: (
        "unsubscribe",
        ngettext_lazy("%d message came back", "%d messages came back"),
    ),
    MessageState.UNKNOWN: (
        "help",
        ngettext_lazy(
            "%d message may not have arrived", "%d messages may not have arrived"
        ),
    ),
}
_PAYMENT_WORDS = {
    "surplus": ngettext_lazy("%d payment with a surplus", "%d payments with a surplus"),
    "late": ngettext_lazy(
        "%d payment for a closed link", "%d payments for closed links"
    ),
    "orphan": ngettext_lazy("%d payment without a link", "%d payments without a link"),
    "mismatch": ngettext_lazy(
        "%d payment of another amount or currency",
        "%d payments of another amount or currency",
    ),
}

_REFUND_WORDS = {
    RefundState.PROPOSED: (
        "undo",
        ngettext_lazy(
            "%d refund waits for a decision", "%d refunds wait for a decision"
        ),
    ),
    RefundState.UNKNOWN: (
        "help",
        ngettext_lazy(
            "%d refund of which nobody knows", "%d refunds of which nobody knows"
        ),
    ),
}


@dataclass(frozen=True, slots=True)
class Task:
    """Something that only a person can settle, and where."""

    icon: str
    text: str
    url: str
    is_late: bool = False


def for_person(user: User, now: datetime, zone: ZoneInfo) -> list[Task]:
    """Most urgent first; only what this reader may settle."""
    tasks = [
        *_dispute_tasks(user, now, zone),
        *_reply_tasks(user),
        *_staff_tasks(user, now),
        *_text_tasks(user),
        *_message_tasks(user, now),
        *_payment_tasks(user),
        *_refund_tasks(user),
    ]
    if user.may(Right.AUDIT_READ):
        tasks += [Task("balance", *said) for said in comparisons.to_do()]
    if user.may(Right.AUDIT_READ) and (dead := reviewing.events()[:100].count()):
        words = ngettext("%d webhook was given up", "%d webhooks were given up", dead)
        url = reverse("admin:links_webhookevent_changelist") + "?state__exact=dead"
        tasks.append(Task("webhook", words % dead, url))
    return tasks


def _reply_tasks(user: User) -> list[Task]:
    if not user.may(Right.LINKS_WRITE):
        return []
    count = replies.visible_to(user, reviewing.replies()).count()
    if not count:
        return []
    words = ngettext(
        "%d message of a customer waits for an answer",
        "%d messages of customers wait for an answer",
        count,
    )
    url = reverse("admin:links_payerreply_changelist") + "?needs=person"
    return [Task("chat", words % count, url)]


def _staff_tasks(user: User, now: datetime) -> list[Task]:
    """Those that are for the reader, or for nobody in particular."""
    if not user.may(Right.LINKS_WRITE):
        return []
    mine = Q(assigned_to=user) | Q(assigned_to__isnull=True)
    found = tasks_page.visible_to(user, reviewing.tasks()).filter(mine, due_at__lte=now)
    count = found.count()
    if not count:
        return []
    words = ngettext("%d task to do", "%d tasks to do", count)
    url = reverse("admin:links_stafftask_changelist") + "?needs=person"
    return [Task("task_alt", words % count, url)]


def _text_tasks(user: User) -> list[Task]:
    if not (user.may(Right.LINKS_WRITE) and user.may(Right.LINKS_ALL)):
        return []
    count = InboundMessage.objects.filter(closed_at=None)[:100].count()
    if not count:
        return []
    words = ngettext(
        "%d text of a customer waits for somebody",
        "%d texts of customers wait for somebody",
        count,
    )
    url = reverse("admin:notifications_inboundmessage_changelist") + "?needs=person"
    return [Task("sms", words % count, url)]


def _message_tasks(user: User, now: datetime) -> list[Task]:
    odd = Message.objects.filter(
        state__in=[MessageState.FAILED, MessageState.UNKNOWN, MessageState.BOUNCED],
        created_at__gte=now - timedelta(days=ALARM_DAYS),
    )
    if not user.may(Right.LINKS_ALL):
        own = PaymentLink.objects.visible_to(user).order_by().values("public_id")
        odd = odd.filter(reference__in=own)
    counts = dict(odd.order_by().values_list("state").annotate(count=Count("id")))
    url = reverse("admin:notifications_message_changelist")
    return [
        Task(icon, str(words % counts[state]), f"{url}?state__exact={state}")
        for state, (icon, words) in _MESSAGE_WORDS.items()
        if counts.get(state)
    ]


def _payment_tasks(user: User) -> list[Task]:
    odd = reviewing.payments()
    if not user.may(Right.LINKS_ALL):
        odd = odd.filter(link__created_by=user)
    counts = odd.aggregate(
        surplus=Count("id", filter=Q(surplus_minor__gt=0)),
        late=Count("id", filter=Q(is_late=True)),
        orphan=Count("id", filter=Q(link__isnull=True)),
        mismatch=Count("id", filter=~Q(mismatch=Mismatch.NONE)),
    )
    url = reverse("admin:links_payment_changelist") + "?needs=person"
    return [
        Task("payments", str(words % counts[name]), url)
        for name, words in _PAYMENT_WORDS.items()
        if counts[name]
    ]


def _dispute_tasks(user: User, now: datetime, zone: ZoneInfo) -> list[Task]:
    """Money that is gone if nobody answers in time, so before all else."""
    if not user.may(Right.PAYMENTS_READ):
        return []
    found = disputes.visible_to(user, reviewing.disputes()).aggregate(
        count=Count("id"),
        late=Count("id", filter=Q(respond_by__lte=now)),
        first=Min("respond_by", filter=Q(respond_by__gt=now)),
    )
    if not found["count"]:
        return []
    count, late = found["count"], found["late"]
    said = [ngettext("%d dispute to answer", "%d disputes to answer", count) % count]
    if late:
        said.append(ngettext("%d overdue", "%d overdue", late) % late)
    if found["first"]:
        moment = formats.moment(found["first"], zone)
        said.append(_("the next before %s") % moment)
    url = reverse("admin:links_dispute_changelist") + "?needs=person"
    return [Task("gavel", ", ".join(said), url, is_late=late > 0)]


def _refund_tasks(user: User) -> list[Task]:
    if not user.may(Right.REFUNDS_PROPOSE):
        return []
    counts = dict(
        reviewing.refunds().order_by().values_list("state").annotate(Count("id"))
    )
    url = reverse("admin:links_refund_changelist")
    return [
        Task(icon, str(words % counts[state]), f"{url}?state__exact={state}")
        for state, (icon, words) in _REFUND_WORDS.items()
        if counts.get(state)
    ]
