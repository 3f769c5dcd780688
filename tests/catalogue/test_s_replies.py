"""S10-S14: what people answer by SMS, and the hours in which nobody is disturbed."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django.fixtures import Settings
from twilio.request_validator import RequestValidator

from customers.services import customers, zones
from links.models import PaymentLink
from links.services import reminding
from merchant_portal.business.models import Business
from merchant_portal.lib import clock, ids
from notifications.models import Message, OptOut
from notifications.services import delivery

from .doors import Doors, tables

pytestmark = pytest.mark.django_db
TOKEN = "stub-twilio-token-" + "0" * 14
NUMBER = "+14155550100"
MESSAGE = "+15005550006"


@pytest.fixture(autouse=True)
def _twilio(settings: Settings) -> None:
    settings.TWILIO_AUTH_TOKEN, settings.TWILIO_ACCOUNT_SID = TOKEN, "AC1"


def text(words: str, *, sender: str = NUMBER) -> bytes:
    """Somebody's SMS, as Twilio hands it on; what is answered."""
    form = {
        "From": sender,
        "To": MESSAGE,
        "Body": words,
        "AccountSid": "AC1",
        "MessageSid": ids.new("SM"),
    }
    path = reverse("twilio-inbound")
    signature = RequestValidator(TOKEN).compute_signature(
        f"http://127.0.0.1:8000{path}", form
    )
    answer = Client().post(path, form, headers={"X-Twilio-Signature": signature})
    assert answer.status_code == 200
    return answer.content


STOPS = {
    "S10-capitals": "STOP",
    "S10-dot": "stop.",
    "S10-unsubscribe": "Unsubscribe",
    "S10-stopall": "STOPALL",
    "S10-stop-all": "Stop all!",
    "S10-quit": "QUIT",
    "S10-end": "END",
    "S10-revoke": "REVOKE",
    "S10-opt-out": "opt out",
    "S10-opt-out-with-a-hyphen": "Opt-Out",
    "S10-cancel": "CANCEL",
    "S10-full-width": "\uff33\uff34\uff2f\uff30",
    "S10-bold": "\U0001d412\U0001d413\U0001d40e\U0001d40f",
    "S10-circled": "\u24c8\u24c9\u24c4\u24c5",
    "S10-dots-between": "S.T.O.P.",
    "S10-spaces-between": "S T O P",
    "S10-curly-quotes": "\u201cSTOP\u201d",
    "S10-guillemets": "\u00abstop\u00bb",
    "S10-exclamation": "STOP!!!\u2026",
    "S10-emoji": "\U0001f6d1 STOP \U0001f64f",
    "S10-zero-width": "ST\u200bOP\ufeff",
    "S10-right-to-left-mark": "\u200fSTOP",
    "S10-no-break-space": "\u00a0STOP\u00a0",
    "S10-lines-around": "\r\n\r\nstop\r\n",
    "S10-signature-below": "Stop\n\nSent from my phone",
    "S10-marks-above": "S\u0336T\u0336O\u0336P\u0336",
    "S10-number-behind": "STOP 1",
    "S10-german": "Abmelden",
    "S10-french": "ARRE\u0302T",
}
OTHERS = {
    "S11-help": "HELP",
    "S11-info": "info?",
    "S12-please": "please leave me alone",
    "S12-question": "when do I stop?",
    "S12-unstoppable": "unstoppable",
    "S12-stop-inside": "Do not stop the delivery",
    "S12-empty": "",
    "S12-emoji": "\U0001f6d1",
    "S12-second-line": "hello\nstop",
}


KEPT: dict[str, list[tuple[Any, ...]]] = {"notifications_inboundmessage": []}
# What was written is kept, for somebody to read; nothing else may change.


def invite(doors: Doors) -> Message:
    customer = doors.ask_customer(phone=NUMBER).json()["id"]
    link = doors.ask_link(customer=customer).json()["id"]
    doors.api.post(f"links/{link}/send", {"channels": ["sms"]})
    return Message.objects.get()


@pytest.mark.parametrize("words", STOPS.values(), ids=STOPS)
def test_stop_withdraws_what_waits_and_bars_what_comes(
    doors: Doors, words: str
) -> None:
    waiting = invite(doors)

    text(words)
    text(words)

    opt_outs = OptOut.objects.order_by("channel").values_list(
        "channel", "scope", "address"
    )
    assert list(opt_outs) == [
        ("sms", OptOut.Scope.ALL, NUMBER),
        ("whatsapp", OptOut.Scope.ALL, NUMBER),
    ]
    waiting.refresh_from_db()
    assert waiting.state == "suppressed"
    link = PaymentLink.objects.get()
    doors.api.post(f"links/{link.public_id}/send", {"channels": ["sms"]})
    assert delivery.claim(10) == []


@pytest.mark.parametrize("words", OTHERS.values(), ids=OTHERS)
def test_other_words_stop_nothing(doors: Doors, words: str) -> None:
    invite(doors)
    before = tables() | KEPT

    text(words)

    assert tables() | KEPT == before


def test_stop_of_a_shared_number_holds_for_everybody_on_it(doors: Doors) -> None:
    """S13: any STOP wins; another number of the same person is its own."""
    for name in ("Ana", "Bob"):
        doors.ask_customer(name=name, phone=NUMBER)
    doors.ask_customer(name="Ana", phone="+447400123456")

    text("STOP")
    for customer in doors.api.get("customers").json()["items"]:
        link = doors.ask_link(customer=customer["id"]).json()["id"]
        doors.api.post(f"links/{link}/send", {"channels": ["sms"]})

    states = Message.objects.values_list("recipient", "state")
    assert sorted(states) == [
        (NUMBER, "suppressed"),
        (NUMBER, "suppressed"),
        ("+447400123456", "queued"),
    ]


# S14: quiet hours of somebody whose zone nobody knows. The business is in Berlin.

SUMMER = "2031-07-01T"
HOURS = {
    # country, number, UTC, when it leaves; London is UTC+1, Tokyo +9, Hawaii -10
    "S14-last-minute": ("GB", "", "19:59", "01T19:59"),
    "S14-too-late": ("GB", "", "20:00", "02T07:00"),
    "S14-first-minute": ("GB", "", "07:00", "01T07:00"),
    "S14-too-early": ("GB", "", "06:59", "01T07:00"),
    "S14-by-the-number": ("", "+447400123456", "20:00", "02T07:00"),
    "S14-two-countries-both-awake": ("JP", "+447400123456", "11:59", "01T11:59"),
    "S14-two-countries-one-asleep": ("JP", "+447400123456", "12:00", "02T07:00"),
    "S14-whole-america-awake": ("US", "", "18:00", "01T18:00"),
    "S14-hawaii-asleep": ("US", "", "17:59", "01T18:00"),
    "S14-new-york-late": ("", NUMBER, "00:59", "01T00:59"),
    "S14-new-york-too-late": ("", NUMBER, "01:00", "01T18:00"),
    "S14-nothing-known": ("", "", "18:59", "01T18:59"),
    "S14-nothing-known-too-late": ("", "", "19:00", "02T06:00"),
    "S14-no-hour-suits-antarctica": ("AQ", "", "12:00", "01T12:00"),
}  # fmt: skip


def remind(doors: Doors, country: str, phone: str, at: datetime) -> list[datetime]:
    """When the reminders of one link leave that come due at `at`."""
    Business.objects.current()
    Business.objects.update(country="", time_zone="Europe/Berlin")
    customer = doors.ask_customer(
        email="ana@example.com", phone=phone, country=country or None
    ).json()
    with clock.frozen(datetime(2031, 6, 20, 12, tzinfo=UTC)):
        link = doors.ask_link(customer=customer["id"], due_on="2031-07-01").json()
        doors.api.post(f"links/{link['id']}/send", {"channels": ["email"]})
        delivery.deliver(delivery.claim(10))
    PaymentLink.objects.get().reminders_due.update(due_at=at)
    with clock.frozen(at):
        reminding.enqueue_due()
        delivery.claim(10)
    waiting = Message.objects.filter(kind="reminder")
    return list(waiting.values_list("due_at", flat=True))


def known_hours(case: tuple[str, str, str, str]) -> tuple[str, str, datetime, datetime]:
    country, phone, at, leaves = case
    return (
        country,
        phone,
        datetime.fromisoformat(f"{SUMMER}{at}+00:00"),
        datetime.fromisoformat(f"2031-07-{leaves}+00:00"),
    )


@pytest.mark.parametrize("case", HOURS.values(), ids=HOURS)
def test_leaves_only_when_it_is_day_wherever_they_may_be(
    doors: Doors, case: tuple[str, str, str, str]
) -> None:
    country, phone, at, leaves = known_hours(case)

    assert remind(doors, country, phone, at) == [leaves]


def test_control_by_the_zone_of_the_business_alone_it_leaves_at_night(
    doors: Doors, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S14"""
    monkeypatch.setattr(
        zones,
        "candidates",
        lambda customer, phone, business: (customers.zone_of(customer, business),),
    )
    country, phone, at, _leaves = known_hours(HOURS["S14-hawaii-asleep"])

    assert remind(doors, country, phone, at) == [at]  # 07:59 in Honolulu
