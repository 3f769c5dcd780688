"""Whether each provider still reaches us, and we it; for the people who sleep at night."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from django.db.models import OuterRef, Q, Subquery, Sum
from django.db.models.functions import Coalesce

from merchant_portal.lib import clock

from ..models import (
    Comparison,
    ComparisonState,
    Payment,
    PaymentState,
    ProviderAccount,
    WebhookEvent,
)
from ..providers.registry import get_provider
from . import accounts, keyring
from .keyring import Standing

PATIENCE = timedelta(minutes=15)
OWN_BOOKS = {"manual", "training"}
# There is nobody outside to hear from.


class Trouble(StrEnum):
    """The worst that is wrong with an account, or nothing."""

    NONE = ""
    UNREADABLE = "unreadable"
    HELD = "held"
    REFUSED = "refused"
    SILENT = "silent"
    UNSWEPT = "unswept"
    UNHEARD = "unheard"
    UNCOMPARED = "uncompared"
    DIFFERS = "differs"


_TROUBLES = {
    Standing.UNREADABLE: Trouble.UNREADABLE,
    Standing.HELD: Trouble.HELD,
}


@dataclass(frozen=True, slots=True)
class Lifeline:
    """How it stands with one account. `problem`: the provider's words, for staff.

    `comparison`: key of the report to look at; `differences`: how many are left for a
    person in all reports, 0 once somebody dealt with them.
    """

    account: ProviderAccount
    title: str
    last_heard: datetime | None
    last_swept: datetime | None
    trouble: Trouble
    problem: str
    comparison: int | None = None
    last_compared: datetime | None = None
    differences: int = 0


def lifelines() -> list[Lifeline]:
    """Of every account at a provider outside that is in use, or whose keys should be
    and cannot; one query."""
    held = keyring.held()
    modes = accounts.configured(held)
    mute = [row.pk for row in held.rows if row.sealed_keys and row.slug not in modes]
    in_use = Q(pk__in=mute) if mute else Q()
    for slug, mode in modes.items():
        if slug not in OWN_BOOKS:
            in_use |= Q(slug=slug, mode=mode)
    if not in_use:
        return []
    heard = WebhookEvent.objects.filter(account=OuterRef("pk"), is_verified=True)
    paid = Payment.objects.filter(
        account=OuterRef("pk"), state=PaymentState.SUCCEEDED
    ).order_by("-recorded_at")
    ended = Comparison.objects.filter(
        account=OuterRef("pk"), state__in=Comparison.ENDED
    ).order_by("-finished_at")
    to_see = ended.filter(reviewed_at=None, open_count__gt=0)
    left = to_see.order_by().values("account").annotate(total=Sum("open_count"))
    rows = ProviderAccount.objects.filter(in_use).annotate(
        heard_at=Subquery(heard.order_by("-received_at").values("received_at")[:1]),
        paid_at=Subquery(paid.values("recorded_at")[:1]),
        comparison=Coalesce(
            Subquery(to_see.values("pk")[:1]), Subquery(ended.values("pk")[:1])
        ),
        compared_at=Subquery(ended.values("finished_at")[:1]),
        compared_state=Subquery(ended.values("state")[:1]),
        differences=Subquery(left.values("total")),
    )
    now = clock.now()
    return [_lifeline(account, now) for account in rows]


def _lifeline(account: ProviderAccount, now: datetime) -> Lifeline:
    heard_at = getattr(account, "heard_at", None)
    paid_at = getattr(account, "paid_at", None)
    trouble = _TROUBLES.get(keyring.standing_of(account), Trouble.NONE)
    if trouble is not Trouble.NONE:
        pass
    elif account.sweep_problem:
        trouble = Trouble.REFUSED
    elif account.down_until is not None and account.down_until > now:
        trouble = Trouble.SILENT
    elif account.swept_at is not None and account.swept_at < now - PATIENCE:
        trouble = Trouble.UNSWEPT
    elif paid_at is not None and _was_untold(paid_at, heard_at, now):
        trouble = Trouble.UNHEARD
    elif getattr(account, "differences", None):
        trouble = Trouble.DIFFERS
    elif getattr(account, "compared_state", None) == ComparisonState.FAILED:
        trouble = Trouble.UNCOMPARED
    return Lifeline(
        account=account,
        title=get_provider(account.slug).title,
        last_heard=heard_at,
        last_swept=account.swept_at,
        trouble=trouble,
        problem=account.sweep_problem,
        comparison=getattr(account, "comparison", None),
        last_compared=getattr(account, "compared_at", None),
        differences=getattr(account, "differences", None) or 0,
    )


def _was_untold(paid_at: datetime, heard_at: datetime | None, now: datetime) -> bool:
    """Whether the newest money was found by looking, and no webhook has come since."""
    if paid_at > now - PATIENCE:
        return False
    return heard_at is None or heard_at < paid_at - PATIENCE
