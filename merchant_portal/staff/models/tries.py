"""How often somebody tried to get in."""

from django.db import models


class Tries(models.Model):
    """The latest tries against one limit: of one account, or from one network.

    `who` is hashed with a key: typed addresses belong to strangers, too.
    """

    kind = models.CharField(max_length=16)
    who = models.CharField(max_length=64)
    times = models.JSONField(default=list, help_text="Unix milliseconds, oldest first")
    last_at = models.DateTimeField(db_index=True)

    class Meta:
        db_table = "staff_tries"
        constraints = [
            models.UniqueConstraint(fields=["kind", "who"], name="staff_tries_once"),
        ]

    def __str__(self) -> str:
        return f"{self.kind}: {len(self.times)}"
