"""How allauth behaves here: no public sign-up, mails through the outbox."""

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from django.http import HttpRequest

from merchant_portal.lib import sealing

SEALED_FOR = "mfa"


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Staff are invited; nobody signs up."""
        return False


class MFAAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """Secrets of authenticator apps and recovery codes are sealed at rest."""

    def encrypt(self, text: str) -> str:
        return sealing.seal(SEALED_FOR, text)

    def decrypt(self, encrypted_text: str) -> str:
        return sealing.unseal(SEALED_FOR, encrypted_text)
