import logging
from collections.abc import Iterator

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from links.pay import responses
from links.webhooks import views
from merchant_portal import logs
from merchant_portal.staff.api_auth import window
from merchant_portal.staff.roles import Role
from merchant_portal.staff.services import keys
from merchant_portal.staff.tests.factories import make_user
from tests.api.client import Caller

from .doors import Doors


@pytest.fixture(autouse=True)
def _nobody_came_before(settings: Settings) -> Iterator[None]:
    """No limit of another test holds, nor a second factor that none here has."""
    settings.STAFF_MFA_REQUIRED = False
    settings.PAY_PAGE_LIMIT_PER_MINUTE = 0
    for memory in (window, responses.reads, responses.alarms, views.refusals):
        memory.clear()
    yield
    window.clear()


@pytest.fixture
def doors(db: None, client: Client) -> Doors:
    _key, secret = keys.create("test", ["*"], created_by=None)
    client.force_login(make_user(Role.OWNER))
    return Doors(Caller(secret), client)


@pytest.fixture
def lines() -> Iterator[list[str]]:
    """Everything that is logged, as both formatters of the product write it."""
    formatters = logs.configuration("DEBUG", "json", "")["formatters"]
    kinds = {"json": dict(formatters["json"]), "plain": dict(formatters["plain"])}
    made = [kind.pop("()")(**kind) for kind in kinds.values()]
    written: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            written.extend(formatter.format(record) for formatter in made)

    root, handler = logging.getLogger(), Keep()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    # values of queries are the database's own business; only DEBUG logs them
    logging.getLogger("django.db").setLevel(logging.INFO)
    yield written
    root.removeHandler(handler)
    root.setLevel(level)
