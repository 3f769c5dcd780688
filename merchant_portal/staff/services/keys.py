"""Keys of integrators: made once, shown once, known again by their hash."""

import hashlib
import re
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from merchant_portal.audit import services as audit
from merchant_portal.lib import clock, ids
from merchant_portal.lib.actors import SYSTEM, Actor

from ..models import ApiKey, User
from ..roles import Right
from . import alarms

EVERYTHING = "*"
_MARK = "mp_"
_RANDOM_LENGTH = 43  # base62 characters: 256 bits
_PREFIX_LENGTH = 8  # of a key, kept to recognise it by
_SHAPE = re.compile(rf"\A{_MARK}[0-9A-Za-z]{{{_RANDOM_LENGTH}}}\Z")
_NOTE_USE_EVERY = timedelta(minutes=1)
# Reading over the API should not write at every call.


class UnknownScope(ValueError):
    """No right of that name; the message lists those that there are."""


def create(
    name: str,
    scopes: Sequence[str],
    *,
    created_by: User | None = None,
    expires_at: datetime | None = None,
    actor: Actor | None = None,
) -> tuple[ApiKey, str]:
    """Make a key; returns its row and the key itself, which is kept nowhere.

    `scopes`: values of Right, or `*` for all. `expires_at`: aware; None = never.
    `actor`: who is written down; by default `created_by`, else the product.
    Raises UnknownScope.
    """
    _check(scopes)
    who = actor or (created_by.actor() if created_by else SYSTEM)
    secret = _MARK + "".join(
        secrets.choice(ids.ALPHABET) for _ in range(_RANDOM_LENGTH)
    )
    with transaction.atomic():
        key = ApiKey.objects.create(
            name=name,
            prefix=secret[:_PREFIX_LENGTH],
            secret_sha256=_digest(secret),
            scopes=sorted(set(scopes)),
            created_by=created_by,
            expires_at=expires_at,
        )
        alarms.of_key("key_made", key, actor=who)
        audit.record(who.id, "api_key.created", key.public_id, scopes=key.scopes)
    return key, secret


def _check(scopes: Sequence[str]) -> None:
    known = [EVERYTHING, *Right.values]
    unknown = sorted(set(scopes) - set(known))
    if unknown or not scopes:
        said = f"Unknown scope: {unknown[0]}." if unknown else "A key needs a scope."
        raise UnknownScope(f"{said} There are: {', '.join(known)}")


def authenticate(presented: str) -> ApiKey | None:
    """The key that was presented, unless it is unknown, revoked or expired.

    One lookup by hash whatever was presented, so that a wrong key tells nothing.
    """
    # By the database's clock: a key ends at the same moment on every host.
    known = ApiKey.objects.annotate(asked_at=Now())
    key = known.filter(secret_sha256=_digest(presented)).first()
    if key is None or not _SHAPE.match(presented):
        return None
    now = clock.business_time(key.asked_at)
    if not _is_good(key, now):
        return None
    _note_use(key, now)
    return key


def _is_good(key: ApiKey, now: datetime) -> bool:
    is_over = key.expires_at is not None and key.expires_at <= now
    return key.revoked_at is None and not is_over


def _note_use(key: ApiKey, now: datetime) -> None:
    before = now - _NOTE_USE_EVERY
    if key.last_used_at is None or key.last_used_at <= before:
        ApiKey.objects.filter(
            Q(last_used_at=None) | Q(last_used_at__lte=before), pk=key.pk
        ).update(last_used_at=now)


def revoke(key: ApiKey, *, actor: Actor) -> bool:
    """End a key for good; False when it had ended already."""
    with transaction.atomic():
        revoked = ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(
            revoked_at=timezone.now()
        )
        if revoked:
            alarms.of_key("key_revoked", key, actor=actor)
            audit.record(actor.id, "api_key.revoked", key.public_id)
    return revoked == 1


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
