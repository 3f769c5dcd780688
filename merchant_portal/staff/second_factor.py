"""Two-factor sign-in: whether it is set up, may be, and that a code opens once."""

from urllib.parse import urlsplit

from allauth.core.internal.cryptokit import compare_user_code
from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal import auth as totp
from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db import transaction

from .models import User

LAST_STEP = "last_step"
# Beside the secret in an authenticator's data.


KINDS = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)
# Recovery codes alone do not count.


def is_on(user: User) -> bool:
    """Whether an authenticator app or a passkey is set up."""
    on: bool = get_adapter().is_mfa_enabled(user, KINDS)
    return on


def passkeys_work() -> bool:
    """Whether browsers allow passkeys where this installation is served.

    They want https, or the name localhost; an IP address is no name to them.
    """
    public = urlsplit(settings.PUBLIC_URL)
    host = public.hostname or ""
    if host == "localhost":
        return True
    is_name = not host.replace(".", "").isdigit() and ":" not in host
    return public.scheme == "https" and is_name


def is_missing(user: User | AnonymousUser) -> bool:
    """Whether this installation asks for a second factor that `user` does not have."""
    return settings.STAFF_MFA_REQUIRED and isinstance(user, User) and not is_on(user)


def use_up(authenticator: Authenticator, code: str) -> bool:
    """Whether this valid code was used for the first time; of an app, its time step.

    A code of an app stays valid for longer than one step, because clocks differ: so
    the step is kept, and neither it nor an earlier one opens again.
    """
    if authenticator.type != Authenticator.Type.TOTP:
        return True  # recovery codes are crossed out where they are checked
    with transaction.atomic():
        locked = _locked(authenticator.pk)
        if locked is None:  # removed a moment ago
            return False
        secret = get_adapter().decrypt(locked.data["secret"])
        step = _step_of(code, secret)
        if step is None or step <= locked.data.get(LAST_STEP, -1):
            return False
        locked.data[LAST_STEP] = step
        locked.save(update_fields=["data"])
    return True


def _step_of(code: str, secret: str) -> int | None:
    for step in totp.yield_hotp_counters_from_time():
        expected = totp.format_hotp_value(totp.hotp_value(secret, step))
        if compare_user_code(actual=code, expected=expected):
            return int(step)
    return None  # it ran out between being checked and being used up


def _locked(pk: int) -> Authenticator | None:
    return Authenticator.objects.select_for_update().filter(pk=pk).first()
