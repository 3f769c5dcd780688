"""What a password may be, beside Django's own checks."""

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

MAX_LENGTH = 128
# far above any passphrase, and below what makes hashing a burden


class MaximumLengthValidator:
    def validate(self, password: str, user: object = None) -> None:
        if len(password) > MAX_LENGTH:
            raise ValidationError(
                _("This password is too long: %(max)d characters at most."),
                code="password_too_long",
                params={"max": MAX_LENGTH},
            )

    def get_help_text(self) -> str:
        return _("Your password has at most %(max)d characters.") % {"max": MAX_LENGTH}
