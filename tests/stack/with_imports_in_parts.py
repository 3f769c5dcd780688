"""A Celery application that commits an import chunk by chunk: a negative control.

Started as `celery -A tests.stack.with_imports_in_parts worker`, never by the product.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace

import django

from merchant_portal.celery import app

django.setup()  # by the settings that the line above names

from django.db import transaction as real  # noqa: E402

from links.services import import_work  # noqa: E402
from links.services.import_writing import Writer  # noqa: E402

__all__ = ["app"]


@contextmanager
def nothing() -> Iterator[None]:
    yield


def write(writer: Writer, *args: object) -> None:
    with real.atomic():
        whole(writer, *args)  # type: ignore[arg-type]


def write_all(pk: int) -> None:
    """As the product, but for the transaction around all of it."""
    import_work.__dict__["transaction"] = SimpleNamespace(atomic=nothing)
    _locks_nothing()
    product(pk)


def _locks_nothing() -> None:
    from django.db.models import QuerySet

    QuerySet.select_for_update = lambda self, **_how: self  # type: ignore[method-assign]


whole, product = Writer.write, import_work._write_all
Writer.write = write  # type: ignore[method-assign,assignment]
import_work._write_all = write_all
