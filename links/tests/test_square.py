from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from links.providers.base import (
    CheckoutSnapshot,
    PaymentSnapshot,
    ProviderBusy,
    ProviderError,
    ProviderMisconfigured,
    ProviderRejected,
    ProviderUnavailable,
    SeenState,
    SessionState,
)
from links.providers.square import SquareProvider
from merchant_portal.lib.money import Money

from .provider_contract import REQUEST, Signed
from .refund_contract import RefundContract
from .square_tape import (
    LOCATION,
    SIGNATURE_KEY,
    TOKEN,
    URL,
    SquareTape,
    error,
    event,
    signed,
)


@pytest.fixture(autouse=True)
def _keys(settings: Any) -> None:
    settings.SQUARE_ACCESS_TOKEN = TOKEN
    settings.SQUARE_LOCATION_ID = LOCATION
    settings.SQUARE_WEBHOOK_SIGNATURE_KEY = SIGNATURE_KEY
    settings.SQUARE_API_BASE = ""
    settings.PUBLIC_URL = URL.partition("/webhooks")[0]


@pytest.fixture
def tape() -> SquareTape:
    return SquareTape()


@pytest.fixture
def provider(tape: SquareTape) -> SquareProvider:
    return SquareProvider(http_client=tape.client())


class TestContract(RefundContract):
    signs_time = False
    tape: SquareTape

    @pytest.fixture
    def provider(self) -> SquareProvider:
        self.tape = SquareTape()
        return SquareProvider(http_client=self.tape.client())

    def pay(self, session: CheckoutSnapshot) -> None:
        self.tape.pay(session.provider_session_id)

    def webhook_for(self, session: CheckoutSnapshot) -> Signed:
        order = self.tape.orders[session.provider_session_id.partition(":")[2]]
        payment = self.tape.payments[order["tenders"][0]["id"]]
        body = event("payment.updated", payment, "payment")
        return signed(body), body

    def sign(
        self, body: bytes, *, secret: str | None = None, age_seconds: int = 0
    ) -> dict[str, str]:
        return signed(body, secret=secret)

    def refund_elsewhere(self, payment: PaymentSnapshot, minor: int) -> None:
        self.tape.give_back(payment.provider_payment_id, minor, reason="Rain")

    def settle_refunds(self) -> None:
        for refund in self.tape.refunds.values():
            refund["status"] = "COMPLETED"

    def refund_webhook_for(self, payment: PaymentSnapshot) -> Signed:
        refund = list(self.tape.refunds.values())[-1]
        body = event("refund.created", refund, "refund")
        return signed(body), body

    def unknown_event(self) -> bytes:
        return event("catalog.version.updated", {"id": "c1"}, "catalog_version")


def test_asks_for_one_line_with_our_references(
    provider: SquareProvider, tape: SquareTape
) -> None:
    provider.create_checkout(REQUEST)

    ((method, path, query, body),) = tape.calls
    assert (method, path, query) == ("POST", "/v2/online-checkout/payment-links", {})
    assert tape.headers[0]["authorization"] == f"Bearer {TOKEN}"
    assert body == {
        "idempotency_key": REQUEST.idempotency_key,
        "order": {
            "location_id": LOCATION,
            "reference_id": REQUEST.reference,
            "line_items": [
                {
                    "name": REQUEST.title,
                    "quantity": "1",
                    "base_price_money": {"amount": 1250, "currency": "EUR"},
                }
            ],
            "metadata": {
                "checkout": REQUEST.reference,
                "link": REQUEST.link_reference,
            },
        },
        "checkout_options": {"redirect_url": REQUEST.return_url},
        "pre_populated_data": {"buyer_email": "ada@example.com"},
    }


def test_leaves_out_an_address_it_was_not_given(
    provider: SquareProvider, tape: SquareTape
) -> None:
    provider.create_checkout(replace(REQUEST, customer_email=""))

    assert "pre_populated_data" not in tape.calls[0][3]


def test_refuses_a_currency_before_any_call(
    provider: SquareProvider, tape: SquareTape
) -> None:
    with pytest.raises(ProviderRejected):
        provider.create_checkout(replace(REQUEST, amount=Money(100, "CHF")))

    assert tape.calls == []


@pytest.mark.parametrize(
    ("status", "category", "code", "raised"),
    [
        (400, "INVALID_REQUEST_ERROR", "IDEMPOTENCY_KEY_REUSED", ProviderRejected),
        (400, "INVALID_REQUEST_ERROR", "INVALID_VALUE", ProviderRejected),
        (404, "INVALID_REQUEST_ERROR", "NOT_FOUND", ProviderRejected),
        (422, "INVALID_REQUEST_ERROR", "BAD_REQUEST", ProviderRejected),
        (401, "AUTHENTICATION_ERROR", "UNAUTHORIZED", ProviderMisconfigured),
        (401, "AUTHENTICATION_ERROR", "ACCESS_TOKEN_EXPIRED", ProviderMisconfigured),
        (403, "AUTHENTICATION_ERROR", "INSUFFICIENT_SCOPES", ProviderMisconfigured),
        (408, "API_ERROR", "REQUEST_TIMEOUT", ProviderUnavailable),
        (409, "INVALID_REQUEST_ERROR", "CONFLICT", ProviderUnavailable),
        (429, "RATE_LIMIT_ERROR", "RATE_LIMITED", ProviderBusy),
        (500, "API_ERROR", "INTERNAL_SERVER_ERROR", ProviderUnavailable),
        (503, "API_ERROR", "SERVICE_UNAVAILABLE", ProviderUnavailable),
    ],
)
def test_says_what_to_do_about_an_error(
    provider: SquareProvider,
    tape: SquareTape,
    status: int,
    category: str,
    code: str,
    raised: type[ProviderError],
) -> None:
    tape.next_replies = [(status, error(category, code, detail="of ada@example.com"))]

    with pytest.raises(raised) as caught:
        provider.create_checkout(REQUEST)

    assert type(caught.value) is raised
    assert code in str(caught.value)
    assert "ada@" not in str(caught.value)
    assert TOKEN not in str(caught.value)
    assert len(tape.calls) == 1  # the caller repeats, with the key it has stored


@pytest.mark.parametrize(
    "reply",
    [
        httpx.ConnectError("refused"),
        httpx.ReadTimeout("silent"),
        (200, "<html>a proxy's page</html>"),
        (502, "<html>bad gateway</html>"),
        (200, "[]"),
        (200, {}),
        (200, {"payment_link": {"id": "LINK"}}),
    ],
)
def test_takes_no_answer_that_counts_as_unknown(
    provider: SquareProvider, tape: SquareTape, reply: Any
) -> None:
    tape.next_replies = [reply]

    with pytest.raises(ProviderUnavailable):
        provider.create_checkout(REQUEST)


@pytest.mark.parametrize(
    "name",
    ["", "LINK0", ":order0", "LINK0:", "LINK0:../payments", "L?:order0", "a:b:c"],
)
def test_puts_no_odd_name_into_a_path(
    provider: SquareProvider, tape: SquareTape, name: str
) -> None:
    with pytest.raises(ProviderRejected):
        provider.fetch_checkout(name)
    with pytest.raises(ProviderRejected):
        provider.expire_checkout(name)

    assert tape.calls == []


def paid(provider: SquareProvider, tape: SquareTape, **changes: Any) -> Any:
    session = provider.create_checkout(REQUEST)
    tape.pay(session.provider_session_id, **changes)
    return provider.fetch_checkout(session.provider_session_id)


def eur(minor: Any, currency: str = "EUR") -> dict[str, Any]:
    return {"amount": minor, "currency": currency}


@pytest.mark.parametrize(
    ("fees", "fee"),
    [
        ([eur(66)], Money(66, "EUR")),
        ([eur(66), eur(-6)], Money(60, "EUR")),
        ([], None),
        ([eur("66")], None),
        ([eur(66, "USD")], None),
        ([None], None),
    ],
)
def test_reads_the_fee_when_all_of_it_is_known(
    provider: SquareProvider, tape: SquareTape, fees: list[Any], fee: Money | None
) -> None:
    booked = [{"type": "INITIAL", "amount_money": amount} for amount in fees]

    (payment,) = paid(provider, tape, processing_fee=booked).payments

    assert payment.fee == fee
    assert payment.state is SeenState.SUCCEEDED
    assert payment.method == "card"
    assert payment.occurred_at == datetime(2026, 11, 18, 9, 31, 40, tzinfo=UTC)


@pytest.mark.parametrize("status", ["APPROVED", "PENDING"])
def test_money_on_its_way_is_processing(
    provider: SquareProvider, tape: SquareTape, status: str
) -> None:
    seen = paid(provider, tape, status=status)

    assert seen.state is SessionState.COMPLETED
    assert [p.state for p in seen.payments] == [SeenState.PROCESSING]


def test_a_paid_order_that_waits_for_its_fulfilment_is_done(
    provider: SquareProvider, tape: SquareTape
) -> None:
    session = provider.create_checkout(REQUEST)
    tape.pay(session.provider_session_id)
    tape.orders["order0"]["state"] = "OPEN"

    seen = provider.fetch_checkout(session.provider_session_id)

    assert seen.state is SessionState.COMPLETED


def test_a_declined_card_leaves_the_page_open_and_tells_why(
    provider: SquareProvider, tape: SquareTape
) -> None:
    session = provider.create_checkout(REQUEST)
    declined = tape.pay(
        session.provider_session_id,
        "FAILED",
        card_details={"errors": [{"code": "CARD_DECLINED", "detail": "Declined."}]},
    )

    seen = provider.fetch_checkout(session.provider_session_id)
    alone = provider.fetch_payment(declined["id"])

    assert (seen.state, seen.payments) == (SessionState.OPEN, ())
    assert (alone.state, alone.failure) == (SeenState.FAILED, "Declined.")
    assert alone.checkout_reference == REQUEST.reference


def test_a_state_of_tomorrow_is_not_paid(
    provider: SquareProvider, tape: SquareTape
) -> None:
    seen = paid(provider, tape, status="A_STATE_OF_TOMORROW")

    assert seen.payments == ()
    with pytest.raises(ProviderUnavailable):
        provider.fetch_payment("pay-order0-0")


def test_tells_what_came_with_its_tip_not_what_was_asked(
    provider: SquareProvider, tape: SquareTape
) -> None:
    (payment,) = paid(provider, tape, total_money=eur(1400)).payments

    assert payment.amount == Money(1400, "EUR")


@pytest.mark.parametrize("amount", [None, "1250", 12.5, True, -1])
def test_refuses_an_amount_that_is_no_whole_number(
    provider: SquareProvider, tape: SquareTape, amount: Any
) -> None:
    with pytest.raises(ProviderRejected):
        paid(provider, tape, total_money=eur(amount))


def test_lists_payments_of_our_pages_with_their_references(
    provider: SquareProvider, tape: SquareTape
) -> None:
    for key in ("a", "b"):
        session = provider.create_checkout(replace(REQUEST, idempotency_key=key))
        tape.pay(session.provider_session_id)
    till = {"square_product": "SQUARE_POS"}
    tape.pay(session.provider_session_id, application_details=till)
    tape.calls.clear()

    seen = list(provider.list_payments(datetime(2026, 11, 1, tzinfo=UTC)))

    assert [p.provider_payment_id for p in seen] == ["pay-order0-0", "pay-order1-1"]
    assert {p.checkout_reference for p in seen} == {REQUEST.reference}
    assert tape.calls[0][2] == {
        "location_id": LOCATION,
        "updated_at_begin_time": "2026-11-01T00:00:00+00:00",
        "sort_field": "UPDATED_AT",
        "sort_order": "ASC",
        "limit": "100",
    }


def test_says_which_account_setting_is_missing(
    provider: SquareProvider, tape: SquareTape, settings: Any
) -> None:
    tape.location["capabilities"] = []
    assert "finish its set-up" in provider.check_account()
    tape.location["status"] = "INACTIVE"
    assert "closed at Square" in provider.check_account()
    tape.next_replies = [(401, error("AUTHENTICATION_ERROR", "UNAUTHORIZED"))]
    assert "refuses the access token" in provider.check_account()
    settings.SQUARE_ACCESS_TOKEN = ""
    assert "access token is not set" in provider.check_account()
