"""The merchant's own words for a kind of message; a row a version."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from merchant_portal.lib import ids
from merchant_portal.staff.models import User

from .messages import channel_choices


def new_public_id() -> str:
    return ids.new("tpl")


class TemplateQuerySet(models.QuerySet["Template"]):
    def of(self, kind: str, channel: str, language: str) -> "TemplateQuerySet":
        return self.filter(kind=kind, channel=channel, language=language)

    def in_use(self) -> "TemplateQuerySet":
        """Own words that messages are made of; not where the product's are back."""
        return self.filter(is_current=True, is_shipped=False)


class Template(models.Model):
    """One version of what one kind says on one channel in one language.

    Its words never change once written: a correction is the next version. `body` is what
    people edit; `html` and `plain` are made of it when it is saved. `is_shipped`: from this
    version on the product's own words are used again, and it has none.
    """

    public_id = models.CharField(max_length=ids.MAX_LENGTH, default=new_public_id)
    kind = models.CharField(max_length=32, help_text="name in the registry of kinds")
    channel = models.CharField(max_length=8, choices=channel_choices)
    language = models.CharField(max_length=8)
    version = models.PositiveIntegerField(help_text="1, 2, 3 … of these three")
    is_current = models.BooleanField(default=True)
    is_shipped = models.BooleanField(default=False)
    subject = models.CharField(max_length=300, blank=True)
    body = models.TextField(blank=True, help_text="of an e-mail, as it was typed")
    text = models.TextField(
        blank=True,
        help_text="of an SMS; of an e-mail an own plain text, empty: made of the body",
    )
    html = models.TextField(blank=True, help_text="compiled of the body")
    plain = models.TextField(blank=True, help_text="the plain text part with its foot")
    author = models.ForeignKey(
        User, null=True, on_delete=models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField()

    objects: ClassVar[TemplateQuerySet] = TemplateQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        verbose_name = _("message text")
        verbose_name_plural = _("message texts")
        constraints = [
            models.UniqueConstraint(fields=["public_id"], name="template_public_id"),
            models.UniqueConstraint(
                fields=["kind", "channel", "language", "version"],
                name="template_version_once",
            ),
            models.UniqueConstraint(
                fields=["kind", "channel", "language"],
                condition=models.Q(is_current=True),
                name="template_one_current",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind}/{self.language} ({self.channel}) {self.version}"
