from collections.abc import Iterator

import pytest
from pytest_django.fixtures import Settings

from merchant_portal.lib import clock
from notifications import kinds
from notifications.models import Message
from notifications.services import claims, delivery
from notifications.webhooks import sns

from . import mail_posts
from .carriers import FakeCarrier
from .factories import NOON, Shop, message
from .mail_posts import Amazon


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> Shop:
    """Test kinds stand in for those of the product, with the product's templates."""
    shop = Shop()
    monkeypatch.setattr(kinds, "_KINDS", shop.all_kinds())
    return shop


@pytest.fixture(autouse=True)
def _noon() -> Iterator[None]:
    with clock.frozen(NOON):
        yield


@pytest.fixture
def carrier(monkeypatch: pytest.MonkeyPatch) -> FakeCarrier:
    """Every channel hands over to this object."""
    carrier = FakeCarrier()
    classes = {
        "email": carrier.channel(repeats=True),
        "sms": carrier.channel(repeats=False),
        "whatsapp": carrier.channel(repeats=False),
    }
    monkeypatch.setattr(claims, "get_channel", classes.__getitem__)
    monkeypatch.setattr(delivery, "get_channel", classes.__getitem__)
    return carrier


@pytest.fixture(scope="session")
def amazon() -> Amazon:
    return Amazon()


@pytest.fixture
def fetched(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, amazon: Amazon
) -> list[str]:
    """What was fetched from Amazon; nothing leaves the machine."""
    settings.ANYMAIL = dict(mail_posts.ANYMAIL)
    urls: list[str] = []

    def fetch(url: str) -> bytes:
        urls.append(url)
        return amazon.pem

    monkeypatch.setattr(sns, "fetch", fetch)
    monkeypatch.setattr(sns, "_certificates", {})
    return urls


@pytest.fixture
def sent_mail(shop: Shop, carrier: FakeCarrier) -> Message:
    row = message(recipient="Ada1@example.com")
    delivery.deliver(delivery.claim(10))
    row.refresh_from_db()
    return row
