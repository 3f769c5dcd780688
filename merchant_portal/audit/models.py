"""Who did what: rows that are only ever added."""

from django.db import models


class AuditEntry(models.Model):
    """One act of a person or a key.

    Public ids and field names as text, no foreign keys, no personal values:
    the record outlives what it speaks of.
    """

    sequence = models.PositiveBigIntegerField(
        editable=False, help_text="1, 2, 3 … without a gap"
    )
    at = models.DateTimeField()
    actor = models.CharField(max_length=64, help_text="public id of a user or key")
    action = models.CharField(max_length=64, help_text="for example link.canceled")
    object_id = models.CharField(max_length=64)
    details = models.JSONField(default=dict, help_text="field names and plain facts")
    key_version = models.CharField(
        max_length=16, editable=False, help_text="which of AUDIT_KEYS made the hash"
    )
    previous_hash = models.CharField(max_length=64, editable=False)
    hash = models.CharField(
        max_length=64, editable=False, help_text="of this entry and the one before it"
    )

    class Meta:
        verbose_name_plural = "audit entries"
        indexes = [
            models.Index(fields=["object_id", "id"], name="audit_by_object"),
            models.Index(fields=["actor", "id"], name="audit_by_actor"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["sequence"], name="audit_sequence_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.object_id} by {self.actor}"


class AuditHead(models.Model):
    """How far the chain reached when a day of the business had ended; signed."""

    on = models.DateField(unique=True, help_text="the business's day that had ended")
    sequence = models.PositiveBigIntegerField()
    hash = models.CharField(max_length=64)
    key_version = models.CharField(max_length=16)
    signature = models.CharField(max_length=64)

    class Meta:
        ordering = ["on"]

    def __str__(self) -> str:
        return f"{self.on}: {self.sequence}"
