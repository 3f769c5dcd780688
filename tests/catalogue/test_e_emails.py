"""E1-E13: addresses, and headers of mails."""

import time
from collections.abc import Iterator
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from customers.models import ContactPoint, Customer
from customers.services import customers
from links.services import sending
from links.tests.factories import make_customer, make_link
from merchant_portal.business.models import Business
from merchant_portal.lib.actors import SYSTEM
from notifications.channels.base import Outgoing, Refused
from notifications.channels.email import EmailChannel
from notifications.models import Message as Sent
from notifications.models import MessageState
from notifications.services import delivery
from proofs.fakes.ledger import Ledger
from proofs.fakes.smtp_sink import SmtpServer, SmtpSink

from .doors import Doors, nothing_stored

pytestmark = pytest.mark.django_db
REFUSED = {
    "E1-line-feed": "ana@example.com\nBcc: all@example.com",
    "E2-carriage-return": "ana@example.com\r\nBcc: all@example.com",
    "E3-both-in-the-local-part": "ana\r\nBcc: x@example.com",
    "E4-vertical-tab": "ana@example.com\x0bBcc: x@example.com",
    "E4-file-separator": "ana@example.com\x1cBcc: x",
    "E5-line-separator": "ana@example.com\u2028Bcc: x",
    "E5-next-line": "ana@example\u0085.com",
    "E6-two-addresses": "a@b.com,c@d.com",
    "E6-two-by-semicolon": "a@b.com;c@d.com",
    "E7-with-a-name": "x <a@b.com>",
    "E7-with-a-comment": "a@b.com (Ana)",
    "E8-no-dot": "a@localhost",
    "E8-address-literal": "a@[127.0.0.1]",
    "E8-bare-ip": "a@127.0.0.1",
    "E9-long-local-part": "a" * 300 + "@example.com",
    "E9-65-letters": "a" * 65 + "@example.com",
    "E9-255-in-all": "a" * 60 + "@" + "b" * 60 + "." + ("c" * 60 + ".") * 3 + "com",
    "E10-zero-width-in-the-domain": "a@b.c\u200bom",
    "E10-zero-width-at-the-end": "a@b.com\u200b",
    "E10-no-break-space": "a\u00a0b@example.com",
    "E10-nul": "a@example.com\x00",
    "E11-accented-local-part": "ren\u00e9e@example.com",
    "E11-full-width-at": "a\uff20example.com",
    "E11-hyphen-first": "a@-example.com",
    "E11-quoted": '"a b"@example.com',
    "E11-no-at": "example.com",
    "E11-dots": "a..b@example.com",
}
TAKEN = {
    "E7-spaces-around": ("  Ana@Example.COM ", "ana@example.com"),
    "E9-64-letters": ("a" * 64 + "@example.com",) * 2,
    "E11-idn": ("ana@b\u00fccher.example", "ana@xn--bcher-kva.example"),
    "E11-plus": ("ana+shop@example.com",) * 2,
    "E11-apostrophe": ("o'brien@example.com",) * 2,
}


@pytest.mark.parametrize("typed", REFUSED.values(), ids=REFUSED)
def test_refuses_at_every_door(doors: Doors, typed: str) -> None:
    by_script = doors.ask_customer(email=typed)
    by_hand = doors.fill_customer(email=typed)
    in_place = doors.fill_link(
        who="new", new_name="Ana", new_email=typed, action="send", channels="email"
    )

    assert by_script.status_code in (400, 422)
    assert (by_hand.status_code, in_place.status_code) == (200, 200)
    assert nothing_stored()


@pytest.mark.parametrize(("typed", "kept"), TAKEN.values(), ids=TAKEN)
def test_takes_in_one_form(doors: Doors, typed: str, kept: str) -> None:
    assert doors.ask_customer(email=typed).json()["email"] == kept
    assert doors.fill_customer(email=typed).status_code == 302
    assert set(ContactPoint.objects.values_list("value", flat=True)) == {kept}


BREAKS = {
    "E1": "Ana\nBcc: all@example.com",
    "E2": "Ana\r\nBcc: all@example.com",
    "E4-vertical-tab": "Ana\x0bBcc: all@example.com",
    "E4-file-separator": "Ana\x1cBcc: all@example.com",
}


@pytest.mark.parametrize("typed", BREAKS.values(), ids=BREAKS)
def test_a_name_or_line_that_would_break_a_header(doors: Doors, typed: str) -> None:
    assert doors.ask_customer(name=typed).status_code == 422
    assert doors.ask_link({"description": typed}).status_code == 422
    assert doors.fill_customer(name=typed).status_code == 200
    assert doors.fill_link(line_description=typed).status_code == 200
    assert nothing_stored()


@pytest.mark.parametrize("typed", BREAKS.values(), ids=BREAKS)
@pytest.mark.parametrize("field", ["name", "email"])
def test_the_merchants_own_name_and_reply_address(
    doors: Doors, field: str, typed: str
) -> None:
    """E1-E4: both go into headers of every mail."""
    Business.objects.current()
    page = doors.browser.get("/admin/business/business/1/change/")
    assert page.status_code == 200
    form = {
        "name": "Shop",
        "country": "DE",
        "currency": "EUR",
        "language": "en",
        "time_zone": "UTC",
        "brand_color": "#223344",
        field: typed,
    }

    answer = doors.browser.post("/admin/business/business/1/change/", form)

    assert answer.status_code == 200
    assert "Bcc" not in getattr(Business.objects.get(), field)


@pytest.mark.parametrize("mark", ["\u2028", "\u0085", "\u2029"], ids=ascii)
def test_odd_line_separators_become_a_space(doors: Doors, mark: str) -> None:
    """E5"""
    typed = f"Ana{mark}Bcc: x@example.com"

    assert doors.ask_customer(name=typed).json()["name"] == "Ana Bcc: x@example.com"


@pytest.fixture
def outbox(settings: Settings, tmp_path: Path) -> Iterator[Ledger]:
    """Mails as a server got them, byte for byte."""
    settings.EMAIL_CAPTURED = False
    settings.DEFAULT_FROM_EMAIL = "pay@shop.example"
    settings.EMAIL_HOST = "127.0.0.1"
    with (
        Ledger(tmp_path / "mail.sqlite3").closing() as ledger,
        SmtpServer(SmtpSink(ledger)) as server,
    ):
        settings.EMAIL_PORT = server.port
        yield ledger


def send_invitation(customer: Customer) -> Sent:
    link = make_link(customer)
    (message,) = sending.send(link, ["email"], actor=SYSTEM)
    delivery.deliver(delivery.claim(10))
    message.refresh_from_db()
    return message


def only(outbox: Ledger) -> tuple[list[str], EmailMessage]:
    """To whom the one mail went, and the mail."""
    (mail,) = outbox.objects("mail")
    raw = mail["raw"].encode("utf-8", "surrogateescape")
    return mail["recipients"], message_from_bytes(
        raw, _class=EmailMessage, policy=default
    )


def test_a_display_name_cannot_name_another_sender(outbox: Ledger) -> None:
    """E12: whatever the business is called, the From is ours."""
    business = Business.objects.current()
    business.name = "Bank <security@bank.com>"
    business.save()

    assert send_invitation(make_customer()).state == MessageState.SENT

    _recipients, mail = only(outbox)
    (sender,) = mail["From"].addresses
    assert sender.addr_spec == "pay@shop.example"
    assert sender.display_name == "Bank <security@bank.com>"


def test_a_customer_named_like_an_address_gets_one_mail(outbox: Ledger) -> None:
    """E12"""
    send_invitation(make_customer("Eve, all@example.com <b@example.com>"))

    recipients, mail = only(outbox)
    assert recipients == ["ada@example.com"]
    (reader,) = mail["To"].addresses
    assert reader.addr_spec == "ada@example.com"


SUBJECTS = {
    "E1": "Hello\nBcc: x@example.com",
    "E2": "Hello\rBcc: x@example.com",
    "E4-vertical-tab": "Hello\x0bBcc: x@example.com",
    "E4-file-separator": "Hello\x1cBcc: x@example.com",
}


@pytest.mark.parametrize("subject", SUBJECTS.values(), ids=SUBJECTS)
def test_a_subject_that_breaks_a_header_is_refused_for_good(
    outbox: Ledger, subject: str
) -> None:
    """E1-E4 at the last door: a final no, or a mail of one header; never a retry."""
    outgoing = Outgoing(
        public_id="msg_1",
        recipient="ada@example.com",
        sender="Shop <pay@shop.example>",
        subject=subject,
        text="Hello",
        start_before=time.monotonic() + 60,
    )

    with pytest.raises(Refused):
        EmailChannel().send(outgoing)

    assert outbox.objects("mail") == []


def test_only_a_hard_bounce_ends_an_address(doors: Doors) -> None:
    """E13: what carriers report so far is by SMS; an unknown report ends nothing."""
    customer = make_customer()
    message = send_invitation(customer)

    answer = doors.browser.post("/webhooks/email/postmark/", {"Type": "AutoResponder"})

    assert answer.status_code == 404
    message.refresh_from_db()
    assert message.state == MessageState.CAPTURED
    assert customers.email_of(customer) == "ada@example.com"
