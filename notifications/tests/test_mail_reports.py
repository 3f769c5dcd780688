import pytest
from django.test import Client

from merchant_portal.business.models import Business
from notifications.models import DeliveryEvent, Message, OptOut
from notifications.services import delivery, outbox

from . import mail_posts
from .carriers import FakeCarrier
from .factories import Shop, message
from .mail_posts import Amazon, body, give, post, report

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fetched")]
each_service = pytest.mark.parametrize("esp", mail_posts.SERVICES)


@pytest.fixture
def sent(sent_mail: Message) -> Message:
    return sent_mail


def suppressed() -> list[tuple[str, str]]:
    rows = OptOut.objects.exclude(scope=OptOut.Scope.NOTHING)
    return sorted(rows.values_list("scope", "source"))


@each_service
@pytest.mark.parametrize(
    ("told", "state", "opt_outs"),
    [
        (["delivered"], "delivered", []),
        (["bounced"], "bounced", [("all", "bounce")]),
        (["complained"], "complained", [("asking", "complaint")]),
        (["delivered", "complained"], "complained", [("asking", "complaint")]),
        (["complained", "delivered"], "complained", [("asking", "complaint")]),
        # taken by one server, sent back by the next: whichever is heard first
        (["delivered", "bounced"], "bounced", [("all", "bounce")]),
        (["bounced", "delivered"], "bounced", [("all", "bounce")]),
        (["delivered", "soft"], "delivered", []),
    ],
)
def test_what_is_reported_in_any_order(
    client: Client,
    sent: Message,
    amazon: Amazon,
    esp: str,
    told: list[str],
    state: str,
    opt_outs: list[tuple[str, str]],
) -> None:
    for what in told:
        assert report(client, esp, what, sent, amazon) == 200

    sent.refresh_from_db()
    assert sent.state == state
    assert suppressed() == opt_outs
    assert DeliveryEvent.objects.filter(carrier=esp).count() == len(told)


@each_service
@pytest.mark.parametrize("what", ["delivered", "bounced", "complained"])
def test_replays_change_nothing(
    client: Client, sent: Message, amazon: Amazon, esp: str, what: str
) -> None:
    for _ in range(3):
        assert report(client, esp, what, sent, amazon) == 200
    OptOut.objects.all().delete()

    assert report(client, esp, what, sent, amazon) == 200

    assert DeliveryEvent.objects.count() == 1
    assert not OptOut.objects.exists()  # taken back by a person: a replay is no news


@each_service
def test_a_full_mailbox_is_listed_and_still_written_to(
    client: Client, sent: Message, amazon: Amazon, esp: str
) -> None:
    report(client, esp, "soft", sent, amazon)

    assert suppressed() == []
    later = message(2, kind="reminder", recipient="ada1@example.com")
    assert later.state == "queued"


@each_service
def test_the_words_of_the_other_server_are_kept_without_the_address(
    client: Client, sent: Message, amazon: Amazon, esp: str
) -> None:
    report(client, esp, "bounced", sent, amazon)

    opt_out = OptOut.objects.get()
    assert opt_out.address == "ada1@example.com"
    assert opt_out.message == sent
    assert "550" in opt_out.detail or "5.1.1" in opt_out.detail
    for words in (opt_out.detail, DeliveryEvent.objects.get().detail):
        assert "ada1@" not in words


@each_service
@pytest.mark.parametrize(
    ("what", "reminder", "invitation", "receipt"),
    [
        ("bounced", "suppressed", "suppressed", "suppressed"),
        ("complained", "suppressed", "suppressed", "queued"),
        ("soft", "queued", "queued", "queued"),
    ],
)
def test_what_waits_for_the_address_and_what_comes_later(
    client: Client,
    sent: Message,
    amazon: Amazon,
    esp: str,
    what: str,
    reminder: str,
    invitation: str,
    receipt: str,
) -> None:
    waiting = message(2, kind="reminder", recipient="ada1@EXAMPLE.com")

    report(client, esp, what, sent, amazon)

    waiting.refresh_from_db()
    assert waiting.state == reminder
    states = [
        message(number, kind=kind, recipient="ada1@example.com").state
        for number, kind in enumerate(("reminder", "invitation", "receipt"), start=3)
    ]
    assert states == [reminder, invitation, receipt]


def test_a_report_keeps_a_mail_whose_answer_never_came_from_going_twice(
    client: Client, shop: Shop, amazon: Amazon
) -> None:
    row = message(recipient="ada1@example.com")
    Message.objects.update(tries=1)  # queued again after a silence

    assert report(client, "postmark", "delivered", row, amazon) == 200

    row.refresh_from_db()
    assert row.state == "delivered"
    assert delivery.claim(10) == []


def test_control_what_was_never_tried_is_not_believed_to_have_arrived(
    client: Client, shop: Shop, amazon: Amazon
) -> None:
    row = message(recipient="ada1@example.com")

    report(client, "postmark", "delivered", row, amazon)

    row.refresh_from_db()
    assert row.state == "queued"


def test_nothing_revives_a_canceled_message(
    client: Client, shop: Shop, amazon: Amazon
) -> None:
    row = message(recipient="ada1@example.com")
    outbox.cancel("plk_1")

    report(client, "postmark", "delivered", row, amazon)

    row.refresh_from_db()
    assert row.state == "canceled"


READER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Thunderbird/140.0"
LATER, AT_ONCE = "2026-11-23T12:09:00Z", "2026-11-23T12:00:03Z"


@pytest.mark.parametrize(
    ("tracks_opens", "agent", "at", "kept"),
    [
        (True, READER, LATER, 1),
        (False, READER, LATER, 0),
        (True, READER, AT_ONCE, 0),
        (True, "", LATER, 0),
        (True, "Mozilla/5.0", LATER, 0),
        (True, f"{READER} (via ggpht.com GoogleImageProxy)", LATER, 0),
        (True, "Barracuda Sentinel (EE)", LATER, 0),
    ],
)
def test_opens_are_kept_once_of_people_and_only_where_it_was_switched_on(
    client: Client,
    sent: Message,
    amazon: Amazon,
    tracks_opens: bool,
    agent: str,
    at: str,
    kept: int,
) -> None:
    Business.objects.update_or_create(pk=1, defaults={"tracks_opens": tracks_opens})
    said = body("postmark", "opened", sent.public_id)
    said |= {"UserAgent": agent, "ReceivedAt": at}

    for _ in range(2):
        assert give(client, post("postmark", said, amazon=amazon)) == 200

    sent.refresh_from_db()
    assert sent.state == "sent"
    assert DeliveryEvent.objects.filter(kind="opened").count() == kept
    assert DeliveryEvent.objects.count() == kept


def test_unsubscribing_at_the_service_stops_reminders_alone(
    client: Client, sent: Message, amazon: Amazon
) -> None:
    report(client, "postmark", "unsubscribed", sent, amazon)

    sent.refresh_from_db()
    assert sent.state == "sent"
    assert suppressed() == [("reminders", "unsubscribed")]


def test_an_address_that_works_again_leaves_the_list(
    client: Client, sent: Message, shop: Shop, carrier: FakeCarrier, amazon: Amazon
) -> None:
    report(client, "postmark", "soft", sent, amazon)
    later = message(2, recipient="ada1@example.com")
    delivery.deliver(delivery.claim(10))

    report(client, "postmark", "delivered", later, amazon)

    assert not OptOut.objects.exists()


@each_service
def test_a_message_that_is_not_ours_is_taken_quietly(
    client: Client, shop: Shop, amazon: Amazon, esp: str
) -> None:
    said = body(esp, "bounced", "msg_00000000000000000000")

    assert give(client, mail_posts.post(esp, said, amazon=amazon)) == 200

    assert not DeliveryEvent.objects.exists()
    assert not OptOut.objects.exists()


def test_an_sms_is_not_moved_by_mail(
    client: Client, shop: Shop, carrier: FakeCarrier, amazon: Amazon
) -> None:
    row = message(channel="sms")
    delivery.deliver(delivery.claim(10))

    report(client, "postmark", "bounced", row, amazon)

    row.refresh_from_db()
    assert row.state == "sent"
