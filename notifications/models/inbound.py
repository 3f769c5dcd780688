"""What people write to our numbers, kept until somebody has seen to it."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from merchant_portal.lib import ids, masks

from .messages import channel_choices


class InboundMessage(models.Model):
    """One message from a person, once, however often its carrier tells of it.

    `meaning`: stop, start, help, or blank for words. `answer`: what was answered at
    once. `reference`: the link whose customer it turned out to be from; its replies
    carry on there. `looked_at`: when that was tried.
    """

    carrier_message_id = models.CharField(max_length=64)
    channel = models.CharField(_("channel"), max_length=8, choices=channel_choices)
    address = models.CharField(_("from"), max_length=254)
    text = models.TextField(_("words"), blank=True)
    meaning = models.CharField(max_length=8, blank=True)
    answer = models.TextField(blank=True)
    reference = models.CharField(max_length=ids.MAX_LENGTH, blank=True)
    at = models.DateTimeField(_("at"))
    looked_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)
    closed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )

    objects: ClassVar[models.Manager["InboundMessage"]] = models.Manager()

    class Meta:
        verbose_name = _("text from a customer")
        verbose_name_plural = _("texts from customers")
        constraints = [
            models.UniqueConstraint(
                fields=["carrier_message_id"], name="inbound_message_once"
            )
        ]
        indexes = [
            models.Index(fields=["address", "at"], name="inbound_by_address"),
            models.Index(
                fields=["id"], condition=Q(closed_at=None), name="inbound_open"
            ),
            models.Index(
                fields=["id"], condition=Q(looked_at=None), name="inbound_new"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_channel_display()} · {masks.address(self.address)}"

    @property
    def is_open(self) -> bool:
        return self.closed_at is None
