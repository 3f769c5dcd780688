"""What happened to a link, in order."""

from django.db import models

from .links import PaymentLink


class Activity(models.Model):
    """One line of a link's timeline; messages are merged in when it is read."""

    link = models.ForeignKey(
        PaymentLink, on_delete=models.CASCADE, related_name="activities"
    )
    kind = models.CharField(max_length=32, help_text="for example link.created")
    at = models.DateTimeField()
    actor = models.CharField(
        max_length=64, help_text="public id of a user or key, or system, payer"
    )
    detail = models.JSONField(default=dict)

    class Meta:
        verbose_name_plural = "activities"
        indexes = [models.Index(fields=["link", "id"], name="activity_by_link")]

    def __str__(self) -> str:
        return self.kind
