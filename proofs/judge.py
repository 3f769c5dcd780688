"""Says what went wrong, from the ledgers outside and one view of the shop's own books.

What counts as lost is only what was acknowledged: a request that was answered, a webhook
that got its 2xx, money that Stripe took.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from proofs.feeder import Ledger
from proofs.outside import Outside
from proofs.shop import Shop

VIEW = Path(__file__).with_name("judge.sql")
COLUMNS = "what, id, link, kind, state, amount_minor, currency, outside, lapsed"
MOST_COPIES = 3
UNFINISHED = {
    "message": {"queued", "sending"},
    "event": {"received"},
    "checkout": {"creating", "open", "capturing"},
}
# what staff see under "needs a person", and what ended as it should
REACHED = {"sent", "delivered"}
HUMAN = {"unknown", "failed"}


@dataclass(frozen=True)
class Row:
    """A line of the view; `lapsed`: hand-overs whose outcome came too late or never."""

    what: str
    id: str
    link: str = ""
    kind: str = ""
    state: str = ""
    amount_minor: int = 0
    currency: str = ""
    outside: str = ""
    lapsed: int = 0


@dataclass(frozen=True)
class Link:
    """What the shop acknowledged: the link, its customer and the messages it promised."""

    id: str
    email: str
    phone: str
    messages: tuple[str, ...] = ()


@dataclass(frozen=True)
class Copy:
    """A mail as the server took it; `answered`: whether it could say so."""

    message_id: str
    recipient: str
    answered: bool = True

    @property
    def message(self) -> str:
        """Our id of the message, which its Message-ID starts with."""
        return self.message_id.strip("<>").partition("@")[0]


@dataclass(frozen=True)
class Text:
    """An SMS that Twilio took; each of ours says something else to the same number."""

    sid: str
    number: str
    body: str


@dataclass(frozen=True)
class Money:
    """A payment in Stripe's books."""

    id: str
    link: str
    amount_minor: int
    currency: str


@dataclass(frozen=True)
class Evidence:
    """All that there is to judge by."""

    links: Sequence[Link]
    rows: Sequence[Row]
    mails: Sequence[Copy]
    texts: Sequence[Text]
    money: Sequence[Money]
    events: Sequence[str] = field(default_factory=list)  # those answered with 2xx

    def of(self, what: str) -> dict[str, Row]:
        return {row.id: row for row in self.rows if row.what == what}


def gather(shop: Shop, outside: Outside, acknowledged: Ledger) -> Evidence:
    """Read the ledgers and the view."""
    messages = defaultdict(list)
    for entry in acknowledged.entries("message"):
        messages[entry["link"]].append(entry["id"])
    shop.rows(VIEW.read_text())
    return Evidence(
        links=[
            Link(e["id"], e["email"], e["phone"], tuple(messages[e["id"]]))
            for e in acknowledged.entries("link")
        ],
        rows=[Row(*row) for row in shop.rows(f"SELECT {COLUMNS} FROM judged")],  # noqa: S608
        mails=[
            Copy(mail["message_id"], mail["recipients"][0], mail["answered"])
            for mail in outside.sink.ledger.objects("mail")
        ],
        texts=[
            Text(text["sid"], text["to"], text["body"])
            for text in outside.twilio.ledger.objects("message")
        ],
        money=[
            Money(
                session["payment_intent"],
                session["client_reference_id"],
                session["amount_total"],
                session["currency"].upper(),
            )
            for session in outside.stripe.ledger.objects("checkout.session")
            if session["payment_status"] == "paid"
        ],
        events=[
            delivery.event
            for delivery in outside.stripe.ledger.deliveries()
            if delivery.state == "delivered"
        ],
    )


def findings(evidence: Evidence) -> list[str]:
    """Every broken promise as a sentence; empty when all held."""
    rules: Sequence[Callable[[Evidence], Iterable[str]]] = (
        _lost,
        _unfinished,
        _said_but_not_done,
        _copies,
        _texts_twice,
        _books,
        _receipts,
        _events_lost,
    )
    return [said for rule in rules for said in rule(evidence)]


def extra_copies(evidence: Evidence) -> int:
    """Mails beyond the first of each message."""
    return len(evidence.mails) - len({copy.message_id for copy in evidence.mails})


def _lost(evidence: Evidence) -> Iterable[str]:
    links, messages = evidence.of("link"), evidence.of("message")
    taken = {copy.message for copy in evidence.mails}
    sids = {text.sid for text in evidence.texts}
    for link in evidence.links:
        if link.id not in links:
            yield f"link {link.id} is lost"
            continue
        for message in link.messages:
            row = messages.get(message)
            if row is None:
                yield f"message {message} is lost"
                continue
            went = message in taken if row.kind == "email" else row.outside in sids
            is_paid = links[link.id].state == "paid"
            excused = row.state in HUMAN or (row.state == "canceled" and is_paid)
            if not went and not excused:
                yield f"message {message} never went out and is {row.state}"


def _unfinished(evidence: Evidence) -> Iterable[str]:
    for row in evidence.rows:
        if row.state in UNFINISHED.get(row.what, ()):
            yield f"{row.what} {row.id} is still {row.state}"


def _said_but_not_done(evidence: Evidence) -> Iterable[str]:
    taken = {copy.message for copy in evidence.mails}
    sids = {text.sid for text in evidence.texts}
    for row in evidence.of("message").values():
        known = row.id in taken if row.kind == "email" else row.outside in sids
        if row.state in REACHED and not known:
            yield f"message {row.id} is called {row.state}, but nobody took it"


def _copies(evidence: Evidence) -> Iterable[str]:
    rows = evidence.of("message")
    by_message: defaultdict[str, list[Copy]] = defaultdict(list)
    for copy in evidence.mails:
        by_message[copy.message].append(copy)
    for message, copies in by_message.items():
        if message not in rows:
            yield f"a mail of an unknown message {message} went out"
            continue
        allowed = 1 + sum(not copy.answered for copy in copies) + rows[message].lapsed
        if len(copies) > min(allowed, MOST_COPIES):
            yield f"message {message} went out {len(copies)} times, {allowed} allowed"
        if len({copy.message_id for copy in copies}) > 1:
            yield f"message {message} has more than one Message-ID"


def _texts_twice(evidence: Evidence) -> Iterable[str]:
    told = Counter((text.number, text.body) for text in evidence.texts)
    for (number, body), count in told.items():
        if count > 1:
            yield f"the same SMS went to {number} {count} times: {body[:40]}"


def _books(evidence: Evidence) -> Iterable[str]:
    booked = defaultdict(list)
    for row in evidence.of("payment").values():
        booked[row.outside].append(row)
    links = evidence.of("link")
    for money in evidence.money:
        rows = booked.pop(money.id, [])
        if len(rows) != 1:
            yield f"payment {money.id} is booked {len(rows)} times"
            continue
        [row] = rows
        seen = (row.link, row.state, row.amount_minor, row.currency)
        if seen != (money.link, "succeeded", money.amount_minor, money.currency):
            yield f"payment {money.id} is booked as {seen}"
    yield from (f"payment {known} is not in Stripe's books" for known in booked)
    paid = Counter[str]()
    for money in evidence.money:
        paid[money.link] += money.amount_minor
    for link_id, amount in paid.items():
        link = links.get(link_id)
        if link is None or (link.state, link.amount_minor) != ("paid", amount):
            yield f"link {link_id} got {amount}, its row says {link}"
    for link in links.values():
        if link.state == "paid" and link.id not in paid:
            yield f"link {link.id} is called paid, but no money came"


def _receipts(evidence: Evidence) -> Iterable[str]:
    """Who paid was told so, once a channel, by messages beside those promised."""
    promised = {message for link in evidence.links for message in link.messages}
    told = Counter(
        (row.link, row.kind)
        for row in evidence.of("message").values()
        if row.id not in promised
    )
    for link in sorted({money.link for money in evidence.money}):
        for channel in ("email", "sms"):
            if told[link, channel] != 1:
                yield f"link {link} has {told[link, channel]} receipts by {channel}"


def _events_lost(evidence: Evidence) -> Iterable[str]:
    stored = evidence.of("event")
    for event in evidence.events:
        if event not in stored:
            yield f"event {event} was acknowledged and is lost"
    for row in stored.values():
        if row.state == "dead":
            yield f"event {row.id} was given up"
