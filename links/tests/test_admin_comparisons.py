"""Comparisons in the admin: who reads them, what they say, and dealing with them."""

import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from links.admin import lifelines
from links.models import (
    Comparison,
    ComparisonState,
    Difference,
    Payment,
    ProviderAccount,
)
from links.services import accounts, comparisons, lifeline
from links.services.lifeline import Trouble
from links.tasks import compare_account
from merchant_portal.lib import queue
from merchant_portal.staff.models import User
from merchant_portal.staff.roles import Role

from .factories import make_link, make_user
from .their_books import Books, compared, plant_other_amount, plant_unknown_payment

pytestmark = pytest.mark.django_db
LIST = "/admin/links/comparison/"
READERS = {Role.OWNER, Role.FINANCE, Role.AUDITOR}
ACTORS = {Role.OWNER, Role.FINANCE}


@pytest.fixture(autouse=True)
def _no_second_factor(settings: Any) -> None:
    settings.STAFF_MFA_REQUIRED = False


@pytest.fixture(autouse=True)
def _training_is_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifeline, "OWN_BOOKS", {"manual"})


@pytest.fixture
def owner() -> User:
    return make_user()


@pytest.fixture
def account() -> ProviderAccount:
    return accounts.get("training")


@pytest.fixture
def theirs(monkeypatch: pytest.MonkeyPatch) -> Books:
    return Books(monkeypatch)


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def page_of(user: User, path: str) -> str:
    text = signed_in(user).get(path).content.decode()
    return re.sub(r"\s+", " ", text)


def path_of(made: Comparison) -> str:
    return f"{LIST}{made.pk}/change/"


class TestWho:
    @pytest.mark.parametrize("role", list(Role))
    def test_reads_who_reads_the_audit_log(
        self, role: Role, theirs: Books, account: ProviderAccount, owner: User
    ) -> None:
        plant_other_amount(theirs)
        made = compared(account, owner)
        client = signed_in(make_user(role))

        expected = 200 if role in READERS else 403
        assert client.get(LIST).status_code == expected
        assert client.get(path_of(made)).status_code == expected
        page = client.get(path_of(made)).content.decode()
        assert ("Mark as dealt with" in page) is (role in ACTORS)
        assert ("Compare now" in page) is (role in ACTORS)

    @pytest.mark.parametrize("role", list(Role))
    def test_acts_who_books_money_and_reads_them(
        self, role: Role, theirs: Books, account: ProviderAccount, owner: User
    ) -> None:
        plant_other_amount(theirs)
        made = compared(account, owner)
        client = signed_in(make_user(role))

        client.post(f"{LIST}{made.pk}/reviewed/", {"reason": "A typo"})
        client.post(f"/admin/links/provideraccount/{account.pk}/compare/")

        made.refresh_from_db()
        assert (made.reviewed_at is not None) is (role in ACTORS)
        assert Comparison.objects.count() == (2 if role in ACTORS else 1)

    def test_reading_changes_nothing(
        self, account: ProviderAccount, owner: User, theirs: Books
    ) -> None:
        made = compared(account, owner)
        client = signed_in(owner)

        for path in (
            f"{LIST}{made.pk}/reviewed/",
            f"/admin/links/provideraccount/{account.pk}/compare/",
        ):
            assert client.get(path).status_code == 405
        assert client.get(f"{LIST}add/").status_code == 403
        assert client.post(f"{LIST}{made.pk}/delete/").status_code == 403
        assert client.get(f"{LIST}{10**30}/change/").status_code in (302, 404)

    def test_cash_is_compared_with_nobody(self, owner: User) -> None:
        manual = accounts.get("manual")
        client = signed_in(owner)

        path = f"/admin/links/provideraccount/{manual.pk}"

        assert client.post(f"{path}/compare/").status_code == 404
        assert "Compare now" not in client.get(f"{path}/change/").content.decode()


class TestNow:
    def test_asks_wakes_a_worker_and_shows_how_it_goes(
        self,
        theirs: Books,
        account: ProviderAccount,
        owner: User,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        woken: list[tuple[object, ...]] = []
        monkeypatch.setattr(queue, "nudge", lambda *args: woken.append(args))
        client = signed_in(owner)

        answer = client.post(f"/admin/links/provideraccount/{account.pk}/compare/")

        made = Comparison.objects.get()
        assert answer["Location"] == path_of(made)
        assert woken == [("links.tasks.compare_account", made.pk)]
        assert "Waiting for its turn since" in page_of(owner, path_of(made))
        comparisons._claim(made.pk)
        running = page_of(owner, path_of(made))
        assert "Running since" in running
        assert 'hx-trigger="every 3s"' in running
        assert "Compare now" not in running
        account_page = f"/admin/links/provideraccount/{account.pk}/change/"
        assert "Running since" in page_of(owner, account_page)
        Comparison.objects.update(state="waiting")
        Comparison.objects.update(due_at=made.due_at)
        compare_account(made.pk)
        done = page_of(owner, path_of(made))
        assert "The books agree." in done
        assert "every 3s" not in done


class TestReport:
    def test_says_what_differs_and_what_to_do(
        self, theirs: Books, account: ProviderAccount, owner: User
    ) -> None:
        plant_other_amount(theirs)
        plant_unknown_payment(theirs)
        made = compared(account, owner)

        page = page_of(owner, path_of(made))

        assert "Left for a person" in page
        assert "succeeded, €99.00" in page
        assert "Ask it why, and tell your accountant." in page
        assert "Booked by this comparison" in page
        assert "+€99.00" in page  # 12.50 more of the one, 86.50 of the other
        assert f"/admin/links/payment/{theirs_first()}/change/" in page

    def test_needs_a_person_until_one_says_what_came_of_it(
        self, theirs: Books, account: ProviderAccount, owner: User
    ) -> None:
        make_link()
        plant_other_amount(theirs)
        made = compared(account, owner)
        said = "1 difference between our books and a provider&#x27;s"
        front = page_of(owner, "/admin/")
        assert said in front
        assert path_of(made) in front
        assert "Books differ" in front
        client = signed_in(owner)

        client.post(f"{LIST}{made.pk}/reviewed/", {"reason": " "})
        assert said in page_of(owner, "/admin/")
        client.post(f"{LIST}{made.pk}/reviewed/", {"reason": "Typed twice <b>"})

        front = page_of(owner, "/admin/")
        assert said not in front
        assert "Books differ" not in front
        assert "they agree" not in front or "All is well" in front
        assert "Typed twice &lt;b&gt;" in page_of(owner, path_of(made))

    def test_the_front_page_of_who_does_not_read_them_is_silent(
        self, theirs: Books, account: ProviderAccount, owner: User
    ) -> None:
        plant_other_amount(theirs)
        compared(account, owner)

        assert "between our books" not in page_of(make_user(Role.MANAGER), "/admin/")

    def test_costs_the_same_however_many_differences(
        self, theirs: Books, account: ProviderAccount, owner: User
    ) -> None:
        plant_other_amount(theirs)
        made = compared(account, owner)
        client = signed_in(owner)
        client.get(path_of(made))

        def queries(path: str) -> int:
            with CaptureQueriesContext(connection) as asked:
                assert client.get(path).status_code == 200
            return len(asked)

        few = queries(path_of(made)), queries(LIST), queries("/admin/")
        one = made.differences.get()
        Difference.objects.bulk_create(
            Difference(
                comparison=made,
                subject=one.subject,
                gap=one.gap,
                provider_id=f"tpy_{number}",
                provider_payment_id=f"tpy_{number}",
            )
            for number in range(50)
        )
        Comparison.objects.bulk_create(
            Comparison(
                account=account,
                state=ComparisonState.DONE,
                asked_at=made.asked_at,
                finished_at=made.asked_at,
                open_count=1,
            )
            for _number in range(30)
        )

        assert (queries(path_of(made)), queries(LIST), queries("/admin/")) == few


class TestLifeline:
    def line(self) -> lifeline.Lifeline:
        (line,) = lifeline.lifelines()
        return line

    def test_says_when_it_was_compared_and_that_they_agree(
        self, theirs: Books, account: ProviderAccount, owner: User
    ) -> None:
        assert lifelines.rows()[0].compared == "compared with our books: not yet"

        made = compared(account, owner)

        assert self.line().trouble is Trouble.NONE
        (row,) = lifelines.rows()
        assert row.compared.endswith("they agree")
        assert row.compared_url == path_of(made)

    def test_leads_to_the_report_with_differences_not_to_the_newest(
        self, theirs: Books, account: ProviderAccount, owner: User
    ) -> None:
        plant_other_amount(theirs)
        first = compared(account, owner)
        compared(account, owner)

        line = self.line()

        assert (line.trouble, line.differences) == (Trouble.DIFFERS, 1)
        assert line.comparison == first.pk

    def test_one_that_was_given_up(self, account: ProviderAccount, owner: User) -> None:
        made = comparisons.ask(account, actor=owner.actor())
        comparisons._give_up(made, "cut off")

        assert self.line().trouble is Trouble.UNCOMPARED
        assert "cut off" in page_of(owner, path_of(made))


def theirs_first() -> int:
    return Payment.objects.get(provider_payment_id="tpy_1").pk
