"""The daily comparison of each account with our books: when, and what is kept of it.

A run is a row that comes due. Its worker renews `due_at` as it goes; one that dies lets
it lapse, and another begins anew: booking what was booked changes nothing. Two never run
at a time, whatever the account, for the database takes no second running row.
"""

import time
from datetime import date, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F, Max, QuerySet
from django.utils.translation import gettext as _

from customers.services.customers import zone_of
from merchant_portal.audit import services as audit
from merchant_portal.lib import clock, queue
from merchant_portal.lib.actors import Actor

from ..models import Comparison, ComparisonState, Difference, ProviderAccount
from ..providers.base import ProviderError
from . import accounts, comparing, pacing, words
from .comparing import Finding, Result
from .errors import LinkError

S = ComparisonState
OPEN = [S.WAITING, S.RUNNING]
QUIET_HOURS = range(3, 6)
# Of the business's day. Who was off then catches up at the next hour that comes.
MISSED = timedelta(hours=36)
LEASE, RENEW_SECONDS = timedelta(minutes=5), 20.0
AGAIN = timedelta(minutes=10)
MAX_TRIES = 6
KEPT = timedelta(days=90)
MAX_DIFFERENCES = 500
# More than anybody reads; how many there were is counted all the same.


class Overtaken(Exception):
    """The run took longer than its lease, and another has begun."""


def plan() -> int:
    """Make today's comparison of every account in use, in a quiet hour; how many."""
    local = clock.now().astimezone(zone_of(None))
    rows = accounts.in_use(but={"manual"})
    planned = rows.exclude(comparisons__day=local.date()).exclude(
        comparisons__state__in=OPEN
    )
    if local.hour not in QUIET_HOURS:
        missed = clock.now() - MISSED
        planned = planned.annotate(last=Max("comparisons__asked_at")).filter(
            last__lt=missed
        )
    made = [_new(account, day=local.date()) for account in planned]
    # Another beat may be planning as well.
    return len(Comparison.objects.bulk_create(made, ignore_conflicts=True))


def _new(account: ProviderAccount, **facts: Any) -> Comparison:
    day: date | None = facts.pop("day", None)
    return Comparison(
        account=account,
        day=day,
        asked_at=clock.now(),
        due_at=clock.database_now(),
        **facts,
    )


def ask(account: ProviderAccount, *, actor: Actor) -> Comparison:
    """Compare an account now; the one that waits or runs already, if there is one."""
    if accounts.configured().get(account.slug) != account.mode:
        raise LinkError(_("The keys of this account are not set in this installation."))
    made = _new(account, asked_by_id=actor.user_pk)
    try:
        with transaction.atomic():
            made.save()
            queue.nudge("links.tasks.compare_account", made.pk)
            audit.record(actor.id, "comparison.asked", str(account))
    except IntegrityError:
        made = account.comparisons.get(state__in=OPEN)
    return made


def due() -> list[int]:
    """The key of the next run, if one is due: one account at a time."""
    now = clock.database_now()
    rows = Comparison.objects.filter(
        pacing.not_resting(now, "account__"), state__in=OPEN, due_at__lte=now
    )
    return list(rows.order_by("due_at", "pk").values_list("pk", flat=True)[:1])


def run(pk: int) -> bool:
    """Compare, book, and keep the report; False if it is not this worker's to do.

    Raises ProviderError when the provider gives no answer; it is then due again later,
    until it has been tried MAX_TRIES times.
    """
    comparison = _claim(pk)
    if comparison is None:
        return False
    account = comparison.account
    if accounts.configured().get(account.slug) != account.mode:
        _give_up(comparison, f"The keys of {account.slug} are not set.")
        return False
    renew = _Renewal(comparison)
    try:
        with pacing.paced(account.pk, renew):
            result = comparing.compare(account.slug, each=renew)
    except ProviderError as exc:
        _put_off(comparison, str(exc))
        raise
    except Overtaken:
        return False
    return _keep(comparison, result)


def _claim(pk: int) -> Comparison | None:
    now = clock.database_now()
    comparison = (
        Comparison.objects.select_related("account")
        .filter(pk=pk, state__in=OPEN, due_at__lte=now)
        .first()
    )
    if comparison is None:
        return None
    if comparison.tries >= MAX_TRIES:
        _give_up(comparison, "It was begun several times and never came to its end.")
        return None
    try:
        with transaction.atomic():
            claimed = _mine(comparison).update(
                state=S.RUNNING,
                tries=F("tries") + 1,
                due_at=now + LEASE,
                started_at=clock.now(),
                problem="",
            )
    except IntegrityError:
        return None  # another account's is running; this one stays due
    comparison.tries += 1
    return comparison if claimed else None


def _mine(comparison: Comparison) -> QuerySet[Comparison]:
    """The row, as long as nobody else has begun it since it was read."""
    return Comparison.objects.filter(
        pk=comparison.pk, tries=comparison.tries, state__in=OPEN
    )


class _Renewal:
    """Says now and then that the run is alive; raises Overtaken if that came too late."""

    def __init__(self, comparison: Comparison) -> None:
        self._comparison = comparison
        self._said_at = time.monotonic()

    def __call__(self) -> None:
        if time.monotonic() - self._said_at < RENEW_SECONDS:
            return
        self._said_at = time.monotonic()
        until = clock.database_now() + LEASE
        if not _mine(self._comparison).update(due_at=until):
            raise Overtaken


def _put_off(comparison: Comparison, problem: str) -> None:
    if comparison.tries >= MAX_TRIES:
        _give_up(comparison, problem)
        return
    _mine(comparison).update(
        state=S.WAITING,
        problem=problem[:300],
        due_at=clock.database_now() + AGAIN * comparison.tries,
    )


def _give_up(comparison: Comparison, problem: str) -> None:
    _mine(comparison).update(
        state=S.FAILED, problem=problem[:300], due_at=None, finished_at=clock.now()
    )


def _keep(comparison: Comparison, result: Result) -> bool:
    """The report and its differences, both or neither, and only of the last to begin."""
    known = _known(comparison, result)
    rows = [_row(comparison, found, known) for found in result.findings]
    rows.sort(key=lambda row: (row.is_booked, row.is_known))
    with transaction.atomic():
        kept = _mine(comparison).update(
            state=S.DONE,
            due_at=None,
            finished_at=clock.now(),
            since=result.since,
            until=result.until,
            seen_count=result.seen,
            sums=result.sums,
            booked_count=sum(row.is_booked for row in rows),
            open_count=sum(not row.is_booked and not row.is_known for row in rows),
        )
        if not kept:
            return False
        Difference.objects.bulk_create(rows[:MAX_DIFFERENCES])
        Comparison.objects.filter(
            account=comparison.account, state=S.FAILED, reviewed_at=None
        ).update(
            reviewed_at=clock.now(), review_reason=_("A later one came to its end.")
        )
    return True


_Key = tuple[str, str, str, str, str]


def _known(comparison: Comparison, result: Result) -> set[_Key]:
    """What an earlier report of the account left open, just as it is now."""
    names = {found.provider_id for found in result.findings if not found.is_booked}
    if not names:
        return set()
    earlier = Difference.objects.filter(
        comparison__account=comparison.account,
        comparison__state=S.DONE,
        is_booked=False,
        provider_id__in=names,
    )
    return set(earlier.values_list("subject", "gap", "provider_id", "here", "there"))


def _row(comparison: Comparison, found: Finding, known: set[_Key]) -> Difference:
    row = Difference(
        comparison=comparison,
        subject=found.subject.value,
        gap=found.gap.value,
        provider_id=found.provider_id[:255],
        provider_payment_id=found.provider_payment_id[:255],
        here=found.here,
        there=found.there,
        is_booked=found.is_booked,
    )
    key = (row.subject, row.gap, row.provider_id, row.here, row.there)
    row.is_known = not row.is_booked and key in known
    return row


def deal_with(comparison: Comparison, *, reason: str, actor: Actor) -> bool:
    """A person saw to what is left; False if somebody had said so before.

    Raises LinkError for a reason that is none.
    """
    reason = words.clean_line(reason, "reason", max_length=300)
    if not reason:
        raise LinkError(_("Say in a few words what came of it."), "reason")
    with transaction.atomic():
        done = Comparison.objects.filter(
            pk=comparison.pk, state__in=Comparison.ENDED, reviewed_at=None
        ).update(
            reviewed_at=clock.now(),
            reviewed_by_id=actor.user_pk,
            review_reason=reason,
        )
        if not done:
            return False
        audit.record(actor.id, "comparison.reviewed", str(comparison.account))
    comparison.refresh_from_db()
    return True


def prune(limit: int = 200) -> int:
    """Forget reports that are older than KEPT; how many."""
    old = Comparison.objects.filter(
        state__in=Comparison.ENDED, finished_at__lt=clock.now() - KEPT
    ).order_by("pk")
    keys = list(old.values_list("pk", flat=True)[:limit])
    if keys:
        Comparison.objects.filter(pk__in=keys).delete()
    return len(keys)
