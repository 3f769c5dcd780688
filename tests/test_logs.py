"""What may never be read in a log."""

import logging
from collections.abc import Iterator

import pytest
import structlog
from django.test import Client

from links.pay import responses
from links.services import pages
from links.tests.factories import make_customer, make_link
from merchant_portal import logs


@pytest.fixture
def lines() -> Iterator[list[str]]:
    """Everything as the formatters of the product write it."""
    formatters = logs.configuration("INFO", "json", "")["formatters"]
    kinds = {"json": dict(formatters["json"]), "plain": dict(formatters["plain"])}
    made = [kind.pop("()")(**kind) for kind in kinds.values()]
    written: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            written.extend(formatter.format(record) for formatter in made)

    handler = Keep()
    logging.getLogger().addHandler(handler)
    yield written
    logging.getLogger().removeHandler(handler)


@pytest.mark.django_db
def test_no_token_of_a_link_is_logged(client: Client, lines: list[str]) -> None:
    responses.reads.clear()
    token = pages.token_of(make_link(make_customer()))

    client.get(f"/p/{token}/")
    client.get(f"/p/{token}0/")
    client.post(f"/p/{token}/pay/nobody/")
    client.get(f"/p/{token}/return/chk_1/?n=1")
    logging.getLogger("django.request").warning("Not Found: %s", f"/p/{token}/")
    structlog.get_logger("x").error("odd", url=f"https://shop.example/p/{token}/")
    try:
        raise ValueError(f"bad address 'http://x/p/{token}/'")
    except ValueError:
        logging.getLogger("y").exception("failed")

    assert len(lines) > 10
    assert [line for line in lines if token in line] == []
    assert any("/p/…/return/chk_1/" in line for line in lines)


@pytest.mark.parametrize(
    ("line", "masked"),
    [
        ("GET /p/abc/pay/stripe/", "GET /p/…/pay/stripe/"),
        ("/unsubscribe/abc?x=1", "/unsubscribe/…?x=1"),
        ("/admin/links/paymentlink/1/", "/admin/links/paymentlink/1/"),
    ],
)
def test_masks_only_the_token(line: str, masked: str) -> None:
    assert logs.masked(line) == masked
