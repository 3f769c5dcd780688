"""Hosted sessions: opening one, asking how it stands, closing it."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from merchant_portal.lib import clock, crash, queue
from merchant_portal.lib.actors import PAYER, SYSTEM, Actor
from merchant_portal.lib.money import Money

from ..models import (
    Activity,
    AmountKind,
    Checkout,
    CheckoutState,
    LineItem,
    LinkStatus,
    PaymentLink,
    ProviderAccount,
)
from ..models.checkouts import FINAL
from ..providers.base import (
    CheckoutSnapshot,
    Provider,
    ProviderError,
    ProviderMisconfigured,
    ProviderRejected,
    ProviderUnavailable,
    SeenState,
    SessionState,
)
from ..providers.registry import get_provider
from . import accounts, asking, capturing, payments, requests, sessions
from .asking import Ask, Choice
from .errors import LinkError

S = CheckoutState
CHECK_AFTER_SECONDS = (30, 120, 300, 600)
# after the start; then every ten minutes until the session is final
KEY_LIFETIME = timedelta(hours=23)
# Stripe forgets an idempotency key after 24 hours; repeat no later than this
MARGIN = timedelta(minutes=2)
# a session that ends sooner than this is not worth sending a customer to


class CheckoutRefused(LinkError):
    """Nothing can be opened for this link by this provider now; the text says why."""


class ChoiceRefused(LinkError):
    """What the payer chose cannot be; the text says why, `field` names the input."""


class ProviderDown(LinkError):
    """The provider gave no answer; another one, or a later try, may work."""


def start(
    link_pk: int,
    slug: str,
    choice: Choice = asking.NOTHING_CHOSEN,
    *,
    actor: Actor = PAYER,
) -> str:
    """The provider's page on which the customer pays what the link asks of them.

    Reuses the open session of that provider if it still fits; orders those of other
    providers closed. The parameters are stored before the call, the call happens
    outside any transaction. `actor`: SYSTEM where nobody says that it was the customer.
    Raises CheckoutRefused, ProviderDown, and ChoiceRefused for a choice that the link
    does not leave.
    """
    if accounts.mode_of(slug) is None:
        raise CheckoutRefused(_("This way to pay is not available."))
    account = accounts.get(slug)
    with transaction.atomic():
        link = PaymentLink.objects.locked(link_pk)
        now = clock.now()
        refuse_unpayable(link, now)
        lines = list(link.lines.all())
        ask = _ask(link, lines, account, choice, now)
        # At a reusable link others are paying, each for themselves.
        keep = None if link.is_reusable else _only_fitting(link, account, ask, now)
        checkout = keep or _store(link, lines, account, ask, now, actor)
    return page_of(checkout)


def page_of(checkout: Checkout) -> str:
    """The provider's page of a stored checkout, opened there unless it is already."""
    return checkout.url if checkout.state == S.OPEN else _open(checkout)


def _ask(
    link: PaymentLink,
    lines: Sequence[LineItem],
    account: ProviderAccount,
    choice: Choice,
    now: datetime,
) -> Ask:
    """What to charge, if this provider can; and what is left can be paid as well."""
    try:
        ask = asking.of(link, lines, choice)
    except LinkError as exc:
        raise ChoiceRefused(exc.message, exc.field) from exc
    offered = {offer.slug for offer in accounts.offered(link, now, ask.total)}
    if account.slug not in offered or not account.is_enabled:
        raise CheckoutRefused(_("This way to pay is not available."))
    rest = Money(link.balance.amount_minor - ask.due_minor, link.currency)
    is_part = link.amount_kind == AmountKind.PARTS and rest.amount_minor
    if is_part and not accounts.offered(link, now, rest):
        raise ChoiceRefused(
            _("What would be left is too little to be paid online."), "amount"
        )
    return ask


def _store(
    link: PaymentLink,
    lines: Sequence[LineItem],
    account: ProviderAccount,
    ask: Ask,
    now: datetime,
    actor: Actor,
) -> Checkout:
    checkout = Checkout(
        link=link,
        account=account,
        amount_minor=ask.total.amount_minor,
        tip_minor=ask.tip_minor,
        quantities=ask.quantities,
        currency=link.currency,
        is_shared=link.is_reusable,
        parameters=requests.parameters(link, lines, now),
    )
    store(checkout, [link.pk], now, actor)
    return checkout


def store(
    checkout: Checkout, link_pks: Sequence[int], now: datetime, actor: Actor
) -> None:
    """Keep a new checkout of these locked links, before anybody is called."""
    checkout.created_at = now
    checkout.next_check_at = now + timedelta(seconds=CHECK_AFTER_SECONDS[0])
    checkout.save()
    detail = {"checkout": checkout.public_id, "provider": checkout.account.slug}
    _note(link_pks, "checkout.started", now, actor, detail)


def _note(
    link_pks: Sequence[int], kind: str, at: datetime, actor: Actor, detail: object
) -> None:
    Activity.objects.bulk_create(
        Activity(link_id=pk, kind=kind, at=at, actor=actor.id, detail=detail)
        for pk in link_pks
    )


def _only_fitting(
    link: PaymentLink, account: ProviderAccount, ask: Ask, now: datetime
) -> Checkout | None:
    """The one live session that still fits; every other is ordered closed."""
    wanted = (account.pk, ask.total, ask.tip_minor, ask.quantities)
    keep = None
    for live in sessions.live(link).select_for_update(of=("self",)):
        has = (live.account_id, live.amount, live.tip_minor, live.quantities)
        fits = has == wanted and not live.is_joint
        if fits and keep is None and requests.end_of(live) > now + MARGIN:
            keep = live
        else:
            sessions.order_close_one(live, now)
    return keep


def refuse_unpayable(link: PaymentLink, now: datetime) -> None:
    """CheckoutRefused where a locked link is no longer open, or being paid already."""
    if link.status != LinkStatus.ACTIVE or link.is_past_expiry(now):
        raise CheckoutRefused(_("This payment link is no longer open."))
    if link.is_reusable:
        return  # what others have under way is theirs
    is_being_taken = Q(state=S.CAPTURING, close_ordered_at=None)
    if (
        sessions.has_money_under_way(link)
        or sessions.of_link(link).filter(is_being_taken).exists()
    ):
        raise CheckoutRefused(_("A payment is already on its way."))


def _open(checkout: Checkout) -> str:
    provider = get_provider(checkout.account.slug)
    request = requests.request_of(checkout, checkout.link)
    crash.crash_at("checkout.before_call")
    try:
        snapshot = provider.create_checkout(request)
    except ProviderUnavailable as exc:
        accounts.note_silence(checkout.account)
        if not checkout.move_to(S.UNKNOWN, last_error=str(exc)[:300]):
            return _opened_by_other_half(checkout)
        raise ProviderDown(
            _("The payment service did not answer. Nothing was charged.")
        ) from exc
    except ProviderError as exc:
        checkout.move_to(S.FAILED, last_error=str(exc)[:300], next_check_at=None)
        raise CheckoutRefused(
            _("The payment service refused. Nothing was charged.")
        ) from exc
    crash.crash_at("checkout.after_call")
    accounts.note_answer(checkout.account)
    _store_opened(checkout, snapshot)
    if checkout.close_ordered_at is not None:
        queue.nudge("links.tasks.close_checkout", checkout.pk)
        raise CheckoutRefused(_("This payment link is no longer open."))
    if checkout.state != S.OPEN:
        raise CheckoutRefused(_("This way to pay is not available."))
    return checkout.url


def _opened_by_other_half(checkout: Checkout) -> str:
    """Of a double click, the other half may have got the answer that this one lost."""
    checkout.refresh_from_db()
    if checkout.state != S.OPEN:
        raise ProviderDown(
            _("The payment service did not answer. Nothing was charged.")
        )
    return checkout.url


def _store_opened(checkout: Checkout, snapshot: CheckoutSnapshot) -> None:
    """Keep the provider's ids; a double click may have stored them already."""
    for _try in range(3):
        if checkout.move_to(
            S.OPEN,
            provider_session_id=snapshot.provider_session_id,
            url=snapshot.url,
            expires_at=snapshot.expires_at,
            last_error="",
        ):
            break
        checkout.refresh_from_db()
    checkout.refresh_from_db()


def settle(pk: int) -> None:
    """Ask the provider how a checkout stands and book what it says.

    Also closes it there, when that was ordered. Raises ProviderError when the
    provider gives no answer; the next check stays due.
    """
    checkout = Checkout.objects.select_related("account", "link").get(pk=pk)
    if checkout.state in FINAL or not _schedule_next(checkout):
        return
    slug = checkout.account.slug
    if accounts.mode_of(slug) is None:
        raise ProviderMisconfigured(f"The keys of {slug} are not set.")
    provider = get_provider(slug)
    if not checkout.provider_session_id:
        _find_session(checkout, provider)
        if not checkout.provider_session_id:
            return
    try:
        snapshot = provider.fetch_checkout(checkout.provider_session_id)
    except ProviderRejected as exc:
        # Gone at the provider: nobody can pay it any more.
        checkout.move_to(S.FAILED, last_error=str(exc)[:300], next_check_at=None)
        return
    if snapshot.awaits_capture:
        snapshot = capturing.take(checkout, provider, snapshot)
    # Not every provider's sessions end by themselves.
    is_over = (
        checkout.close_ordered_at is not None
        or requests.end_of(checkout) <= clock.now()
    )
    if snapshot.state == SessionState.OPEN and is_over:
        snapshot = provider.expire_checkout(checkout.provider_session_id)
    apply(checkout, snapshot)


def _find_session(checkout: Checkout, provider: Provider) -> None:
    """Learn the ids of a session whose opening was interrupted: same key, same call."""
    if clock.now() - checkout.created_at > KEY_LIFETIME:
        # Past this a repeat would open a second session; the first has ended by now.
        if not _is_money_under_way(checkout, provider):
            checkout.move_to(S.EXPIRED, next_check_at=None)
        return
    try:
        snapshot = provider.create_checkout(
            requests.request_of(checkout, checkout.link)
        )
    except ProviderRejected as exc:
        checkout.move_to(S.FAILED, last_error=str(exc)[:300], next_check_at=None)
        return
    _store_opened(checkout, snapshot)


def _is_money_under_way(checkout: Checkout, provider: Provider) -> bool:
    """Book what a session of which we never learned the id took; True while some of it
    may still come. The account's own list knows it by our reference."""
    states = set()
    for seen in provider.list_payments(checkout.created_at - MARGIN):
        if seen.checkout_reference == checkout.public_id:
            payments.record(seen)
            states.add(seen.state)
    return SeenState.PROCESSING in states


def apply(checkout: Checkout, snapshot: CheckoutSnapshot) -> bool:
    """Book a session as the provider sees it; True if it told anything new."""
    told = [payments.record(seen) for seen in snapshot.payments]
    return _end(checkout, snapshot) or any(told)


def _end(checkout: Checkout, snapshot: CheckoutSnapshot) -> bool:
    """Finish a checkout of which no money can come any more; False if some may."""
    if snapshot.state == SessionState.EXPIRED:
        ended, kind = S.EXPIRED, "checkout.expired"
    elif snapshot.state == SessionState.FAILED or (
        snapshot.state == SessionState.COMPLETED and _has_failed(snapshot)
    ):
        ended, kind = S.FAILED, "checkout.failed"
    else:
        return False
    with transaction.atomic():
        pks = sessions.link_pks(checkout)
        PaymentLink.objects.locked_all(pks)  # first of all, as everywhere
        if not checkout.move_to(ended, next_check_at=None):
            return False
        _note(pks, kind, clock.now(), SYSTEM, {"checkout": checkout.public_id})
    return True


def _has_failed(snapshot: CheckoutSnapshot) -> bool:
    """Whether payments were tried and every one failed, as a debit may days later."""
    states = {seen.state for seen in snapshot.payments}
    return states == {SeenState.FAILED}


def _schedule_next(checkout: Checkout) -> bool:
    """Put the next look on the row before looking: a crash then costs only time.

    False if somebody moved or closed it since it was read; nothing is overwritten.
    """
    now = clock.now()
    step = min(checkout.checks + 1, len(CHECK_AFTER_SECONDS) - 1)
    scheduled = Checkout.objects.filter(
        pk=checkout.pk,
        state=checkout.state,
        close_ordered_at=checkout.close_ordered_at,
    ).update(
        checks=min(checkout.checks + 1, 32_000),
        next_check_at=now + timedelta(seconds=CHECK_AFTER_SECONDS[step]),
    )
    return scheduled == 1


def look_now(checkout: Checkout) -> None:
    """Something waits for us there; the sweep finds it if the nudge is lost."""
    Checkout.objects.filter(pk=checkout.pk).exclude(state__in=FINAL).update(
        next_check_at=clock.now()
    )
    queue.nudge("links.tasks.settle_checkout", checkout.pk)


def due_for_check(limit: int = 100) -> list[int]:
    """Keys of checkouts whose next look is due."""
    return list(
        Checkout.objects.filter(next_check_at__lte=clock.now())
        .order_by("next_check_at")
        .values_list("pk", flat=True)[:limit]
    )
