"""What tests on real servers share."""

import pytest
from django.db import connection


@pytest.fixture
def on_postgresql(transactional_db: None) -> None:
    """The test's database is PostgreSQL, with commits that others see."""
    if connection.vendor != "postgresql":
        pytest.fail("Set DATABASE_URL to a PostgreSQL, or run: make test-stack")
