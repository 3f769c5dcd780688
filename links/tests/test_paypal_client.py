"""Each edge of PayPal's SDK that was taken off, and errors as ours."""

from threading import Thread
from typing import Any

import pytest
import requests

from links.providers.base import (
    ProviderError,
    ProviderMisconfigured,
    ProviderRejected,
    ProviderUnavailable,
)
from links.providers.paypal import PayPalProvider

from .paypal_tape import CLIENT_ID, SECRET, WEBHOOK_ID, PayPalTape, error
from .provider_contract import REQUEST


@pytest.fixture(autouse=True)
def _keys(settings: Any) -> None:
    settings.PAYPAL_CLIENT_ID = CLIENT_ID
    settings.PAYPAL_CLIENT_SECRET = SECRET
    settings.PAYPAL_WEBHOOK_ID = WEBHOOK_ID
    settings.PAYPAL_API_BASE = ""


@pytest.fixture
def tape() -> PayPalTape:
    return PayPalTape()


@pytest.fixture
def provider(tape: PayPalTape) -> PayPalProvider:
    return PayPalProvider(tape.client())


def test_a_token_is_used_until_it_is_refused_and_then_replaced_once(
    provider: PayPalProvider, tape: PayPalTape
) -> None:
    provider.create_checkout(REQUEST)
    provider.fetch_checkout("ORDER0")
    assert len(tape.token_calls) == 1
    tape.next_replies = [(401, error("AUTHENTICATION_FAILURE"))]
    provider.fetch_checkout("ORDER0")
    assert len(tape.token_calls) == 2
    assert tape.calls[-1][4]["Authorization"] == "Bearer token2"


def test_keys_that_are_refused_for_ever_cost_a_few_requests(
    provider: PayPalProvider, tape: PayPalTape
) -> None:
    tape.refuses_bearers = True

    with pytest.raises(ProviderMisconfigured):
        provider.fetch_checkout("ORDER0")

    assert (len(tape.token_calls), len(tape.calls)) == (2, 2)
    tape.refuses_tokens = True
    with pytest.raises(ProviderMisconfigured, match="invalid_client"):
        PayPalProvider(tape.client()).fetch_checkout("ORDER0")


def test_eight_cold_threads_ask_for_one_token(
    provider: PayPalProvider, tape: PayPalTape
) -> None:
    provider_client = provider._given_client
    assert provider_client is not None
    threads = [Thread(target=provider_client.get_token_hash) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(tape.token_calls) == 1


def test_the_request_for_a_token_carries_nothing_of_the_callers(
    provider: PayPalProvider, tape: PayPalTape
) -> None:
    provider.create_checkout(REQUEST)

    (headers,) = tape.token_calls
    assert "PayPal-Request-Id" not in headers
    assert headers["Content-Type"] == "application/x-www-form-urlencoded"


def test_a_get_has_no_body(provider: PayPalProvider, tape: PayPalTape) -> None:
    with pytest.raises(ProviderRejected):
        provider.fetch_checkout("ORDER0")

    assert tape.calls[-1][3] is None
    assert "Content-Type" not in tape.calls[-1][4]


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ((400, error("INVALID_REQUEST", "INVALID_PARAMETER")), ProviderRejected),
        ((422, error("UNPROCESSABLE_ENTITY")), ProviderRejected),
        ((403, error("NOT_AUTHORIZED")), ProviderMisconfigured),
        (
            (422, error("X", "PREVIOUS_REQUEST_IN_PROGRESS")),
            ProviderUnavailable,
        ),
        ((409, error("RESOURCE_CONFLICT")), ProviderUnavailable),
        ((429, error("RATE_LIMIT_REACHED")), ProviderUnavailable),
        ((500, error("INTERNAL_SERVER_ERROR")), ProviderUnavailable),
        ((503, "<html>busy</html>"), ProviderUnavailable),
        ((200, "<html>a proxy</html>"), ProviderUnavailable),
        ((200, []), ProviderUnavailable),
        ((200, {}), ProviderUnavailable),
        ((302, ""), ProviderUnavailable),
        (requests.ReadTimeout("slow"), ProviderUnavailable),
        (requests.ConnectionError("gone"), ProviderUnavailable),
    ],
)
def test_tells_refusals_from_silence(
    reply: Any,
    expected: type[ProviderError],
    provider: PayPalProvider,
    tape: PayPalTape,
) -> None:
    tape.next_replies = [reply]

    with pytest.raises(expected) as caught:
        provider.create_checkout(REQUEST)

    assert SECRET not in str(caught.value)
    assert "ada@example.com" not in str(caught.value)


def test_nothing_secret_is_logged(
    provider: PayPalProvider,
    tape: PayPalTape,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("DEBUG")
    provider.create_checkout(REQUEST)

    assert "token1" not in caplog.text
    assert SECRET not in caplog.text
    assert REQUEST.return_url not in caplog.text


@pytest.mark.parametrize("name", ["", "a/b", "../x", "a?b", "é", "a b", "x" * 300])
def test_a_name_that_is_no_id_is_never_sent(
    name: str, provider: PayPalProvider, tape: PayPalTape
) -> None:
    for call in (provider.fetch_checkout, provider.fetch_payment):
        with pytest.raises(ProviderRejected):
            call(name)

    assert tape.calls == []
