from collections.abc import Iterator

import pytest

from merchant_portal.lib import clock
from notifications import kinds
from notifications.services import claims, delivery

from .carriers import FakeCarrier
from .factories import NOON, Shop


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
