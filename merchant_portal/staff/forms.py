"""allauth's forms for proving who one is, with our limits around them."""

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.forms import ChangePasswordForm as AllauthChangePasswordForm
from allauth.core import context
from allauth.mfa.base import forms as mfa
from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn import forms as webauthn
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from merchant_portal.lib import limits

from . import second_factor
from .services import tries
from .services.tries import NETWORK, SECOND_FACTOR, TooManyTries


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


BAD_CREDENTIAL = (AttributeError, LookupError, TypeError, ValueError, struct.error)
# What fido2 raises for something that no browser sends.


class _Credential:
    """What a browser says of a passkey; anything else is refused, never an error."""

    def clean_credential(self) -> Any:
        with _refused_in_plain_words():
            return super().clean_credential()  # type: ignore[misc]


class AddPasskeyForm(webauthn.AddWebAuthnForm):  # type: ignore[misc]
    """Every passkey is kept on the device with its owner's name, so that it signs in."""

    passwordless = None

    def clean(self) -> dict[str, Any]:
        with _refused_in_plain_words():
            cleaned: dict[str, Any] = super().clean()
        return cleaned


class UsePasskeyForm(_Credential, webauthn.AuthenticateWebAuthnForm):  # type: ignore[misc]
    pass


class UsePasskeyAgainForm(_Credential, webauthn.ReauthenticateWebAuthnForm):  # type: ignore[misc]
    pass


class SignInWithPasskeyForm(_Credential, webauthn.LoginWebAuthnForm):  # type: ignore[misc]
    """Nothing can be guessed here; the network's limit bounds the work it makes."""

    def clean_credential(self) -> Any:
        network = limits.client_network(context.request.META)
        try:
            tries.take((NETWORK, network))
        except TooManyTries as exc:
            raise ValidationError(str(exc), code="too_many_tries") from exc
        authenticator = super().clean_credential()
        tries.give_back(NETWORK, network)
        return authenticator


@contextmanager
def _refused_in_plain_words() -> Iterator[None]:
    """allauth calls a passkey that does not fit an incorrect code."""
    refusal = ValidationError(_("This passkey does not open this account."))
    try:
        yield
    except ValidationError as exc:
        if exc.code != "incorrect_code":
            raise
        raise refusal from exc
    except BAD_CREDENTIAL as exc:
        raise refusal from exc
