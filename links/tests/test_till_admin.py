"""The pages of the till: who may, and that nothing typed is lost."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from conftest import FrozenClock
from links.models import CashMovement, DayClose, Payment, Shift
from links.services import till, till_closing
from links.services.till_closing import Count
from merchant_portal.lib import ids
from merchant_portal.staff.models import User
from merchant_portal.staff.roles import Role

from .factories import make_customer, make_link, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("frozen")]
LIST, OPEN = "/admin/links/shift/", "/admin/links/shift/open/"
CLOSE_DAY = "/admin/links/dayclose/close/"
WRITERS = {Role.OWNER, Role.MANAGER, Role.FINANCE}


@pytest.fixture(autouse=True)
def _no_second_factor(settings: Any) -> None:
    settings.STAFF_MFA_REQUIRED = False


@pytest.fixture
def cashier() -> User:
    return make_user(Role.FINANCE)


@pytest.fixture
def shift(cashier: User) -> Shift:
    return till.begin(register="Counter", floats={"EUR": 10_000}, user=cashier)


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def at(shift: Shift, what: str) -> str:
    return f"/admin/links/shift/{shift.pk}/{what}"


def sale(**changed: str) -> dict[str, str]:
    return {
        "amount": "12.50",
        "currency": "EUR",
        "method": "cash",
        "what": "Bread",
        "link": "",
        "key": ids.new("frm"),
        **changed,
    }


def moved(**changed: str) -> dict[str, str]:
    return {
        "kind": "out",
        "amount": "30",
        "currency": "EUR",
        "reason": "Milk",
        "key": ids.new("csh"),
        **changed,
    }


def closed(shift: Shift) -> Shift:
    return till_closing.close(shift, Count({"EUR": 10_000}), user=shift.opened_by)


class TestWho:
    @pytest.mark.parametrize("role", list(Role))
    def test_works_at_the_till(self, role: Role, shift: Shift) -> None:
        client = signed_in(make_user(role))
        may = role in WRITERS

        acts = [
            client.post(at(shift, "take/"), sale()),
            client.post(at(shift, "move/"), moved()),
            client.get(at(shift, "count/")),
            client.get(OPEN),
        ]

        assert [answer.status_code == 403 for answer in acts] == [not may] * 4
        # A colleague's shift takes nobody else's money.
        assert not Payment.objects.exists()
        assert not CashMovement.objects.exists()

    @pytest.mark.parametrize("role", list(Role))
    def test_sees_the_shifts(self, role: Role, shift: Shift) -> None:
        client, may = signed_in(make_user(role)), role != Role.AGENT

        pages = [LIST, at(shift, "change/"), "/admin/links/dayclose/", CLOSE_DAY]

        statuses = [client.get(page).status_code for page in pages]
        assert statuses == ([200] * 4 if may else [403] * 4)
        assert ("/admin/links/shift/" in client.get("/admin/").content.decode()) is may

    @pytest.mark.parametrize("role", [Role.AGENT, Role.AUDITOR])
    def test_closes_days(self, role: Role) -> None:
        answer = signed_in(make_user(role)).post(CLOSE_DAY, {"day": "2026-06-15"})

        assert answer.status_code == 403
        assert not DayClose.objects.exists()

    def test_looking_changes_nothing(self, shift: Shift, cashier: User) -> None:
        client = signed_in(cashier)

        assert client.get(at(shift, "take/")).status_code == 405
        assert client.get(at(shift, "move/")).status_code == 405
        client.get(at(shift, "count/"))
        client.get(CLOSE_DAY)

        shift.refresh_from_db()
        assert (shift.is_open, shift.counts) == (True, 0)

    def test_what_is_not_there_is_a_404(self, shift: Shift, cashier: User) -> None:
        client = signed_in(cashier)

        for what in ("change/", "count/", "report.pdf"):
            assert client.get(f"{LIST}{10**20}/{what}").status_code == 404
        # An open shift has no Z report.
        assert client.get(at(shift, "report.pdf")).status_code == 404


class TestOpening:
    def test_shows_the_new_shift(self, cashier: User) -> None:
        client = signed_in(cashier)
        given = {
            "register": "Door",
            "float": "150.50",
            "other_currency": "CHF",
            "other_float": "0",
        }

        answer = client.post(OPEN, given)

        shift = Shift.objects.get()
        assert answer["Location"] == at(shift, "change/")
        floats = shift.cash.order_by("currency").values_list("currency", "float_minor")
        assert list(floats) == [("CHF", 0), ("USD", 15_050)]
        # Once more leads to the one that is open.
        assert client.get(OPEN)["Location"] == at(shift, "change/")

    @pytest.mark.parametrize(
        "given",
        [
            {"register": "", "float": "1"},
            {"register": "Door", "float": ""},
            {"register": "Door", "float": "-5"},
            {"register": "Door", "float": "1,5"},
            {"register": "Door", "float": "1", "other_float": "5"},
            {"register": "4111 1111 1111 1111", "float": "1"},
        ],
    )
    def test_refused_it_keeps_what_was_typed(
        self, cashier: User, given: dict[str, str]
    ) -> None:
        answer = signed_in(cashier).post(OPEN, given)

        page = answer.content.decode()
        assert answer.status_code == 422
        assert 'aria-invalid="true"' in page
        for value in filter(None, given.values()):
            assert f'value="{value}"' in page
        assert not Shift.objects.exists()

    def test_a_register_in_use_is_a_conflict(self, shift: Shift) -> None:
        client = signed_in(make_user())

        answer = client.post(OPEN, {"register": "counter", "float": "0"})

        assert answer.status_code == 409
        assert "open shift at this till" in answer.content.decode()

    def test_an_empty_list_teaches(self, cashier: User) -> None:
        page = signed_in(cashier).get(LIST).content.decode()

        assert "No shift yet" in page
        assert OPEN in page


class TestTaking:
    def test_a_sale(self, shift: Shift, cashier: User) -> None:
        client, form = signed_in(cashier), sale()

        client.post(at(shift, "take/"), form)
        answer = client.post(at(shift, "take/"), form, follow=True)

        payment = Payment.objects.get()
        assert (payment.amount_minor, payment.note, payment.shift) == (
            1_250,
            "Bread",
            shift,
        )
        assert "Taken: €12.50 (Cash)." in answer.content.decode()

    def test_its_own_page_does_not_call_it_odd(
        self, shift: Shift, cashier: User
    ) -> None:
        client = signed_in(cashier)
        client.post(at(shift, "take/"), sale())

        payment = Payment.objects.get()
        page = client.get(f"/admin/links/payment/{payment.pk}/change/").content.decode()

        assert "names none of your links" not in page
        assert "Bread" in page
        listed = client.get("/admin/links/payment/").content.decode()
        assert "Bread" in listed
        assert "dealt with" not in listed

    def test_all_that_is_open_of_a_link(self, shift: Shift, cashier: User) -> None:
        link = make_link(make_customer())
        form = sale(link=f" {str(link.number).lower()} ", amount="", what="")

        answer = signed_in(cashier).post(at(shift, "take/"), form)

        assert answer.status_code == 302
        link.refresh_from_db()
        assert link.status == "paid"
        assert Payment.objects.get().shift == shift

    @pytest.mark.parametrize(
        ("changed", "said"),
        [
            ({"amount": ""}, "Write the amount"),
            ({"amount": "0"}, "more than zero"),
            ({"method": "barter"}, "Choose how it was paid"),
            ({"currency": "XXX"}, "Choose the currency"),
            ({"what": ""}, "Say what it is for"),
            ({"what": "4111 1111 1111 1111"}, "looks like a card number"),
            ({"link": "PL-1999-000001"}, "There is no link with this number"),
            ({"key": "x"}, "too old"),
        ],
    )
    def test_refused_it_keeps_what_was_typed(
        self, shift: Shift, cashier: User, changed: dict[str, str], said: str
    ) -> None:
        form = sale(**changed)

        answer = signed_in(cashier).post(at(shift, "take/"), form)

        page = answer.content.decode()
        assert answer.status_code == 422
        assert said in page
        for name in ("amount", "what", "link"):
            assert not form[name] or f'value="{form[name]}"' in page
        assert not Payment.objects.exists()

    def test_more_than_is_open_has_to_be_meant(
        self, shift: Shift, cashier: User
    ) -> None:
        client, link = signed_in(cashier), make_link(make_customer())
        form = sale(link=str(link.number), amount="20")

        answer = client.post(at(shift, "take/"), form)
        assert answer.status_code == 422
        assert "more than the" in answer.content.decode()
        assert not Payment.objects.exists()

        client.post(at(shift, "take/"), {**form, "more": "yes"})
        assert Payment.objects.get().surplus_minor == 750

    def test_a_closed_shift_takes_nothing(self, shift: Shift, cashier: User) -> None:
        closed(shift)
        link = make_link(make_customer())
        client = signed_in(cashier)

        for form in (sale(), sale(link=str(link.number))):
            answer = client.post(at(shift, "take/"), form, follow=True)
            page = answer.content.decode()
            assert "closed" in page
            assert "Nothing was booked of: 12.50 · EUR · cash · Bread" in page

        assert not Payment.objects.exists()


class TestMoving:
    def test_once(self, shift: Shift, cashier: User) -> None:
        client, form = signed_in(cashier), moved()

        client.post(at(shift, "move/"), form)
        answer = client.post(at(shift, "move/"), form, follow=True)

        made = CashMovement.objects.get()
        assert (made.kind, made.amount_minor, made.reason) == ("out", 3_000, "Milk")
        assert "€30.00 taken out." in answer.content.decode()

    @pytest.mark.parametrize(
        "changed",
        [
            {"amount": ""},
            {"amount": "0"},
            {"reason": ""},
            {"kind": "lost"},
            {"currency": "EU"},
            {"key": "csh_x"},
            {"key": "rfd_" + "k" * 20},
        ],
    )
    def test_refused_it_moves_nothing(
        self, shift: Shift, cashier: User, changed: dict[str, str]
    ) -> None:
        answer = signed_in(cashier).post(at(shift, "move/"), moved(**changed))

        assert answer.status_code == 422
        assert 'role="alert"' in answer.content.decode() or (
            "mp-error" in answer.content.decode()
        )
        assert not CashMovement.objects.exists()


class TestDays:
    def test_open_shifts_are_named(self, shift: Shift, cashier: User) -> None:
        client = signed_in(cashier)

        page = client.get(CLOSE_DAY).content.decode()
        assert "Close them first" in page
        assert at(shift, "change/") in page
        assert client.post(CLOSE_DAY, {"day": "2026-06-15"}).status_code == 409
        assert not DayClose.objects.exists()

    def test_is_closed_and_shown(self, shift: Shift, cashier: User) -> None:
        closed(shift)
        client = signed_in(cashier)

        answer = client.post(CLOSE_DAY, {"day": "2026-06-15"}, follow=True)

        page = answer.content.decode()
        made = DayClose.objects.get()
        assert "D-000001" in page
        assert "the signature is good" in page
        assert "Z-000001" in page
        paper = client.get(f"/admin/links/dayclose/{made.pk}/report.pdf")
        assert bytes(paper.content).startswith(b"%PDF")
        assert "D-000001" in client.get("/admin/links/dayclose/").content.decode()
        again = client.post(CLOSE_DAY, {"day": "2026-06-15"})
        assert again.status_code == 409

    @pytest.mark.parametrize(
        "day", ["2026-06-16", "tomorrow", "1999-12-31", "9999-12-31", "2026-02-30"]
    )
    def test_no_other_day(self, day: str, cashier: User) -> None:
        answer = signed_in(cashier).post(CLOSE_DAY, {"day": day})

        assert answer.status_code == 422
        assert f'value="{day}"' in answer.content.decode()
        assert not DayClose.objects.exists()

    def test_an_empty_list_teaches(self, cashier: User) -> None:
        page = signed_in(cashier).get("/admin/links/dayclose/").content.decode()

        assert "No day was closed yet" in page


def test_a_long_list_takes_as_few_queries_as_a_short_one(
    cashier: User, frozen: FrozenClock
) -> None:
    client = signed_in(cashier)
    client.get(LIST)  # what is asked for once, is kept
    asked = []
    for count in (1, 6):
        while Shift.objects.count() < count:
            closed(till.begin(register="C", floats={"EUR": 10_000}, user=cashier))
            frozen.move(minutes=1)
        with CaptureQueriesContext(connection) as captured:
            page = client.get(LIST).content.decode()
        assert page.count("agrees") == count
        asked.append(len(captured))

    assert asked[0] == asked[1] <= 10
