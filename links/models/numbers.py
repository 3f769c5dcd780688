"""Gapless numbers per year."""

from django.db import models


class NumberSeries(models.Model):
    """The last number given of one series in one year; its row lock keeps it gapless."""

    name = models.CharField(max_length=20)
    year = models.PositiveSmallIntegerField()
    last = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["name", "year"], name="number_series_once")
        ]

    def __str__(self) -> str:
        return f"{self.name}-{self.year}"

    @classmethod
    def take(cls, name: str, year: int) -> int:
        """The next number; call inside the transaction that uses it."""
        cls.objects.get_or_create(name=name, year=year)
        series = cls.objects.select_for_update().get(name=name, year=year)
        series.last += 1
        series.save(update_fields=["last"])
        return series.last
