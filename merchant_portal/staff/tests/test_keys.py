from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from merchant_portal.audit.models import AuditEntry
from merchant_portal.lib import clock

from ..models import ApiKey
from ..services import keys
from .factories import make_user

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def test_a_key_is_known_again_and_kept_only_as_a_hash() -> None:
    owner = make_user()

    key, secret = keys.create("Till", ["links:write", "links:read"], created_by=owner)

    assert keys.authenticate(secret) == key
    assert secret.startswith("mp_")
    assert len(secret) == 46
    assert secret.startswith(key.prefix)
    assert key.scopes == ["links:read", "links:write"]
    stored = ApiKey.objects.values().get()
    assert secret not in str(stored)
    entry = AuditEntry.objects.get()
    assert (entry.actor, entry.action) == (owner.public_id, "api_key.created")
    assert secret not in str(entry.details)


@pytest.mark.parametrize(
    "presented",
    ["", "mp_", "mp_" + "a" * 43, "\x00", "\ud800", "Bearer", "mp_" + "é" * 43],
)
def test_what_is_no_key_opens_nothing(presented: str) -> None:
    keys.create("Till", ["*"])

    assert keys.authenticate(presented) is None


def test_a_revoked_key_is_dead_and_dies_once() -> None:
    owner = make_user()
    key, secret = keys.create("Till", ["*"], created_by=owner)

    assert keys.revoke(key, actor=owner.actor()) is True
    assert keys.revoke(key, actor=owner.actor()) is False

    assert keys.authenticate(secret) is None
    actions = AuditEntry.objects.values_list("action", flat=True).order_by("id")
    assert list(actions) == ["api_key.created", "api_key.revoked"]


def test_a_key_dies_at_its_hour() -> None:
    _key, secret = keys.create("Till", ["*"], expires_at=NOON)

    with clock.frozen(NOON - timedelta(seconds=1)):
        assert keys.authenticate(secret) is not None
    with clock.frozen(NOON):
        assert keys.authenticate(secret) is None


def test_use_is_noted_at_most_once_a_minute() -> None:
    key, secret = keys.create("Till", ["*"])

    for second, noted in [(0, 0), (59, 0), (60, 60)]:
        with clock.frozen(NOON + timedelta(seconds=second)):
            keys.authenticate(secret)
        key.refresh_from_db()
        assert key.last_used_at == NOON + timedelta(seconds=noted)


@pytest.mark.parametrize("scopes", [[], ["links:fly"], ["*", "admin"]])
def test_unknown_scopes_make_no_key(scopes: list[str]) -> None:
    with pytest.raises(keys.UnknownScope, match="There are: "):
        keys.create("Till", scopes)

    assert not ApiKey.objects.exists()


def test_the_command_prints_the_key_alone_and_takes_a_name_twice() -> None:
    printed = StringIO()
    for _time in range(2):
        call_command("create_api_key", "Till", "--scope", "*", stdout=printed)

    first, second = printed.getvalue().splitlines()
    assert first != second
    for secret in (first, second):
        key = keys.authenticate(secret)
        assert key is not None
        assert key.scopes == ["*"]


def test_the_command_names_the_scopes_there_are() -> None:
    with pytest.raises(CommandError, match="links:write"):
        call_command("create_api_key", "Till", "--scope", "links:fly")
