"""A furnished product on PostgreSQL, with its moves watched."""

from collections.abc import Iterator

import pytest
from django.conf import settings as product
from django.db import connection
from pytest_django.fixtures import Settings

from links.tests.stripe_tape import SECRET_KEY, WEBHOOK_SECRET

from . import watch
from .world import Base, furnish


@pytest.fixture
def base(transactional_db: None, settings: Settings) -> Iterator[Base]:
    if connection.vendor != "postgresql":
        pytest.fail("Set DATABASE_URL to a PostgreSQL, or run: make test-stack")
    settings.STRIPE_SECRET_KEY = SECRET_KEY
    settings.STRIPE_WEBHOOK_SECRET = WEBHOOK_SECRET
    settings.STRIPE_API_BASE = ""
    settings.TRAINING_ENABLED = True
    settings.STAFF_MFA_REQUIRED = False
    settings.PAY_PAGE_LIMIT_PER_MINUTE = 0
    assert not product.HAS_LIVE_KEYS
    with watch.watching():
        yield furnish()
