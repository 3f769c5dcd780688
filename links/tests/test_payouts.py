"""Payouts in the books, and who sees them."""

from dataclasses import replace
from datetime import UTC, date, datetime
from itertools import permutations
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from links.models import Payout, PayoutState
from links.providers.base import PayoutSnapshot
from links.providers.base import PayoutState as Told
from links.providers.registry import PROVIDERS, get_provider
from links.services import payouts
from merchant_portal.lib.money import Money
from merchant_portal.staff.models import User
from merchant_portal.staff.roles import Role

from .factories import make_user

pytestmark = pytest.mark.django_db
SEEN = PayoutSnapshot(
    account_slug="training",
    provider_payout_id="po_1",
    state=Told.PENDING,
    amount=Money(125_000, "EUR"),
    created_at=datetime(2026, 11, 20, 6, tzinfo=UTC),
    arrives_on=date(2026, 11, 24),
)


def told(state: Told, **more: Any) -> PayoutSnapshot:
    return replace(SEEN, state=state, **more)


class TestBooks:
    def test_books_what_it_is_told(self) -> None:
        payout = payouts.record(SEEN)

        assert payout == Payout.objects.get()
        assert payout.public_id.startswith("pyo_")
        assert (payout.account.slug, payout.provider_payout_id) == ("training", "po_1")
        assert payout.state == PayoutState.PENDING
        assert payout.amount == Money(125_000, "EUR")
        assert payout.created_at == SEEN.created_at
        assert payout.arrives_on == date(2026, 11, 24)

    def test_again_is_nothing_new(self) -> None:
        payouts.record(SEEN)

        assert payouts.record(SEEN) is None
        assert Payout.objects.count() == 1

    @pytest.mark.parametrize("end", [Told.PAID, Told.FAILED, Told.CANCELED])
    def test_any_order_ends_in_the_same_row(self, end: Told) -> None:
        for number, order in enumerate(
            permutations((Told.PENDING, Told.IN_TRANSIT, end))
        ):
            for state in order:
                payouts.record(told(state, provider_payout_id=f"po_{number}"))

        assert set(Payout.objects.values_list("state", flat=True)) == {end.value}

    def test_what_had_arrived_may_come_back(self) -> None:
        payouts.record(told(Told.PAID))
        payouts.record(told(Told.FAILED))
        payouts.record(told(Told.PAID))

        assert Payout.objects.get().state == PayoutState.FAILED

    def test_the_later_date_stands_and_is_not_forgotten(self) -> None:
        payouts.record(SEEN)
        payouts.record(told(Told.IN_TRANSIT, arrives_on=date(2026, 11, 25)))
        payouts.record(told(Told.PAID, arrives_on=None))

        assert Payout.objects.get().arrives_on == date(2026, 11, 25)

    def test_money_taken_from_the_bank_is_below_zero(self) -> None:
        payouts.record(told(Told.PAID, amount=Money(-300, "EUR")))

        assert Payout.objects.get().amount == Money(-300, "EUR")

    def test_the_database_keeps_one_row_each(self) -> None:
        payouts.record(SEEN)
        copy = Payout.objects.get()
        copy.pk, copy.public_id = None, "pyo_another"

        with pytest.raises(IntegrityError), transaction.atomic():
            copy.save(force_insert=True)

    def test_costs_the_same_for_what_is_known(
        self, django_assert_num_queries: Any
    ) -> None:
        payouts.record(SEEN)
        with django_assert_num_queries(6):  # keys, account, savepoint, row, clock
            payouts.record(SEEN)


def test_who_tells_of_payouts() -> None:
    can = {slug for slug in PROVIDERS if get_provider(slug).capabilities.payouts}

    assert can >= {"stripe", "square"}
    assert not can & {"paypal", "training", "manual"}


class TestAdmin:
    @pytest.fixture(autouse=True)
    def _no_second_factor(self, settings: Any) -> None:
        settings.STAFF_MFA_REQUIRED = False

    def signed_in(self, client: Client, role: str) -> User:
        user = make_user(role=Role(role))
        client.force_login(user)
        return user

    @pytest.mark.parametrize("role", ["owner", "manager", "finance", "auditor"])
    def test_is_read_by_those_who_see_reports(self, client: Client, role: str) -> None:
        self.signed_in(client, role)
        payouts.record(told(Told.IN_TRANSIT))

        page = client.get(reverse("admin:links_payout_changelist"))

        text = page.content.decode()
        assert page.status_code == 200
        assert "On its way" in text
        assert "1,250.00" in text
        assert "Nov 24, 2026" in text or "24 Nov 2026" in text

    def test_is_not_for_agents(self, client: Client) -> None:
        self.signed_in(client, "agent")
        payout = payouts.record(SEEN)
        assert payout is not None

        for url in (
            reverse("admin:links_payout_changelist"),
            reverse("admin:links_payout_change", args=[payout.pk]),
        ):
            assert client.get(url).status_code == 403
        assert "links/payout" not in client.get(reverse("admin:index")).content.decode()

    def test_nobody_changes_one(self, client: Client) -> None:
        self.signed_in(client, "owner")
        payout = payouts.record(SEEN)
        assert payout is not None
        page = reverse("admin:links_payout_change", args=[payout.pk])

        assert client.get(page).status_code == 200
        assert client.post(page, {"amount_minor": "1"}).status_code == 403
        assert client.get(reverse("admin:links_payout_add")).status_code == 403
        delete = reverse("admin:links_payout_delete", args=[payout.pk])
        assert client.post(delete, {"post": "yes"}).status_code == 403
        assert Payout.objects.get().amount_minor == 125_000

    def test_filters(self, client: Client) -> None:
        self.signed_in(client, "owner")
        payouts.record(SEEN)
        url = reverse("admin:links_payout_changelist")

        def shown(**query: str) -> bool:
            return "1,250.00" in client.get(url, query).content.decode()

        assert shown(state__exact="pending")
        assert not shown(state__exact="paid")
        assert not shown(provider="stripe")
        assert shown(q="po_1")
        assert not shown(q="po_2")

    def test_a_list_of_many_asks_no_more_often(
        self, client: Client, django_assert_max_num_queries: Any
    ) -> None:
        self.signed_in(client, "owner")
        url = reverse("admin:links_payout_changelist")
        payouts.record(SEEN)
        client.get(url)
        with django_assert_max_num_queries(100) as few:
            client.get(url)
        for number in range(20):
            payouts.record(replace(SEEN, provider_payout_id=f"po_{number}"))

        with django_assert_max_num_queries(len(few.captured_queries)):
            client.get(url)
