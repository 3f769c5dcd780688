"""How the environment names a mail service, and what each wrong word is answered with."""

from collections.abc import Iterator

import environ
import pytest
from django.core.exceptions import ImproperlyConfigured

from merchant_portal import mail_services
from merchant_portal.mail_services import SERVICES, Given, is_heard
from notifications.webhooks.mail import VIEWS

HERE = "https://pay.example.com"


@pytest.fixture(autouse=True)
def _environment_back() -> Iterator[None]:
    before = environ.Env.ENVIRON
    yield
    environ.Env.ENVIRON = before


def read(**values: str) -> Given:
    environ.Env.ENVIRON = values
    return mail_services.read(HERE)


def test_nothing_set_is_captured() -> None:
    given = read()

    assert (given.smtp, given.esp) == ({}, "")


def test_smtp_stays_smtp() -> None:
    given = read(EMAIL_URL="smtp+tls://u:p@email-smtp.us-east-1.amazonaws.com:587")

    assert given.esp == ""
    assert given.smtp["EMAIL_HOST"] == "email-smtp.us-east-1.amazonaws.com"


@pytest.mark.parametrize(
    ("url", "esp", "said"),
    [
        ("postmark://t%2Fk@", "postmark", {"POSTMARK_SERVER_TOKEN": "t/k"}),
        ("sendinblue://k@", "brevo", {"BREVO_API_KEY": "k"}),
        (
            "mailgun://key-1@mg.example.com",
            "mailgun",
            {"MAILGUN_API_KEY": "key-1", "MAILGUN_SENDER_DOMAIN": "mg.example.com"},
        ),
        (
            "mailjet://a:b@",
            "mailjet",
            {"MAILJET_API_KEY": "a", "MAILJET_SECRET_KEY": "b"},
        ),
        (
            "unisender-go://k@go1.unisender.ru",
            "unisender_go",
            {
                "UNISENDER_GO_API_KEY": "k",
                "UNISENDER_GO_API_URL": "https://go1.unisender.ru"
                "/ru/transactional/api/v1/",
            },
        ),
    ],
)
def test_each_part_becomes_the_setting_it_is(
    url: str, esp: str, said: dict[str, str]
) -> None:
    given = read(EMAIL_URL=url)

    assert (given.esp, given.smtp) == (esp, {})
    assert said.items() <= given.anymail.items()
    assert given.anymail["REQUESTS_TIMEOUT"] == mail_services.TIMEOUT_SECONDS


@pytest.mark.parametrize("name", [n for n, s in SERVICES.items() if s.user])
def test_every_example_is_understood(name: str) -> None:
    assert read(EMAIL_URL=SERVICES[name].example).esp == name


def test_another_address_of_the_api() -> None:
    given = read(EMAIL_URL="mailgun://k@mg.example.com", EMAIL_API_BASE="http://h:1/v3")

    assert given.anymail["MAILGUN_API_URL"] == "http://h:1/v3"


@pytest.mark.parametrize(
    "url",
    [
        *("postmark://", "postmark://@", "postmark://t:u@", "postmark://t@host"),
        *("mailgun://k@", "mailgun://k@mg.example.com:99999", "brevo://[k@"),
        *("mailjet://a@", "brevo://k@/path", "ses://a:b@"),
    ],
)
def test_a_wrong_address_stops_the_start_and_shows_a_right_one(url: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="Example: EMAIL_URL="):
        read(EMAIL_URL=url)


def test_a_key_is_never_shown() -> None:
    with pytest.raises(ImproperlyConfigured) as caught:
        read(EMAIL_URL="mailgun://key-of-the-shop@mg.example.com/path")

    assert "key-of-the-shop" not in str(caught.value)


@pytest.mark.parametrize("secret", ["word", "user:", ":password", "u:p,word"])
def test_a_shared_secret_has_two_parts(secret: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="user:password"):
        read(ANYMAIL_WEBHOOK_SECRET=secret)


def test_two_secrets_may_be_good_while_one_is_replaced() -> None:
    given = read(ANYMAIL_WEBHOOK_SECRET="new:1, old:2")

    assert given.anymail["WEBHOOK_SECRET"] == ["new:1", "old:2"]
    assert given.anymail["MANDRILL_WEBHOOK_URL"] == (
        "https://new:1@pay.example.com/webhooks/email/mandrill/"
    )


@pytest.mark.parametrize("esp", VIEWS)
def test_who_is_heard(esp: str) -> None:
    service = SERVICES[esp]
    assert not is_heard(esp, read().anymail)

    secret = read(ANYMAIL_WEBHOOK_SECRET="u:p").anymail
    assert is_heard(esp, secret) is not service.needs_proof
    if service.proof and service.proof != service.user:
        assert is_heard(esp, read(**{f"ANYMAIL_{service.proof}": "k"}).anymail)
    if service.proof and service.proof == service.user:
        assert is_heard(esp, read(EMAIL_URL=service.example).anymail)
