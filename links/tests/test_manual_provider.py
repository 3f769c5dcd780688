"""Money taken and given back by hand: nobody to ask."""

from datetime import UTC, datetime

import pytest

from links.providers.base import (
    ProviderRejected,
    RefundRequest,
    RefundSnapshot,
    RefundState,
)
from links.providers.manual import ManualProvider
from merchant_portal.lib import clock
from merchant_portal.lib.money import Money

REQUEST = RefundRequest("rfd_0123456789abcdefghij", "pay_1", Money(500, "EUR"))


def test_a_refund_has_happened_when_it_is_entered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = datetime(2026, 3, 10, 12, tzinfo=UTC)
    monkeypatch.setattr(clock, "now", lambda: now)

    made = ManualProvider().refund(REQUEST)

    assert ManualProvider.capabilities.refund
    assert made == RefundSnapshot(
        provider_refund_id=REQUEST.reference,
        state=RefundState.SUCCEEDED,
        amount=Money(500, "EUR"),
        occurred_at=now,
        reference=REQUEST.reference,
    )


def test_has_nothing_to_capture() -> None:
    with pytest.raises(ProviderRejected):
        ManualProvider().capture("session", "key")
