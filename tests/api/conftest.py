from collections.abc import Callable, Iterator

import pytest

from customers.models import ContactKind, ContactPoint, Customer
from merchant_portal.lib import clock
from merchant_portal.staff.api_auth import window
from merchant_portal.staff.models import User
from merchant_portal.staff.services import keys

from .client import Caller

NewCaller = Callable[..., Caller]


@pytest.fixture(autouse=True)
def nobody_asked_yet() -> Iterator[None]:
    window.clear()
    yield
    window.clear()


@pytest.fixture
def new_caller(db: None) -> NewCaller:
    """Make a key with these scopes and return its caller."""

    def make(*scopes: str, created_by: User | None = None) -> Caller:
        _key, secret = keys.create("test", scopes, created_by=created_by)
        return Caller(secret)

    return make


@pytest.fixture
def caller(new_caller: NewCaller) -> Caller:
    return new_caller("*")


@pytest.fixture
def customer(db: None) -> Customer:
    now = clock.now()
    customer = Customer.objects.create(
        name="Ada Lovelace", language="en", created_at=now, updated_at=now
    )
    for kind, value in (
        (ContactKind.EMAIL, "ada@example.com"),
        (ContactKind.PHONE, "+14155550100"),
    ):
        ContactPoint.objects.create(
            customer=customer, kind=kind, value=value, created_at=now
        )
    return customer
