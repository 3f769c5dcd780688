"""Whether a member of staff still has to set up two-factor sign-in."""

from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib.auth.models import AnonymousUser

from .models import User


def is_on(user: User) -> bool:
    """Whether an authenticator app is set up; recovery codes alone do not count."""
    on: bool = get_adapter().is_mfa_enabled(user, [Authenticator.Type.TOTP])
    return on


def is_missing(user: User | AnonymousUser) -> bool:
    """Whether this installation asks for a second factor that `user` does not have."""
    return settings.STAFF_MFA_REQUIRED and isinstance(user, User) and not is_on(user)
