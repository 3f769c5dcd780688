"""The product with one fault each: what the machine must catch, and by which name."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest

from links.models import (
    Activity,
    LinkStatus,
    Payment,
    PaymentLink,
    PaymentState,
)
from links.services import (
    allocating,
    links,
    pages,
    payment_places,
    payments,
    sessions,
    totals,
)
from merchant_portal.audit import services as audit
from merchant_portal.lib import clock
from notifications.models import Message, MessageState
from notifications.models.messages import MessageQuerySet
from notifications.services import claims, opt_outs, outbox, outcomes


@dataclass(frozen=True, slots=True)
class Variant:
    """`breaks`: puts the fault in. `number`: of the invariant that must then fail.

    `only`: the rules that bear on it, so that it is met soon.
    `steps`: few where the second thing to happen would hide the fault.
    `sql`: takes a second belt away that holds where the first is broken.
    """

    name: str
    number: int
    only: tuple[str, ...]
    breaks: Callable[[pytest.MonkeyPatch], None]
    sql: str = ""
    steps: int = 12


def _old_news_counts_again(patch: pytest.MonkeyPatch) -> None:
    record = payments.record

    def again(seen: Any, **given: Any) -> Payment | None:
        booked = record(seen, **given)
        if booked is None and seen.state.value == PaymentState.SUCCEEDED:
            payment = Payment.objects.get(provider_payment_id=seen.provider_payment_id)
            sums = totals.Changes()
            sums.add([], totals.of_payment(payment, payment.link))
            sums.write()
        return booked

    patch.setattr(payments, "record", again)


def _surplus_counts_for_the_link(patch: pytest.MonkeyPatch) -> None:
    def allocate(link: PaymentLink, news: Payment) -> dict[str, int]:
        counted = link.payments.filter(
            state=PaymentState.SUCCEEDED, currency=link.currency
        )
        link.amount_paid_minor = sum(one.amount_minor for one in counted)
        return {"amount_paid_minor": link.amount_paid_minor}

    patch.setattr(allocating, "allocate", allocate)


def _a_part_pays_the_whole(patch: pytest.MonkeyPatch) -> None:
    def end(link: PaymentLink) -> LinkStatus | None:
        return LinkStatus.PAID if link.amount_paid_minor else None

    patch.setattr(payments, "_end", end)


def _paid_at_is_of_the_last(patch: pytest.MonkeyPatch) -> None:
    count = payments._count

    def count_then_move(link: PaymentLink, *given: Any) -> list[Activity]:
        told = count(link, *given)
        if link.status == LinkStatus.PAID:
            link.paid_at = clock.now()
            link.save(update_fields=["paid_at"])
        return told

    patch.setattr(payments, "_count", count_then_move)


def _orphans_are_dropped(patch: pytest.MonkeyPatch) -> None:
    book = payments._book

    def book_ours(account: Any, seen: Any, *given: Any) -> Payment | None:
        if payment_places.find(account, seen).place.link_pk is None:
            return None
        return book(account, seen, *given)

    patch.setattr(payments, "_book", book_ours)


def _the_other_session_stays_open(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(sessions, "order_close_one", lambda checkout, now: None)


def _paid_links_keep_their_messages(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(outbox, "cancel", lambda reference, **given: 0)
    patch.setattr(claims, "_screen", lambda due: list(due))


def _old_claims_are_trusted(patch: pytest.MonkeyPatch) -> None:
    def renew(held: Sequence[claims.Claim]) -> list[claims.Claim]:
        start_before = clock.now().timestamp() + claims.FRESH_SECONDS
        return [claims.Claim(one.message, one.fence, start_before) for one in held]

    patch.setattr(claims, "renew", renew)
    patch.setattr("notifications.services.delivery.renew", renew)


def _opt_outs_are_not_asked(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(opt_outs, "forbids", lambda *given: False)


def _a_lapsed_sms_goes_again(patch: pytest.MonkeyPatch) -> None:
    take_back = claims._take_back

    def take_back_to_queue(message: Message, begun: bool, at: datetime) -> None:
        take_back(message, False, at)

    patch.setattr(claims, "_take_back", take_back_to_queue)


def _a_stale_claim_writes_as_well(patch: pytest.MonkeyPatch) -> None:
    def held(self: MessageQuerySet, pk: int, fence: int) -> MessageQuerySet:
        return self.filter(pk=pk, state__in=[MessageState.SENDING, MessageState.SENT])

    patch.setattr(MessageQuerySet, "held", held)
    states = "notifications_message.state IN ('sending', 'sent')"
    patch.setattr(outcomes, "_HELD", states)


def _nobody_takes_back(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("notifications.services.delivery.reap", lambda: 0)


def _paid_links_can_be_canceled(patch: pytest.MonkeyPatch) -> None:
    moves = {**PaymentLink.TRANSITIONS, LinkStatus.PAID: {LinkStatus.CANCELED}}
    patch.setattr(PaymentLink, "TRANSITIONS", moves)


def _reports_move_any_message(patch: pytest.MonkeyPatch) -> None:
    sources = [*Message.TRANSITIONS, MessageState.BOUNCED]
    patch.setattr(
        Message,
        "TRANSITIONS",
        {old: {MessageState.DELIVERED, MessageState.BOUNCED} for old in sources},
    )


def _closing_is_not_told(patch: pytest.MonkeyPatch) -> None:
    note = links.note

    def note_all_but_ends(
        link: PaymentLink, kind: str, actor: Any, at: datetime, **detail: object
    ) -> None:
        if kind != "link.expired":
            note(link, kind, actor, at, **detail)

    patch.setattr(links, "note", note_all_but_ends)


def _cash_is_not_on_record(patch: pytest.MonkeyPatch) -> None:
    record = audit.record

    def record_all_but_cash(actor: str, action: str, *given: Any, **facts: Any) -> None:
        if action != "payment.recorded":
            record(actor, action, *given, **facts)

    patch.setattr(audit, "record", record_all_but_cash)


def _acts_are_not_chained(patch: pytest.MonkeyPatch) -> None:
    tail = audit.tail
    patch.setattr(audit, "tail", lambda: (tail()[0], "0" * 64))


def _looking_is_counted(patch: pytest.MonkeyPatch) -> None:
    find = pages.find_by_token

    def find_and_count(raw: str) -> pages.Page | None:
        page = find(raw)
        if page is not None:
            PaymentLink.objects.filter(pk=page.link.pk).update(note="seen")
        return page

    patch.setattr(pages, "find_by_token", find_and_count)


def _sessions_are_never_closed(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(sessions, "order_close", lambda link, now: None)


MONEY = ("money_comes_by_itself", "webhook_comes", "webhook_comes_again")
BY_HAND = ("record_by_hand", "cancel", "extend")
CLAIMS = ("claim", "deliver", "sweep_messages", "time_passes")

VARIANTS = (
    Variant("old news counts again", 2, ("start_to_pay",), _old_news_counts_again),
    Variant("surplus counts for the link", 3, MONEY, _surplus_counts_for_the_link),
    Variant("a part pays the whole", 4, MONEY, _a_part_pays_the_whole),
    Variant("paid_at is of the last payment", 4, MONEY[:2], _paid_at_is_of_the_last),
    Variant("money without a link is dropped", 5, MONEY, _orphans_are_dropped),
    Variant(
        "the other session stays open",
        6,
        ("start_to_pay", "time_passes"),
        _the_other_session_stays_open,
        sql="DROP INDEX checkout_one_live_a_link",
    ),
    Variant(
        "sessions are never closed",
        6,
        ("start_to_pay", "cancel"),
        _sessions_are_never_closed,
        steps=4,
    ),
    Variant(
        "paid links keep their messages",
        7,
        (*BY_HAND, "sweep_messages"),
        _paid_links_keep_their_messages,
    ),
    Variant(
        "old claims are trusted",
        7,
        ("claim", "deliver"),
        _old_claims_are_trusted,
        steps=4,
    ),
    Variant(
        "opt-outs are not asked",
        7,
        ("write_back", "unsubscribe", "send", "sweep_messages"),
        _opt_outs_are_not_asked,
        steps=20,
    ),
    Variant("a lapsed SMS goes again", 7, CLAIMS, _a_lapsed_sms_goes_again),
    Variant("a stale claim writes as well", 8, CLAIMS, _a_stale_claim_writes_as_well),
    Variant("nobody takes back", 8, CLAIMS, _nobody_takes_back),
    Variant("paid links can be canceled", 9, BY_HAND, _paid_links_can_be_canceled),
    Variant(
        "reports move any message",
        9,
        ("sweep_messages", "carrier_reports"),
        _reports_move_any_message,
    ),
    Variant(
        "closing is not told",
        10,
        ("make", "time_passes", "sweep_links"),
        _closing_is_not_told,
    ),
    Variant("cash is not on record", 10, BY_HAND, _cash_is_not_on_record),
    Variant("acts are not chained", 10, BY_HAND, _acts_are_not_chained),
    Variant("looking is counted", 14, ("look", "start_to_pay"), _looking_is_counted),
)
