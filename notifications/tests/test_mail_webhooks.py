import json
from dataclasses import replace
from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client
from pytest_django.fixtures import Settings

from merchant_portal import mail_services
from notifications.models import DeliveryEvent, Message
from notifications.services import reports
from notifications.webhooks import mail, sns

from . import mail_posts
from .mail_posts import Amazon, Post, body, give, report

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fetched")]
each_service = pytest.mark.parametrize("esp", mail_posts.SERVICES)


@pytest.fixture
def sent(sent_mail: Message) -> Message:
    return sent_mail


# Who may report.


@each_service
def test_wrong_proof_is_refused_and_changes_nothing(
    client: Client, sent: Message, amazon: Amazon, fetched: list[str], esp: str
) -> None:
    said = body(esp, "bounced", sent.public_id)
    forged = mail_posts.post(
        esp, said, amazon=amazon, secret="mail-service:no", key="no"
    )

    assert give(client, forged) == 400
    without = {k: v for k, v in forged.headers.items() if k != "Authorization"}
    assert give(client, replace(forged, headers=without)) in {400, 401}

    sent.refresh_from_db()
    assert sent.state == "sent"
    assert not DeliveryEvent.objects.exists()
    assert fetched == []  # for a stranger nothing is fetched


@pytest.mark.filterwarnings("ignore:django-anymail has dropped official support")
@pytest.mark.parametrize("esp", mail.VIEWS)
def test_without_a_secret_no_service_is_heard(
    client: Client, settings: Settings, sent: Message, esp: str
) -> None:
    settings.ANYMAIL = {}

    assert (
        client.post(f"/webhooks/email/{esp}/", {}, "application/json").status_code
        == 404
    )
    assert client.head(f"/webhooks/email/{esp}/").status_code == 404


@pytest.mark.filterwarnings("ignore:django-anymail has dropped official support")
@pytest.mark.parametrize("esp", mail.VIEWS)
def test_every_service_refuses_what_nobody_signed(
    client: Client, settings: Settings, sent: Message, esp: str
) -> None:
    key = mail_services.SERVICES[esp].proof
    settings.ANYMAIL = {key: "k"} if key else {"WEBHOOK_SECRET": ["user:password"]}
    if esp in {"postal", "sendgrid"}:
        settings.ANYMAIL = {key: mail_posts.public_key()}

    said = {"RecordType": "Bounce", "Metadata": {"portal_message": sent.public_id}}
    answer = client.post(
        f"/webhooks/email/{esp}/",
        json.dumps(said),
        "application/json",
        headers=mail_posts.basic("user:wrong"),
    )

    assert answer.status_code == 400
    assert not DeliveryEvent.objects.exists()


def test_unknown_services_are_not_found(client: Client) -> None:
    for name in ("nobody", "scaleway", "-", "twilio"):
        path = f"/webhooks/email/{name}/"
        assert client.post(path, {}, "application/json").status_code == 404


@each_service
def test_only_posts_and_only_short_ones(
    client: Client, sent: Message, amazon: Amazon, esp: str
) -> None:
    said = body(esp, "bounced", sent.public_id)
    given = mail_posts.post(esp, said, amazon=amazon)

    assert client.get(given.path, headers=given.headers).status_code == 405
    long = replace(given, body=given.body + " " * mail.MAX_BODY_BYTES)
    assert give(client, long) == 413
    assert not DeliveryEvent.objects.exists()


@pytest.mark.parametrize(
    "said",
    ["", "{", "[]", "null", "7", '{"RecordType": []}', '{"Metadata": 1}', "[" * 9999],
)
def test_signed_nonsense_is_a_400_or_nothing(
    client: Client, sent: Message, said: str
) -> None:
    given = Post("postmark", said, mail_posts.basic())

    assert give(client, given) in {200, 400}
    assert not DeliveryEvent.objects.exists()


def test_hostile_words_are_kept_harmless(
    client: Client, sent: Message, amazon: Amazon
) -> None:
    said: Any = body("postmark", "bounced", sent.public_id)
    said |= {"Details": "\x00\ud800" * 400, "ID": "9" * 5000, "MessageID": {"a": 1}}
    said["Metadata"] |= {"portal_message": sent.public_id}

    assert give(client, mail_posts.post("postmark", said, amazon=amazon)) == 200

    assert DeliveryEvent.objects.get().message == sent


def test_a_broken_database_is_told_to_come_again(
    client: Client, sent: Message, amazon: Amazon, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: object) -> bool:
        raise OperationalError

    with monkeypatch.context() as patch:
        patch.setattr(reports, "record", broken)
        assert report(client, "postmark", "bounced", sent, amazon) == 503
    assert report(client, "postmark", "bounced", sent, amazon) == 200


# Amazon: signed by SNS besides.


def test_a_signature_is_asked_of_the_right_host_once(
    client: Client, sent: Message, amazon: Amazon, fetched: list[str]
) -> None:
    for what in ("delivered", "bounced"):
        report(client, "amazon_ses", what, sent, amazon)

    assert fetched == [mail_posts.CERTIFICATE_URL]


@pytest.mark.parametrize(
    "change",
    [
        {"Message": '{"notificationType": "Delivery"}'},
        {"SignatureVersion": "3"},
        {"Signature": ""},
        {"Signature": "!"},
        {"SigningCertURL": "https://evil.example/SimpleNotificationService-00.pem"},
        {
            "SigningCertURL": "http://sns.us-east-1.amazonaws.com/SimpleNotificationService-00.pem"
        },
        {
            "SigningCertURL": "https://sns.us-east-1.amazonaws.com@evil.example/SimpleNotificationService-00.pem"
        },
        {
            "SigningCertURL": "https://sns.us-east-1.amazonaws.com.evil.example/SimpleNotificationService-00.pem"
        },
        {
            "SigningCertURL": "https://bucket.s3.us-east-1.amazonaws.com/SimpleNotificationService-00.pem"
        },
        {
            "SigningCertURL": "https://sns.us-east-1.amazonaws.com/../x?SimpleNotificationService-00.pem"
        },
    ],
)
def test_sns_tampered_with_is_refused_and_no_stranger_is_asked(
    client: Client,
    sent: Message,
    amazon: Amazon,
    fetched: list[str],
    change: dict[str, str],
) -> None:
    given = mail_posts.sns(body("amazon_ses", "bounced", sent.public_id), amazon=amazon)
    changed = json.dumps({**json.loads(given.body), **change})

    assert give(client, replace(given, body=changed)) == 400

    assert set(fetched) <= {mail_posts.CERTIFICATE_URL}
    assert not DeliveryEvent.objects.exists()


@pytest.mark.parametrize("version", ["1", "2"])
def test_a_subscription_is_confirmed_at_its_own_region_only(
    client: Client, amazon: Amazon, fetched: list[str], version: str
) -> None:
    given = mail_posts.sns(
        "You have chosen to subscribe to the topic",
        amazon=amazon,
        kind="SubscriptionConfirmation",
        Token="2336412f37",
        SubscribeURL="http://127.0.0.1:1/internal",
        SignatureVersion=version,
    )

    assert give(client, given) == 200

    assert fetched[1:] == [
        "https://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn="
        "arn%3Aaws%3Asns%3Aus-east-1%3A888888888888%3Amail-reports&Token=2336412f37"
    ]


@pytest.mark.parametrize(
    "topic", ["arn:aws:sns:evil.example/:888888888888:x", "arn:aws:sns", "x"]
)
def test_a_topic_that_is_none_leads_nowhere(
    client: Client, amazon: Amazon, fetched: list[str], topic: str
) -> None:
    given = mail_posts.sns(
        "subscribe",
        amazon=amazon,
        kind="SubscriptionConfirmation",
        Token="1",
        SubscribeURL="https://sns.us-east-1.amazonaws.com/",
        TopicArn=topic,
    )

    assert give(client, given) == 400
    assert fetched == [mail_posts.CERTIFICATE_URL]


def test_amazon_out_of_reach_is_asked_again(
    client: Client, sent: Message, amazon: Amazon, monkeypatch: pytest.MonkeyPatch
) -> None:
    def silent(url: str) -> bytes:
        raise sns.NotFetched("ConnectTimeout")

    with monkeypatch.context() as patch:
        patch.setattr(sns, "fetch", silent)
        assert report(client, "amazon_ses", "bounced", sent, amazon) == 503
    assert report(client, "amazon_ses", "bounced", sent, amazon) == 200
