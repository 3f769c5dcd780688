"""Opening one session in which a customer pays several links at once."""

from collections.abc import Collection, Sequence
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from merchant_portal.lib import clock
from merchant_portal.lib.actors import PAYER, Actor
from merchant_portal.lib.money import MAX_MINOR, Money

from ..models import Checkout, CheckoutShare, PaymentLink, ProviderAccount
from . import accounts, asking, checkouts, owed, requests, sessions
from .accounts import Offer
from .checkouts import CheckoutRefused


def start(
    customer_pk: int, numbers: Collection[str], slug: str, *, actor: Actor = PAYER
) -> str:
    """The provider's page on which a customer pays the links of these numbers, all in
    one currency.

    Every session in which one of these links could be paid otherwise is ordered closed.
    As `checkouts.start`: stored before the call, the call outside any transaction.
    Raises CheckoutRefused and ProviderDown.
    """
    if accounts.mode_of(slug) is None:
        raise CheckoutRefused(_("This way to pay is not available."))
    account = accounts.get(slug)
    with transaction.atomic():
        now = clock.now()
        links = _payable(customer_pk, numbers, now)
        if len(links) != len(set(numbers)) or len({one.currency for one in links}) != 1:
            # Paid, changed or taken back meanwhile: whoever pays looks at it again.
            raise CheckoutRefused(_("This payment link is no longer open."))
        checkout = None
        if len(links) > 1:
            keep = _only_fitting(links, account, now)
            checkout = keep or _store(links, account, now, actor)
    if checkout is None:
        return checkouts.start(links[0].pk, slug, actor=actor)
    return checkouts.page_of(checkout)


def _payable(
    customer_pk: int, numbers: Collection[str], now: datetime
) -> list[PaymentLink]:
    """Those of these links that can be paid, locked in the order of their keys; not
    those on which money is under way."""
    wanted = owed.open_links([customer_pk], now).filter(number__in=set(numbers))
    pks = list(wanted.values_list("pk", flat=True)[: owed.MOST])
    locked = PaymentLink.objects.select_related("customer").locked_all(pks)
    still = set(wanted.filter(pk__in=pks).values_list("pk", flat=True))
    return [link for pk, link in locked.items() if pk in still and _is_free(link, now)]


def _is_free(link: PaymentLink, now: datetime) -> bool:
    try:
        checkouts.refuse_unpayable(link, now)
    except CheckoutRefused:
        return False
    return True


def offered(links: Sequence[PaymentLink], now: datetime) -> list[Offer]:
    """The ways in which all of these can be paid at once, in the merchant's order."""
    total = total_of(links)
    if total is None:
        return []
    found = accounts.offered(links[0], now, total)
    for link in links[1:]:
        if link.allowed_providers:
            found = [offer for offer in found if offer.slug in link.allowed_providers]
    return found


def total_of(links: Sequence[PaymentLink]) -> Money | None:
    """What they ask together; None where that is beyond what anybody can pay."""
    minor = sum(asking.due_now(link).amount_minor for link in links)
    return Money(minor, links[0].currency) if 0 < minor <= MAX_MINOR else None


def _only_fitting(
    links: Sequence[PaymentLink], account: ProviderAccount, now: datetime
) -> Checkout | None:
    """The open session that asks just this of just these links; every other is ordered
    closed."""
    wanted = {link.pk: asking.due_now(link).amount_minor for link in links}
    lives: dict[int, Checkout] = {}
    for link in links:
        found = sessions.live(link).select_for_update(of=("self",))
        lives |= {live.pk: live for live in found.order_by("pk")}
    keep = None
    for live in lives.values():
        asked = dict(live.shares.values_list("link_id", "amount_minor"))
        fits = live.account_id == account.pk and asked == wanted
        if fits and keep is None and requests.end_of(live) > now + checkouts.MARGIN:
            keep = live
        else:
            sessions.order_close_one(live, now)
    return keep


def _store(
    links: Sequence[PaymentLink], account: ProviderAccount, now: datetime, actor: Actor
) -> Checkout:
    offers = {offer.slug for offer in offered(links, now)}
    total = total_of(links)
    if account.slug not in offers or not account.is_enabled or total is None:
        raise CheckoutRefused(_("This way to pay is not available."))
    checkout = Checkout(
        link=links[0],
        account=account,
        amount_minor=total.amount_minor,
        currency=total.currency,
        is_joint=True,
        parameters=requests.joint_parameters(links, now),
    )
    checkouts.store(checkout, [link.pk for link in links], now, actor)
    CheckoutShare.objects.bulk_create(
        CheckoutShare(
            checkout=checkout,
            part=part,
            link=link,
            amount_minor=asking.due_now(link).amount_minor,
        )
        for part, link in enumerate(links)
    )
    return checkout
