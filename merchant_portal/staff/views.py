"""allauth's pages where ours must behave otherwise."""

from typing import Any

from allauth.account import views as account
from allauth.mfa.base import views as mfa
from allauth.mfa.totp import views as totp
from allauth.mfa.webauthn import views as webauthn
from allauth.usersessions import views as usersessions
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from merchant_portal.audit import services as audit
from merchant_portal.lib import limits

from . import step_up
from .models import User
from .services import sessions, tries
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


class SessionsView(usersessions.ListUserSessionsView):  # type: ignore[misc]
    """Where I am signed in; a POST signs out everywhere else."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        here = self.request.session.session_key
        rows = [
            {
                "session": each,
                "device": sessions.device_of(each),
                "is_current": each.session_key == here,
            }
            for each in sessions.alive(self.request.user)
        ]
        rows.sort(key=lambda row: not row["is_current"])
        has_others = any(not row["is_current"] for row in rows)
        return {**kwargs, "rows": rows, "has_others": has_others}

    def form_valid(self, form: Any) -> HttpResponse:
        user = self.request.user
        sessions.end_others(
            user, self.request.session.session_key or "", actor=user.actor()
        )
        messages.success(self.request, _("You are signed in here alone now."))
        return redirect("usersessions_list")


@require_POST
@login_required
def end_session(request: HttpRequest, pk: int) -> HttpResponse:
    """Sign one of my own sessions out."""
    user = request.user
    if not isinstance(user, User) or not sessions.end(user, pk, actor=user.actor()):
        raise Http404
    messages.success(request, _("Signed out there."))
    return redirect("usersessions_list")


class _GoesOn:
    """What waited for the proof is done with it, or shown again with what was typed."""

    def form_valid(self, form: Any) -> HttpResponse:
        step_up.take_up(self.request)  # type: ignore[attr-defined]
        answer: HttpResponse = super().form_valid(form)  # type: ignore[misc]
        return answer


class ProveByPasswordView(_GoesOn, account.ReauthenticateView):  # type: ignore[misc]
    pass


class ProveByCodeView(_GoesOn, mfa.ReauthenticateView):  # type: ignore[misc]
    pass


class ProveByPasskeyView(_GoesOn, webauthn.ReauthenticateWebAuthnView):  # type: ignore[misc]
    pass


class AddPasskeyView(_InOneTransaction, webauthn.AddWebAuthnView):  # type: ignore[misc]
    pass


class RemovePasskeyView(_InOneTransaction, webauthn.RemoveWebAuthnView):  # type: ignore[misc]
    pass


class SwitchOffAppView(_InOneTransaction, totp.DeactivateTOTPView):  # type: ignore[misc]
    pass
