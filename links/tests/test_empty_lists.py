"""Lists that nothing is in yet say what will be, and never to make one by hand."""

from typing import Any

import pytest
from django.test import Client

from .factories import make_user

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("links/refund", "No refunds yet"),
        ("links/dispute", "No disputes"),
        ("links/payerreply", "Nobody has written yet"),
        ("links/comparison", "Nothing was compared yet"),
        ("links/payout", "No payouts"),
        ("links/linkimport", "Nothing was imported yet"),
        ("notifications/optout", "Everybody can be reached"),
        ("notifications/inboundmessage", "No texts have come in"),
        ("notifications/whatsapptemplate", "No approved texts yet"),
    ],
)
def test_teaches(name: str, words: str, settings: Any) -> None:
    settings.STAFF_MFA_REQUIRED = False
    client = Client()
    client.force_login(make_user())

    page = client.get(f"/admin/{name}/").content.decode()
    filtered = client.get(f"/admin/{name}/?needs=person").content.decode()

    assert words in page
    assert "Create a new item" not in page
    assert words not in filtered
