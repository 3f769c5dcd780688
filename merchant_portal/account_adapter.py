"""How allauth behaves here: no public sign-up, mails through the outbox."""

import secrets
import time
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.authentication import get_authentication_records
from allauth.core import context
from allauth.mfa.adapter import DefaultMFAAdapter
from django.conf import settings
from django.http import HttpRequest

from merchant_portal.business.models import Business
from merchant_portal.lib import sealing
from merchant_portal.staff.models import User
from notifications.services import outbox

SEALED_FOR = "mfa"


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
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

    def send_mail(
        self, template_prefix: str, email: str, context: dict[str, Any]
    ) -> None:
        """Whatever else allauth would mail past the outbox is a mistake in settings."""
        raise RuntimeError(f"allauth wants to send {template_prefix}")


class MFAAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """Secrets of authenticator apps and recovery codes are sealed at rest."""

    def encrypt(self, text: str) -> str:
        return sealing.seal(SEALED_FOR, text)

    def decrypt(self, encrypted_text: str) -> str:
        return sealing.unseal(SEALED_FOR, encrypted_text)
