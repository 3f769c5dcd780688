"""What the merchant has set is read once a second, whoever visits."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django.fixtures import Settings

from merchant_portal.business.models import Business
from merchant_portal.lib import rows

pytestmark = pytest.mark.django_db


def kept() -> rows.Kept[Business]:
    return rows.Kept(rows.Prepared(lambda: Business.objects.filter(pk=1)))


def test_is_read_once_in_its_time_and_then_again(settings: Settings) -> None:
    settings.KEPT_SECONDS = 1
    Business.objects.current()
    query = kept()
    query.fetch()
    Business.objects.update(name="New name")

    with CaptureQueriesContext(connection) as captured:
        assert query.fetch()[0].name == "My shop"
    assert len(captured) == 0

    query._until = 0.0  # a second later
    assert query.fetch()[0].name == "New name"


def test_tests_see_every_change_at_once() -> None:
    query = kept()
    assert query.fetch() == []

    Business.objects.current()

    assert len(query.fetch()) == 1
