"""Texts that WhatsApp has approved: a business may begin a conversation with no others."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _


class WhatsAppTemplate(models.Model):
    """The approved text of one kind of message in one language.

    `body` as it was approved, with {{1}} … {{n}} where values go; `placeholders`: the
    names of ours that fill them, in that order.
    """

    kind = models.CharField(_("kind of message"), max_length=32)
    language = models.CharField(_("language"), max_length=8)
    content_sid = models.CharField(_("content SID"), max_length=34)
    body = models.TextField(_("approved text"), max_length=1600)
    placeholders = models.JSONField(_("values"), default=list)
    updated_at = models.DateTimeField(auto_now=True)

    objects: ClassVar[models.Manager["WhatsAppTemplate"]] = models.Manager()

    class Meta:
        verbose_name = _("WhatsApp template")
        verbose_name_plural = _("WhatsApp templates")
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "language"], name="whatsapp_template_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} · {self.language}"
