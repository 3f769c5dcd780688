"""How allauth behaves here: no public sign-up, mails through the outbox."""

import secrets
import time
from typing import Any
from urllib.parse import urlsplit

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.authentication import get_authentication_records
from allauth.core import context
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext as _

from merchant_portal.business.models import Business
from merchant_portal.lib import limits, sealing
from merchant_portal.staff import second_factor
from merchant_portal.staff.models import User
from merchant_portal.staff.services import tries
from merchant_portal.staff.services.tries import NETWORK, PASSWORD, TooManyTries
from notifications.services import outbox, to_owners

SEALED_FOR = "mfa"


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Count the try before the password is looked at; refuse one too many."""
        network = limits.client_network(request.META)
        try:
            tries.take((PASSWORD, _account(credentials)), (NETWORK, network))
        except TooManyTries as exc:
            raise ValidationError(str(exc), code="too_many_tries") from exc

    def authenticate(self, request: HttpRequest, **credentials: Any) -> User | None:
        """Who the credentials belong to; the right ones make up for earlier tries."""
        user: User | None = super().authenticate(request, **credentials)
        if user is not None:
            tries.forgive(PASSWORD, _account(credentials))
            tries.give_back(NETWORK, limits.client_network(request.META))
        return user

    def reauthenticate(self, user: User, password: str) -> bool:
        """Whether it is their password, under the limits of the sign-in."""
        found = self.authenticate(context.request, email=user.email, password=password)
        return found is not None and found.pk == user.pk

    def set_password(self, user: User, password: str) -> None:
        """Who set a new password may use it at once, however often the old one failed."""
        super().set_password(user, password)
        tries.forgive(PASSWORD, user.email)

    def get_client_ip(self, request: HttpRequest) -> str:
        """As our limits see it; nothing else may name an address."""
        return str(limits.client_address(request.META) or "0.0.0.0")  # noqa: S104 - unknown

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Staff are invited; nobody signs up."""
        return False

    def is_reauthentication_required(self, *, app: str, **kwargs: Any) -> bool:
        """Who gave their password a moment ago, to sign in, is not asked again."""
        records = get_authentication_records(context.request, context.request.user)
        limit = settings.ACCOUNT_REAUTHENTICATION_TIMEOUT
        if records and time.time() - records[-1]["at"] < limit:
            return False
        required: bool = super().is_reauthentication_required(app=app, **kwargs)
        return required

    def get_reauthentication_methods(
        self, user: User | AnonymousUser
    ) -> list[dict[str, Any]]:
        """Who has a second factor proves by that who they are; a password is less."""
        ways: list[dict[str, Any]] = super().get_reauthentication_methods(user)
        if isinstance(user, User) and second_factor.is_on(user):
            return [way for way in ways if way["id"].startswith("mfa_")]
        return ways

    def send_password_reset_mail(
        self, user: User, email: str, context: dict[str, Any]
    ) -> None:
        """What the "forgot your password" page asks for."""
        self.send_password_link(user, kind="password_reset")

    def send_password_link(self, user: User, *, kind: str) -> None:
        """Queue the mail; its link is made when it is sent, so that none is stored."""
        outbox.enqueue(
            kind=kind,
            channel="email",
            recipient=user.email,
            language=user.language or Business.objects.current().language,
            reference=user.public_id,
            dedupe_key=f"{kind}:{user.public_id}:{secrets.token_hex(8)}",
        )

    def tell_owners(self, say: to_owners.Say, *, reference: str, key: str) -> None:
        """What the staff's own services tell of; the outbox lies above them."""
        to_owners.tell(say, reference=reference, key=key)

    def send_mail(
        self, template_prefix: str, email: str, context: dict[str, Any]
    ) -> None:
        """Whatever else allauth would mail past the outbox is a mistake in settings."""
        raise RuntimeError(f"allauth wants to send {template_prefix}")


def _account(credentials: dict[str, Any]) -> str:
    return str(credentials.get("email", "")).strip().lower()


class MFAAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """Secrets of authenticator apps and recovery codes are sealed at rest."""

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        """Passkeys are bound to the host of PUBLIC_URL, whatever host was asked."""
        host = urlsplit(settings.PUBLIC_URL).hostname or ""
        return {"id": host, "name": Business.objects.current().name}

    def generate_authenticator_name(self, user: User, type: str) -> str:
        """What the form suggests for a new passkey."""
        known = Authenticator.objects.filter(user_id=user.pk, type=type).count()
        return _("Passkey %s") % (known + 1) if known else _("Passkey")

    def encrypt(self, text: str) -> str:
        return sealing.seal(SEALED_FOR, text)

    def decrypt(self, encrypted_text: str) -> str:
        return sealing.unseal(SEALED_FOR, encrypted_text)
