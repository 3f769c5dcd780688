"""Work off the request: each task may run twice or late and finds out itself."""

from collections.abc import Callable

import structlog
from celery import shared_task
from celery.exceptions import SoftTimeLimitExceeded

from merchant_portal.lib import queue

from .providers.base import ProviderError
from .services import (
    bulk,
    bulk_work,
    checkouts,
    climbing,
    comparisons,
    digests,
    disputes,
    import_work,
    imports,
    inbox,
    later,
    links,
    looks,
    planning,
    reconcile,
    refunding,
    reminding,
    schedules,
    texts,
    ticks,
    training,
    undelivered,
)

log = structlog.get_logger(__name__)


@shared_task(ignore_result=True)
def process_webhook(*pks: int) -> None:
    """Work on some events; the sweep finds those that a failure leaves out."""
    for pk in pks:
        inbox.process(pk)


@shared_task(ignore_result=True)
def catch_up() -> None:
    """Work on a backlog of events for some seconds; the next sweep asks again."""
    inbox.catch_up()


@shared_task(ignore_result=True)
def look_at_texts() -> None:
    """Give what people wrote to the link it is about; the sweep finds what is left."""
    texts.look()


@shared_task(ignore_result=True)
def settle_checkout(pk: int) -> None:
    """Ask how a checkout stands; the next check is on its row if this fails."""
    try:
        checkouts.settle(pk)
    except ProviderError as exc:
        log.warning("checkout_not_settled", checkout=pk, problem=type(exc).__name__)


@shared_task(ignore_result=True)
def check_checkout(pk: int) -> None:
    """Look at a checkout at the account's pace; what may not be asked now stays due."""
    try:
        looks.look(pk)
    except ProviderError as exc:
        log.warning("checkout_not_settled", checkout=pk, problem=type(exc).__name__)


@shared_task(ignore_result=True)
def close_checkout(pk: int) -> None:
    """Close a session at its provider; settle does it, for the order is on the row."""
    settle_checkout(pk)


@shared_task(ignore_result=True)
def send_planned() -> None:
    """Send what waited for its moment; the sweep finds it if this is lost."""
    later.send_due()


@shared_task(ignore_result=True)
def work_bulk(pk: int) -> None:
    """Work on a sending to many for some seconds; what is left is asked for again."""
    if bulk_work.work(pk):
        queue.nudge("links.tasks.work_bulk", pk)


@shared_task(ignore_result=True, soft_time_limit=3500, time_limit=3560)
def work_import(pk: int) -> None:
    """Check a file, or make its links; the sweep finds one that nobody works on.

    Longer than other tasks: a file of a million rows becomes links in one transaction.
    """
    import_work.work(pk)


@shared_task(ignore_result=True)
def send_refund(pk: int) -> None:
    """Give back what was approved; the sweep finds it if this is lost."""
    refunding.send(pk)


@shared_task(ignore_result=True)
def settle_refund(pk: int) -> None:
    """Send or ask about a refund; the next look is on its row if this fails."""
    try:
        refunding.settle(pk)
    except ProviderError as exc:
        log.warning("refund_not_settled", refund=pk, problem=type(exc).__name__)


@shared_task(ignore_result=True)
def settle_dispute(pk: int) -> None:
    """Ask how a dispute stands; the next look is on its row if this fails."""
    try:
        disputes.settle(pk)
    except ProviderError as exc:
        log.warning("dispute_not_settled", dispute=pk, problem=type(exc).__name__)


@shared_task(ignore_result=True)
def sweep_account(pk: int) -> None:
    """Book what webhooks missed; the next sweep is on the row if this fails.

    Nothing if it was done meanwhile: while workers are busy the same wake-up comes again.
    """
    if pk not in reconcile.due():
        return
    try:
        reconcile.sweep(pk)
    except ProviderError as exc:
        log.warning("account_not_swept", account=pk, problem=type(exc).__name__)


@shared_task(ignore_result=True, soft_time_limit=1500, time_limit=1560)
def compare_account(pk: int) -> None:
    """Hold an account's books against ours; what dies, or gets no answer, is due again.

    Longer than other tasks: it goes at the pace that the account is asked at.
    """
    try:
        comparisons.run(pk)
    except ProviderError as exc:
        log.warning("account_not_compared", run=pk, problem=type(exc).__name__)


@shared_task(ignore_result=True)
def compare_accounts() -> None:
    """Plan the day's comparisons, begin the next one, forget the oldest reports."""
    comparisons.prune()
    comparisons.plan()
    for pk in comparisons.due():
        queue.nudge("links.tasks.compare_account", pk)


@shared_task(ignore_result=True)
def deliver_training_webhooks() -> None:
    training.deliver_webhooks()


@shared_task(ignore_result=True)
def sweep() -> None:
    """Find everything that is due, whether or not anyone was woken for it.

    What asks a provider goes out as a task of its own, so that a slow provider
    holds up nothing else; a row that is woken twice is claimed once. Nor does a step
    that fails hold up those after it: the task fails when all had their turn.
    """
    ticks.note()
    failed: list[Exception] = []
    for step in STEPS:
        try:
            step()
        except SoftTimeLimitExceeded:
            raise
        except Exception as exc:  # any error may come; it is raised below
            log.exception(
                "sweep_step_failed", step=f"{step.__module__}.{step.__name__}"
            )
            failed.append(exc)
    if failed:
        raise failed[0]


def _remind() -> None:
    while reminding.enqueue_due():
        pass


def _climb() -> None:
    while climbing.climb_due():
        pass


def _wake_bulk() -> None:
    bulk.forget_drafts()
    for pk in bulk_work.due():
        queue.nudge("links.tasks.work_bulk", pk)


def _wake_imports() -> None:
    imports.forget_files()
    for pk in imports.due():
        queue.nudge("links.tasks.work_import", pk)


def _wake_events() -> None:
    events = inbox.due()
    for pk in events:
        queue.nudge("links.tasks.process_webhook", pk)
    if len(events) == inbox.PAGE:
        queue.nudge("links.tasks.catch_up")


def _wake_looks() -> None:
    for pk, delay in looks.due():
        queue.nudge_later("links.tasks.check_checkout", delay, pk)


def _wake_money() -> None:
    for pk in refunding.due():
        queue.nudge("links.tasks.settle_refund", pk)
    for pk in disputes.due():
        queue.nudge("links.tasks.settle_dispute", pk)
    for pk in reconcile.due():
        queue.nudge("links.tasks.sweep_account", pk)


STEPS: tuple[Callable[[], object], ...] = (
    training.deliver_webhooks,
    _wake_events,
    _wake_looks,
    _wake_money,
    links.expire_due,
    later.send_due,
    _remind,
    _climb,
    undelivered.look,
    digests.make_due,
    schedules.make_due,
    planning.replan_for_a_while,
    texts.look,
    _wake_bulk,
    _wake_imports,
)
# Money first: what only wakes others costs nothing.
