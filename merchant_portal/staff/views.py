"""allauth's pages where ours must behave otherwise."""

from allauth.account import views as account
from django.http import HttpResponse

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
