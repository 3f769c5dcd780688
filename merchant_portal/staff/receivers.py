"""What allauth tells: a second factor came or went, somebody proved who they are."""

from typing import Any

from allauth.mfa.models import Authenticator
from django.db import transaction

from merchant_portal.audit import services as audit

from . import second_factor
from .models import User


def note_added(user: User, authenticator: Authenticator, **_kwargs: Any) -> None:
    _note(user, authenticator, "user.second_factor_added")


def note_removed(user: User, authenticator: Authenticator, **_kwargs: Any) -> None:
    _note(user, authenticator, "user.second_factor_removed")


def note_proved(
    user: User, method: str, reauthenticated: bool = False, **_kwargs: Any
) -> None:
    """Before something grave; signing in itself is no act on the shop."""
    if reauthenticated:
        with transaction.atomic():
            audit.record(user.public_id, "user.proved", user.public_id, by=method)


def _note(user: User, authenticator: Authenticator, action: str) -> None:
    if authenticator.type not in second_factor.KINDS:
        return  # recovery codes come and go with what they recover
    with transaction.atomic():  # allauth adds an app before it tells
        kind = str(authenticator.type)
        audit.record(user.public_id, action, user.public_id, kind=kind)
