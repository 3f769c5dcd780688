"""Keys of integrators, and the answers stored for their Idempotency-Key."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from merchant_portal.lib import ids
from merchant_portal.lib.actors import Actor


def new_public_id() -> str:
    return ids.new("key")


class ApiKey(models.Model):
    """A bearer key: shown once, kept as SHA-256, bound to scopes."""

    public_id = models.CharField(
        max_length=ids.MAX_LENGTH, unique=True, default=new_public_id, editable=False
    )
    name = models.CharField(_("name"), max_length=100)
    prefix = models.CharField(
        max_length=12, editable=False, help_text="the first characters, to recognise it"
    )
    secret_sha256 = models.CharField(max_length=64, unique=True, editable=False)
    scopes = models.JSONField(default=list, help_text="rights, or ['*'] for all")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
    )
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True)
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True)

    class Meta:
        verbose_name = _("API key")
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    def actor(self) -> Actor:
        return Actor(self.public_id, self.name, self.created_by_id)


class ApiRequest(models.Model):
    """One POST with an Idempotency-Key: what was asked and what was answered.

    `response_status` is null while the first request is still at work. `fence`
    counts those who took the work up: only the newest may do it and store an answer.
    """

    key = models.ForeignKey(ApiKey, on_delete=models.CASCADE, related_name="requests")
    idempotency_key = models.CharField(max_length=255)
    request_sha256 = models.CharField(
        max_length=64, help_text="of method, path and body"
    )
    response_status = models.PositiveSmallIntegerField(null=True)
    response_body = models.TextField(
        blank=True, help_text="JSON; a link's address is held as {link_url}"
    )
    fence = models.PositiveIntegerField(default=1)
    lease_until = models.DateTimeField(
        help_text="then a repeat may take up what was left undone"
    )
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["key", "idempotency_key"], name="staff_api_request_once"
            )
        ]
        indexes = [models.Index(fields=["created_at"], name="staff_api_request_age")]

    def __str__(self) -> str:
        return self.idempotency_key
