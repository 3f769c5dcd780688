"""Queries whose SQL is made once give what the ORM gives, for each value anew."""

from datetime import UTC, datetime

import pytest
from django.db.models import BooleanField, Exists, OuterRef, QuerySet, Value
from pytest_django import DjangoAssertNumQueries

from links.models import LineItem, PaymentLink, ProviderAccount
from links.services.amounts import LineData
from merchant_portal.lib import rows

from .factories import make_customer, make_link

pytestmark = pytest.mark.django_db


def lines_of(public_id: str) -> QuerySet[LineItem]:
    others = LineItem.objects.filter(link=OuterRef("link_id"), position=2)
    return (
        LineItem.objects.filter(link__public_id=public_id)
        .select_related("link__customer")
        .annotate(has_more=Exists(others), yes=Value(True, BooleanField()))
        .order_by("position")
    )


PREPARED = rows.Prepared(lambda: lines_of(rows.Given("public_id")))


def everything(line: LineItem) -> list[object]:
    """All that is known of a line, its link and the link's customer."""
    seen: list[object] = [line.has_more, line.yes]  # type: ignore[attr-defined]
    for row in (line, line.link, line.link.customer):
        if row is not None:
            seen += [getattr(row, field.attname) for field in row._meta.concrete_fields]
    return seen


def test_gives_the_objects_of_the_queryset_in_one_statement(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    lines = (LineData("Cake", 1000, tax_bp=2000), LineData("Candles", 250))
    expires_at = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
    ours = make_link(make_customer(), lines=lines, expires_at=expires_at)
    PaymentLink.objects.filter(pk=ours.pk).update(metadata={"a": [1, None]})
    nobodys = make_link()
    PREPARED.fetch(public_id="first")

    for link in (ours, nobodys):
        with django_assert_num_queries(1):
            fetched = [
                everything(line) for line in PREPARED.fetch(public_id=link.public_id)
            ]

        assert fetched == [everything(line) for line in lines_of(link.public_id)]
        assert fetched


@pytest.mark.parametrize("hostile", ["' OR 1=1 --", "%s", "public_id", ""])
def test_a_value_stays_a_value(hostile: str) -> None:
    make_link()

    assert PREPARED.fetch(public_id=hostile) == []


def test_what_is_fetched_can_be_changed_and_saved() -> None:
    ProviderAccount.objects.create(slug="stripe", mode="test")
    [account] = rows.Prepared(ProviderAccount.objects.all).fetch()

    account.position = 7
    account.save()

    assert ProviderAccount.objects.get().position == 7
