"""What tests on real servers and processes share."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection
from pytest_django.fixtures import Settings

from proofs.servers import Servers, running

from . import carriers


@pytest.fixture
def on_postgresql(transactional_db: None) -> None:
    """The test's database is PostgreSQL, with commits that others see."""
    if connection.vendor != "postgresql":
        pytest.fail("Set DATABASE_URL to a PostgreSQL, or run: make test-stack")


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    with running(tmp_path_factory.mktemp("servers")) as servers:
        yield servers


@pytest.fixture
def world(tmp_path: Path, settings: Settings) -> Iterator[carriers.Carriers]:
    """A mail server and Twilio around this process, faultless until told otherwise."""
    with carriers.running(tmp_path, settings) as world:
        yield world
