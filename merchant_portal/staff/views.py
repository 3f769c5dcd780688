"""allauth's pages where ours must behave otherwise."""

from typing import Any

from allauth.account import views as account
from allauth.mfa.totp import views as totp
from allauth.mfa.webauthn import views as webauthn
from django.db import transaction
from django.http import HttpResponse

from merchant_portal.audit import services as audit
from merchant_portal.lib import limits

from .services import tries
from .services.tries import RESET, RESET_NETWORK, TooManyTries


class PasswordResetView(account.PasswordResetView):  # type: ignore[misc]
    """Asks for the mail; the same words whether or not the address is known."""

    def form_valid(self, form: account.ResetPasswordForm) -> HttpResponse:
        address = form.cleaned_data["email"].lower()
        network = limits.client_network(self.request.META)
        try:
            tries.take((RESET, address), (RESET_NETWORK, network))
        except TooManyTries as exc:
            form.add_error(None, str(exc))
            refusal: HttpResponse = self.form_invalid(form)
            return refusal
        answer: HttpResponse = super().form_valid(form)
        return answer


class _InOneTransaction:
    """What is changed and the record of it: both or neither."""

    def form_valid(self, form: Any) -> HttpResponse:
        with transaction.atomic(), audit.recorded_last():
            answer: HttpResponse = super().form_valid(form)  # type: ignore[misc]
        return answer


class AddPasskeyView(_InOneTransaction, webauthn.AddWebAuthnView):  # type: ignore[misc]
    pass


class RemovePasskeyView(_InOneTransaction, webauthn.RemoveWebAuthnView):  # type: ignore[misc]
    pass


class SwitchOffAppView(_InOneTransaction, totp.DeactivateTOTPView):  # type: ignore[misc]
    pass
