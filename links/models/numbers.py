"""Gapless numbers per year."""

from django.db import models
from django.db.models import F


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
        return cls.take_block(name, year, 1)

    @classmethod
    def take_block(cls, name: str, year: int, count: int) -> int:
        """The first of the next `count` numbers; use all of them in this transaction."""
        series = cls.objects.filter(name=name, year=year)
        # The update takes the row's lock; nobody else counts on before the commit.
        if not series.update(last=F("last") + count):
            cls.objects.get_or_create(name=name, year=year)
            series.update(last=F("last") + count)
        last: int = series.values_list("last", flat=True).get()
        return last - count + 1
