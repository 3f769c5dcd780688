"""Keys that an owner enters in one process are used by the others a second later."""

import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
from django.conf import settings as product
from django.db import connection

from links.models import ProviderAccount
from links.services import keyring, keys
from links.tests.factories import make_user
from merchant_portal.staff.models import User

from .threads import together

pytestmark = [pytest.mark.stack, pytest.mark.usefixtures("on_postgresql")]
WITHIN_SECONDS = 3.0
# One that they are kept, and as much again for a busy machine to ask and to print.
# As web and workers do it: what is kept for a second, and asked again and again.
OTHER = """
import time, django
django.setup()
from django.conf import settings
from links.providers import credentials
assert settings.KEPT_SECONDS == 1
told = None
while True:
    key = credentials.of("stripe")["secret_key"]
    if key != told:
        told = key
        print(key or "none", flush=True)
    time.sleep(0.02)
"""
FIRST = {"secret_key": "sk_test_first", "webhook_secret": "whsec_first"}
SECOND = {"secret_key": "sk_test_second", "webhook_secret": "whsec_second"}


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    yield
    keyring.forget()


def environment() -> dict[str, str]:
    database = connection.settings_dict
    place = f"{database['HOST'] or '127.0.0.1'}:{database['PORT'] or 5432}"
    person = ":".join(filter(None, (database["USER"], database["PASSWORD"])))

    def versioned(found: dict[str, str]) -> str:
        return ",".join(f"{name}:{key}" for name, key in found.items())

    return {
        "DJANGO_SETTINGS_MODULE": "merchant_portal.settings",
        "ENV_FILE": "",
        "DATABASE_URL": f"postgresql://{person}@{place}/{database['NAME']}",
        "SECRET_KEY": product.SECRET_KEY,
        "FIELD_KEYS": versioned(product.FIELD_KEYS),
        "LINK_TOKEN_KEYS": versioned(product.LINK_TOKEN_KEYS),
        "AUDIT_KEYS": versioned(product.AUDIT_KEYS),
    }


def test_a_second_process_follows_every_change() -> None:
    owner = make_user()
    with subprocess.Popen(
        [sys.executable, "-c", OTHER],
        cwd=product.BASE_DIR,
        env=environment(),
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        try:
            assert other.stdout is not None
            assert other.stdout.readline() == "none\n"
            for given in (FIRST, SECOND):
                keys.enter("stripe", given, mode="", user=owner)
                changed_at = time.monotonic()
                assert other.stdout.readline() == f"{given['secret_key']}\n"
                assert time.monotonic() - changed_at < WITHIN_SECONDS
            keys.remove(ProviderAccount.objects.get(slug="stripe").pk, user=owner)
            assert other.stdout.readline() == "none\n"
        finally:
            other.kill()


def test_of_two_owners_at_once_one_set_is_kept_whole() -> None:
    owners = [make_user(), make_user()]

    def enter(user: User, given: dict[str, str]) -> ProviderAccount:
        return keys.enter("stripe", given, mode="", user=user)

    results = together(
        [lambda: enter(owners[0], FIRST), lambda: enter(owners[1], SECOND)]
    )

    refused = [result for result in results if isinstance(result, Exception)]
    assert all(isinstance(one, keys.KeysRefused) for one in refused)
    assert len(refused) < 2
    (account,) = ProviderAccount.objects.exclude(sealed_keys="")
    assert keyring.entered_values(account) in (FIRST, SECOND)
