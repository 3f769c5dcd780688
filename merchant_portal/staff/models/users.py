"""People who work in the back-office."""

from typing import ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models.functions import Lower
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _

from merchant_portal.lib import ids
from merchant_portal.lib.actors import Actor

from ..roles import RIGHTS, Right, Role


def new_public_id() -> str:
    return ids.new("usr")


class UserManager(BaseUserManager["User"]):
    def create_user(
        self, email: str, password: str | None = None, *, role: Role, name: str = ""
    ) -> "User":
        """Add a member of staff; without a password they set one by mail."""
        user = self.model(email=email.strip().lower(), role=role, name=name)
        user.set_password(password)
        user.save()
        return user

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email__iexact=username)


class User(AbstractBaseUser):
    """A member of staff; their role decides what they may do."""

    public_id = models.CharField(
        max_length=ids.MAX_LENGTH, unique=True, default=new_public_id, editable=False
    )
    email = models.EmailField(_("e-mail"), max_length=254)
    name = models.CharField(_("name"), max_length=200, blank=True)
    role = models.CharField(
        _("role"), max_length=16, choices=Role.choices, default=Role.AGENT
    )
    language = models.CharField(_("language"), max_length=8, blank=True)
    is_active = models.BooleanField(_("may sign in"), default=True)
    session_generation = models.PositiveIntegerField(
        default=0, editable=False, help_text="raised to end every session"
    )
    digest_hour = models.PositiveSmallIntegerField(
        _("digest at"),
        default=8,
        db_default=8,
        editable=False,
        help_text="the hour of the business's day at which the daily digest goes",
    )
    created_at = models.DateTimeField(auto_now_add=True)

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    objects: ClassVar[UserManager] = UserManager()

    class Meta:
        verbose_name = _("member of staff")
        verbose_name_plural = _("staff")
        ordering = ["email"]
        constraints = [
            models.UniqueConstraint(Lower("email"), name="staff_user_email_unique"),
            models.CheckConstraint(
                condition=models.Q(role__in=Role.values), name="staff_user_role_known"
            ),
            models.CheckConstraint(
                condition=models.Q(digest_hour__gte=5, digest_hour__lte=21),
                name="staff_user_digest_hour_by_day",
            ),
        ]

    def __str__(self) -> str:
        return self.name or self.email

    @property
    def is_staff(self) -> bool:
        """Everyone with an account here works here."""
        return self.is_active

    @property
    def is_superuser(self) -> bool:
        """Nobody stands above the table of rights."""
        return False

    def _get_session_auth_hash(self, secret: str | None = None) -> str:
        """A session lives while this stays: until a new password or generation."""
        return salted_hmac(
            "merchant_portal.staff.session",
            f"{self.session_generation}:{self.password}",
            secret=secret,
            algorithm="sha256",
        ).hexdigest()

    def get_full_name(self) -> str:
        """What the admin's pages call them."""
        return str(self)

    def actor(self) -> Actor:
        return Actor(self.public_id, str(self), self.pk)

    def may(self, right: Right) -> bool:
        """Whether the role allows it; nobody who is switched off may anything."""
        return self.is_active and right in RIGHTS[self.role]

    def has_perm(self, perm: str, obj: models.Model | None = None) -> bool:
        """Django's question: answered per model admin by `may`, so never by codename."""
        return False

    def has_module_perms(self, app_label: str) -> bool:
        return self.is_active
