"""Who did what: rows that are only ever added."""

from django.db import models


class AuditEntry(models.Model):
    """One act of a person or a key.

    Public ids and field names as text, no foreign keys, no personal values:
    the record outlives what it speaks of.
    """

    at = models.DateTimeField()
    actor = models.CharField(max_length=64, help_text="public id of a user or key")
    action = models.CharField(max_length=64, help_text="for example link.canceled")
    object_id = models.CharField(max_length=64)
    details = models.JSONField(default=dict, help_text="field names and plain facts")

    class Meta:
        verbose_name_plural = "audit entries"
        indexes = [
            models.Index(fields=["object_id", "id"], name="audit_by_object"),
            models.Index(fields=["actor", "id"], name="audit_by_actor"),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.object_id} by {self.actor}"
