"""allauth's forms for proving who one is, with our limits around them."""

from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.forms import ChangePasswordForm as AllauthChangePasswordForm
from allauth.mfa.base import forms as mfa
from allauth.mfa.models import Authenticator
from django.core.exceptions import ValidationError

from . import second_factor
from .services import tries
from .services.tries import SECOND_FACTOR, TooManyTries


class ChangePasswordForm(AllauthChangePasswordForm):  # type: ignore[misc]
    """The old password is tried as often as at the sign-in, and not oftener."""

    def clean_oldpassword(self) -> str:
        password: str = self.cleaned_data.get("oldpassword", "")
        if not get_adapter().reauthenticate(self.user, password):
            raise get_adapter().validation_error("enter_current_password")
        return password


class _LimitedCode:
    """A code is checked at most five times in 15 minutes, and opens once."""

    user: Any
    authenticator: Authenticator

    def clean_code(self) -> str:
        account = str(self.user.pk)
        try:
            tries.take((SECOND_FACTOR, account))
        except TooManyTries as exc:
            raise ValidationError(str(exc), code="too_many_tries") from exc
        code: str = super().clean_code()  # type: ignore[misc]
        if not second_factor.use_up(self.authenticator, code):
            raise get_adapter().validation_error("incorrect_code")
        tries.forgive(SECOND_FACTOR, account)
        return code


class AuthenticateForm(_LimitedCode, mfa.AuthenticateForm):  # type: ignore[misc]
    pass


class ReauthenticateForm(_LimitedCode, mfa.ReauthenticateForm):  # type: ignore[misc]
    pass
