import pytest
from django.test import Client
from django.urls import reverse
from pytest_django.fixtures import Settings
from twilio.request_validator import RequestValidator

from notifications.models import DeliveryEvent, Message, OptOut
from notifications.services import delivery, outbox

from .carriers import FakeCarrier
from .factories import NOON, Shop, message

pytestmark = pytest.mark.django_db
SID = "SM" + "1" * 32
ACCOUNT = "AC" + "0" * 32
TOKEN = "12345"
PUBLIC_URL = "https://pay.example.com"


@pytest.fixture(autouse=True)
def _configured(settings: Settings) -> None:
    settings.TWILIO_AUTH_TOKEN = TOKEN
    settings.TWILIO_ACCOUNT_SID = ACCOUNT
    settings.PUBLIC_URL = PUBLIC_URL


def post(client: Client, path: str, signature: str | None = None, **form: str) -> int:
    form.setdefault("AccountSid", ACCOUNT)
    if signature is None:
        signature = RequestValidator(TOKEN).compute_signature(
            f"{PUBLIC_URL}{path}", form
        )
    response = client.post(path, form, headers={"X-Twilio-Signature": signature})
    return response.status_code


def report(client: Client, row: Message, status: str, **more: str) -> int:
    path = f"/webhooks/twilio/status/{row.public_id}/"
    return post(client, path, MessageSid=SID, MessageStatus=status, **more)


@pytest.fixture
def sent(shop: Shop, carrier: FakeCarrier) -> Message:
    row = message(channel="sms")
    delivery.deliver(delivery.claim(10))
    row.refresh_from_db()
    return row


def test_signature_is_the_one_that_twilio_documents() -> None:
    form = {
        "CallSid": "CA1234567890ABCDE",
        "Caller": "+14158675309",
        "Digits": "1234",
        "From": "+14158675309",
        "To": "+18005551212",
    }
    url = "https://mycompany.com/myapp.php?foo=1&bar=2"
    assert RequestValidator("12345").compute_signature(url, form) == (
        "RSOYDt4T1cUTdK1PDd93/VVr8B8="
    )


@pytest.mark.parametrize(
    ("statuses", "state"),
    [
        (["sent"], "sent"),
        (["sent", "delivered"], "delivered"),
        (["delivered", "sent", "queued"], "delivered"),
        (["undelivered"], "bounced"),
        (["undelivered", "sent"], "bounced"),
        (["delivered", "undelivered"], "delivered"),
        (["partially_delivered"], "sent"),
    ],
)
def test_reports_move_the_message_forward_only(
    client: Client, sent: Message, statuses: list[str], state: str
) -> None:
    for status in statuses:
        assert report(client, sent, status) == 200

    sent.refresh_from_db()
    assert sent.state == state
    assert DeliveryEvent.objects.count() == len(statuses)


def test_repeated_report_is_kept_once(client: Client, sent: Message) -> None:
    for _ in range(3):
        assert report(client, sent, "delivered") == 200

    assert DeliveryEvent.objects.count() == 1


def test_report_settles_an_unknown_message(client: Client, shop: Shop) -> None:
    row = message(channel="sms")
    Message.objects.update(state="unknown")

    assert report(client, row, "delivered") == 200

    row.refresh_from_db()
    assert (row.state, row.provider_message_id, row.sent_at) == ("delivered", SID, NOON)


def test_report_before_our_own_answer_counts(client: Client, shop: Shop) -> None:
    row = message(channel="sms")
    delivery.claim(10)

    report(client, row, "delivered")

    row.refresh_from_db()
    assert (row.state, row.lease_until) == ("delivered", None)
    assert delivery.reap() == 0


def test_report_never_revives_a_canceled_message(client: Client, shop: Shop) -> None:
    row = message(channel="sms")
    outbox.cancel("plk_1")

    assert report(client, row, "delivered") == 200

    row.refresh_from_db()
    assert row.state == "canceled"


def test_why_it_was_not_delivered_is_kept(client: Client, sent: Message) -> None:
    report(client, sent, "undelivered", ErrorCode="30003")

    sent.refresh_from_db()
    assert sent.last_error == (
        "The phone is switched off or out of reach (Twilio error 30003)"
    )


def test_report_without_our_id_is_found_by_twilios(
    client: Client, sent: Message
) -> None:
    path = "/webhooks/twilio/status/"
    assert (
        post(
            client,
            path,
            MessageSid=sent.provider_message_id,
            MessageStatus="delivered",
        )
        == 200
    )

    sent.refresh_from_db()
    assert sent.state == "delivered"


@pytest.mark.parametrize(
    "signature", ["", "wrong", "é", "RSOYDt4T1cUTdK1PDd93/VVr8B8="]
)
def test_forged_report_is_refused(
    client: Client, sent: Message, signature: str
) -> None:
    path = f"/webhooks/twilio/status/{sent.public_id}/"
    status = post(client, path, signature, MessageSid=SID, MessageStatus="delivered")

    assert status == 400
    sent.refresh_from_db()
    assert sent.state == "sent"
    assert not DeliveryEvent.objects.exists()


def test_signature_holds_for_its_own_address_only(
    client: Client, sent: Message
) -> None:
    form = {"AccountSid": ACCOUNT, "MessageSid": SID, "MessageStatus": "delivered"}
    elsewhere = RequestValidator(TOKEN).compute_signature(
        f"{PUBLIC_URL}/webhooks/twilio/status/", form
    )
    assert report(client, sent, "delivered", signature=elsewhere) == 400


def test_other_account_is_refused(client: Client, sent: Message) -> None:
    assert report(client, sent, "delivered", AccountSid="AC" + "9" * 32) == 400


def test_report_about_nothing_is_answered_and_ignored(
    client: Client, shop: Shop
) -> None:
    path = "/webhooks/twilio/status/msg_none/"
    assert post(client, path, MessageSid=SID, MessageStatus="sent") == 200
    assert post(client, "/webhooks/twilio/status/") == 200
    assert not DeliveryEvent.objects.exists()


def test_get_is_not_allowed_and_large_bodies_neither(client: Client) -> None:
    assert client.get(reverse("twilio-status")).status_code == 405
    assert post(client, reverse("twilio-inbound"), "x", Body="a" * 70_000) == 413


def test_without_an_account_there_is_no_such_page(
    client: Client, settings: Settings
) -> None:
    settings.TWILIO_AUTH_TOKEN = ""
    assert post(client, reverse("twilio-inbound"), "x", Body="STOP") == 404


@pytest.mark.parametrize(
    "words",
    [
        "STOP",
        "stop.",
        " Stop ",
        "Unsubscribe",
        "STOPALL",
        "QUIT",
        "END",
        "REVOKE",
        "opt out",
        "Opt  Out!",
        "CANCEL",
        "ARRÊT",
    ],
)
def test_stop_ends_every_message_to_that_number(
    client: Client, shop: Shop, words: str
) -> None:
    waiting = message(100, channel="sms", kind="receipt")
    foreign = message(200, channel="sms")

    assert (
        post(client, reverse("twilio-inbound"), From="+14155550100", Body=words) == 200
    )
    post(client, reverse("twilio-inbound"), From="+14155550100", Body=words)

    opt_out = OptOut.objects.get(channel="sms")
    assert (opt_out.address, opt_out.scope) == ("+14155550100", "all")
    states = dict(Message.objects.values_list("pk", "state"))
    assert states == {waiting.pk: "suppressed", foreign.pk: "queued"}


def test_start_takes_stop_back(client: Client, shop: Shop) -> None:
    for words in ("STOP", "Start"):
        post(client, reverse("twilio-inbound"), From="+14155550100", Body=words)

    assert not OptOut.objects.exists()
    assert message(100, channel="sms").state == "queued"


@pytest.mark.parametrize(
    "words", ["please leave me alone", "HELP", "", "when do I stop?"]
)
def test_other_words_change_nothing(client: Client, shop: Shop, words: str) -> None:
    waiting = message(100, channel="sms")

    assert (
        post(client, reverse("twilio-inbound"), From="+14155550100", Body=words) == 200
    )

    waiting.refresh_from_db()
    assert waiting.state == "queued"
    assert not OptOut.objects.exists()


@pytest.fixture
def sent_whatsapp(shop: Shop, carrier: FakeCarrier) -> Message:
    row = message(channel="whatsapp")
    delivery.deliver(delivery.claim(10))
    row.refresh_from_db()
    return row


def test_read_counts_as_delivered_and_is_kept(
    client: Client, sent_whatsapp: Message
) -> None:
    for status in ("sent", "read", "delivered"):
        assert report(client, sent_whatsapp, status) == 200

    sent_whatsapp.refresh_from_db()
    assert sent_whatsapp.state == "delivered"
    kinds = DeliveryEvent.objects.order_by("id").values_list("kind", flat=True)
    assert list(kinds) == ["sent", "read", "delivered"]


@pytest.mark.parametrize(
    ("code", "words", "ends"),
    [
        ("63016", "only approved templates when the customer has not written", False),
        ("63024", "not on WhatsApp", True),
        ("63014", "blocked us or opted out", True),
        ("63049", "chose not to deliver", False),
        ("99999", "Twilio error 99999", False),
        ("<b>", "Twilio error <b>", False),
        ("\u0661", "Twilio error \u0661", False),  # a digit, but not one of theirs
    ],
)
def test_why_whatsapp_did_not_deliver_is_told_in_words(
    client: Client, sent_whatsapp: Message, code: str, words: str, ends: bool
) -> None:
    for _ in range(2):
        assert report(client, sent_whatsapp, "undelivered", ErrorCode=code) == 200

    sent_whatsapp.refresh_from_db()
    assert sent_whatsapp.state == "bounced"
    assert words in sent_whatsapp.last_error
    opted_out = OptOut.objects.exclude(scope="nothing").values_list(
        "channel", "address", "source"
    )
    closed = [("whatsapp", sent_whatsapp.recipient, "refused by twilio")]
    assert list(opted_out) == (closed if ends else [])


def test_a_late_report_of_the_past_does_not_close_an_address(
    client: Client, sent_whatsapp: Message
) -> None:
    """Delivered is delivered, whatever comes after it."""
    report(client, sent_whatsapp, "delivered")
    report(client, sent_whatsapp, "undelivered", ErrorCode="63024")

    sent_whatsapp.refresh_from_db()
    assert sent_whatsapp.state == "delivered"
    assert not OptOut.objects.exists()
