"""The keys of a provider are found nowhere once an owner has typed them."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from links.models import ProviderAccount
from links.providers import credentials
from links.providers.stripe import StripeProvider
from links.services import keyring

from .doors import Doors, tables

pytestmark = pytest.mark.django_db
PAGE = "/admin/links/provideraccount/keys/stripe/"
FIRST = {"secret_key": "sk_test_canaryQ1", "webhook_secret": "whsec_canaryQ2"}
SECOND = {"secret_key": "sk_test_canaryQ3", "webhook_secret": "whsec_canaryQ4"}
CANARY = "canaryQ"


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    keyring.forget()
    yield
    keyring.forget()


def test_typed_replaced_refused_used_and_removed_they_leave_no_trace(
    doors: Doors, lines: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    browser, answers = doors.browser, []
    for given in (FIRST, {**FIRST, "secret_key": "pk_test_canaryQ9"}, SECOND):
        answers.append(browser.post(PAGE, given, follow=True))
        answers.append(browser.get(PAGE))
    account = ProviderAccount.objects.exclude(sealed_keys="").get()
    assert credentials.of("stripe")["secret_key"] == SECOND["secret_key"]
    shop = "/admin/links/provideraccount/"
    answers += [
        browser.post(
            f"{shop}{account.pk}/check/", follow=True
        ),  # no way out: no answer
        browser.get(shop),
        browser.get(f"{shop}{account.pk}/change/"),
        browser.get("/admin/"),
        browser.get("/admin/audit/auditentry/", follow=True),
        browser.get("/admin/notifications/message/"),
    ]
    monkeypatch.setattr(StripeProvider, "check_account", _breaks)
    broken = Client(raise_request_exception=False)
    broken.cookies = browser.cookies
    answers.append(broken.post(f"{shop}{account.pk}/check/"))
    assert answers[-1].status_code == 500
    answers.append(browser.post(f"{PAGE}remove/", follow=True))

    assert CANARY not in repr(tables())
    assert not [a for a in answers if CANARY in a.content.decode()]
    assert lines
    assert not [line for line in lines if CANARY in line]
    assert "canaryQ" in repr(FIRST)  # the search finds what is there


def _breaks(provider: StripeProvider) -> str:
    keys: Any = credentials.of("stripe")
    assert keys["secret_key"] == SECOND["secret_key"]
    raise RuntimeError(f"a fault of our own beside {keys!r}")
