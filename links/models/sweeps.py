from django.db import models


class LastSweep(models.Model):
    """When the sweep last began, by the database's clock: one row."""

    PK = 1

    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(id=1), name="last_sweep_is_one")
        ]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S}"
