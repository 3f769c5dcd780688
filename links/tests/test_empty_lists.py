"""Lists that nothing is in yet say what will be, and never to make one by hand."""

from typing import Any

import pytest
from django.test import Client

from .factories import make_user

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("refund", "No refunds yet"),
        ("dispute", "No disputes"),
        ("payerreply", "Nobody has written yet"),
        ("comparison", "Nothing was compared yet"),
        ("payout", "No payouts"),
    ],
)
def test_teaches(name: str, words: str, settings: Any) -> None:
    settings.STAFF_MFA_REQUIRED = False
    client = Client()
    client.force_login(make_user())

    page = client.get(f"/admin/links/{name}/").content.decode()
    filtered = client.get(f"/admin/links/{name}/?needs=person").content.decode()

    assert words in page
    assert "Create a new item" not in page
    assert words not in filtered
