"""Which providers a link offers: ticked by staff, named over the API, kept by the page."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from links.models import Activity, Checkout, CheckoutState, PaymentLink, ProviderAccount
from links.services import accounts, checkouts, links, offers
from links.services.amounts import LineData
from links.services.errors import LinkConflict, LinkError
from links.services.links import LinkData
from merchant_portal.lib import clock, queue
from merchant_portal.lib.actors import SYSTEM
from merchant_portal.lib.money import Money
from merchant_portal.staff.roles import Role

from .admin_forms import ADD, errors_of, filled
from .factories import make_link, make_user

pytestmark = pytest.mark.django_db
MODES = {"stripe": "test", "paypal": "test", "square": "test", "training": "test"}


@pytest.fixture(autouse=True)
def _in_use(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    settings.STAFF_MFA_REQUIRED = False
    modes = {**MODES, "manual": "live"}
    monkeypatch.setattr(accounts, "configured", lambda *_: modes)


@pytest.fixture
def staff() -> Client:
    client = Client()
    client.force_login(make_user(Role.MANAGER))
    return client


SHOWN = " ".join(MODES)


def made(allowed: tuple[str, ...] = (), **changes: Any) -> PaymentLink:
    facts: dict[str, Any] = {"currency": "EUR", "amount_minor": 1250, **changes}
    line = LineData("Cake", facts["amount_minor"])
    return links.create(
        LinkData(
            customer=None,
            currency=facts["currency"],
            lines=(line,),
            allowed_providers=allowed,
        ),
        actor=SYSTEM,
    )


def offered(link: PaymentLink) -> list[str]:
    return [one.slug for one in accounts.offered(link, clock.now())]


def edited(link: PaymentLink, *allowed: str, version: int = 0) -> None:
    links.edit(
        link,
        due_on=link.due_on,
        note_text=link.note,
        expires_at=link.expires_at,
        version=version or link.version,
        actor=SYSTEM,
        allowed_providers=allowed,
    )


class TestCheck:
    def test_a_link_offers_what_was_chosen_and_all_by_default(self) -> None:
        assert offered(made()) == list(MODES)
        assert offered(made(("square", "stripe"))) == ["stripe", "square"]

    @pytest.mark.parametrize(
        ("allowed", "said"),
        [
            (("bank",), "Known ways to pay are"),
            (("manual",), "cannot be offered"),
        ],
    )
    def test_refuses_what_is_no_page_to_pay_on(
        self, allowed: tuple[str, ...], said: str
    ) -> None:
        with pytest.raises(LinkError, match=said) as caught:
            made(allowed)

        assert caught.value.field == "providers"
        assert not PaymentLink.objects.exists()

    def test_refuses_one_that_is_not_set_up(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(accounts, "configured", lambda *_: {"training": "test"})

        with pytest.raises(LinkError, match="Stripe cannot be offered"):
            made(("training", "stripe"))

    @pytest.mark.parametrize(
        ("allowed", "currency", "minor", "said"),
        [
            (("stripe",), "EUR", 49, "Stripe: it takes no less than €0.50"),
            (("square",), "CHF", 1250, "Square: it does not take CHF"),
            (("paypal", "square"), "HUF", 1250, "PayPal: it takes steps of"),
        ],
    )
    def test_refuses_a_link_that_nobody_could_pay_and_says_why(
        self, allowed: tuple[str, ...], currency: str, minor: int, said: str
    ) -> None:
        with pytest.raises(LinkError, match=said):
            made(allowed, currency=currency, amount_minor=minor)
        # One of them is enough: the control.
        made((*allowed, "training"), currency=currency, amount_minor=minor)

    def test_all_of_them_may_be_none_that_takes_it(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(accounts, "configured", lambda *_: {"square": "test"})

        with pytest.raises(LinkError, match="Nobody could pay this link"):
            made(currency="CHF")

    def test_a_shop_that_takes_cash_alone_is_refused_nothing(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(accounts, "configured", lambda *_: {"manual": "live"})

        made(currency="CHF")

    def test_one_that_is_switched_off_does_not_count(self) -> None:
        ProviderAccount.objects.create(slug="square", mode="test", is_enabled=False)

        with pytest.raises(LinkError, match="Square: it is switched off"):
            made(("square",))

    def test_costs_one_query(self) -> None:
        with CaptureQueriesContext(connection) as asked:
            offers.check(("stripe",), Money(1250, "EUR"))

        assert len(asked) == 1


class TestCreateScreen:
    def test_all_are_ticked_at_first(self, staff: Client) -> None:
        page = staff.get(ADD).content.decode()

        for slug in MODES:
            assert f'name="providers" value="{slug}" checked' in page

    def test_all_ticked_is_all_also_those_to_come(self, staff: Client) -> None:
        staff.post(ADD, filled(providers_shown=SHOWN, providers=list(MODES)))

        assert PaymentLink.objects.get().allowed_providers == []

    def test_offers_only_what_is_ticked(self, staff: Client) -> None:
        staff.post(ADD, filled(providers_shown=SHOWN, providers=["stripe", "square"]))

        link = PaymentLink.objects.get()
        assert link.allowed_providers == ["stripe", "square"]
        page = staff.get(f"/admin/links/paymentlink/{link.pk}/change/").content.decode()
        assert "Stripe, Square" in page

    def test_nothing_ticked_is_refused_and_stays_so(self, staff: Client) -> None:
        answer = staff.post(ADD, filled(providers_shown=SHOWN))

        assert errors_of(answer)["providers"] == "Tick at least one way to pay."
        assert not PaymentLink.objects.exists()
        page = answer.content.decode()
        assert 'name="providers" value="stripe" checked' not in page

    def test_a_refusal_says_why_beside_the_boxes(self, staff: Client) -> None:
        answer = staff.post(
            ADD,
            filled(
                providers_shown=SHOWN, providers=["stripe"], line_unit_amount=["0.49"]
            ),
        )

        said = errors_of(answer)["providers"]
        assert said == (
            "Nobody could pay this link. Stripe: it takes no less than €0.50."
        )
        page = answer.content.decode()
        assert 'name="providers" value="stripe" checked' in page
        assert 'name="providers" value="square" checked' not in page

    def test_an_unknown_box_is_not_taken_over(self, staff: Client) -> None:
        staff.post(ADD, filled(providers_shown=SHOWN, providers=["stripe", "bank"]))

        assert PaymentLink.objects.get().allowed_providers == ["stripe"]

    def test_the_preview_names_them(self, staff: Client) -> None:
        answer = staff.post(
            f"{ADD}preview/",
            filled(providers_shown=SHOWN, providers=["stripe", "square"]),
        )

        assert "choose how to pay: Stripe, Square." in answer.content.decode()

    def test_correcting_starts_with_what_the_link_had(self, staff: Client) -> None:
        link = made(("stripe",))

        path = f"/admin/links/paymentlink/{link.pk}/correct/"
        page = staff.get(path).content.decode()

        assert 'name="providers" value="stripe" checked' in page
        assert 'name="providers" value="square" checked' not in page


class TestEdit:
    def post(self, staff: Client, link: PaymentLink, **changes: Any) -> Any:
        form = {
            "due_on": "",
            "expires_at": "",
            "note": "",
            "version": link.version,
            "providers_shown": SHOWN,
            **changes,
        }
        return staff.post(f"/admin/links/paymentlink/{link.pk}/edit/", form)

    def test_changes_them(self, staff: Client) -> None:
        link = make_link()

        self.post(staff, link, providers=["paypal"])

        link.refresh_from_db()
        assert link.allowed_providers == ["paypal"]
        note = Activity.objects.get(link=link, kind="link.edited")
        assert note.detail == {"fields": ["allowed_providers"]}

    def test_an_older_form_leaves_them(self, staff: Client) -> None:
        link = made(("stripe",))

        self.post(staff, link, providers_shown="", note="Hello")

        link.refresh_from_db()
        assert (link.allowed_providers, link.note) == (["stripe"], "Hello")

    def test_none_at_all_is_refused(self, staff: Client) -> None:
        link = make_link()

        answer = self.post(staff, link)

        assert answer.status_code == 422
        assert "Tick at least one way to pay." in answer.content.decode()
        link.refresh_from_db()
        assert link.allowed_providers == []

    def test_two_people_are_shown_what_differs(self, staff: Client) -> None:
        link = make_link()
        stale = link.version
        edited(link, "square")

        answer = self.post(staff, link, version=stale, providers=["paypal"])

        assert answer.status_code == 409
        page = answer.content.decode()
        assert "Ways to pay" in page
        assert "PayPal" in page
        link.refresh_from_db()
        assert link.allowed_providers == ["square"]


class TestOpenCheckout:
    """One is open at the rehearsal provider when the link is edited."""

    @pytest.fixture
    def link(self) -> PaymentLink:
        link = make_link()
        checkouts.start(link.pk, "training")
        assert Checkout.objects.get().state == CheckoutState.OPEN
        return link

    def test_is_ordered_closed_when_its_provider_goes(
        self, link: PaymentLink, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        woken: list[tuple[object, ...]] = []
        monkeypatch.setattr(queue, "nudge", lambda *args: woken.append(args))

        edited(link, "stripe", "square")

        checkout = Checkout.objects.get()
        assert checkout.close_ordered_at is not None
        assert woken == [("links.tasks.close_checkout", checkout.pk)]
        checkouts.settle(checkout.pk)
        checkout.refresh_from_db()
        assert checkout.state == CheckoutState.EXPIRED
        with pytest.raises(checkouts.CheckoutRefused):
            checkouts.start(link.pk, "training")

    def test_stays_when_its_provider_stays(self, link: PaymentLink) -> None:
        edited(link, "training", "square")

        assert Checkout.objects.get().close_ordered_at is None

    def test_stays_when_all_are_offered_again(self, link: PaymentLink) -> None:
        edited(link, "training")
        edited(link)

        assert Checkout.objects.get().close_ordered_at is None

    def test_stays_when_the_edit_is_refused(self, link: PaymentLink) -> None:
        with pytest.raises(LinkError):
            edited(link, "bank")
        with pytest.raises(LinkConflict):
            edited(link, "stripe", version=99)

        assert Checkout.objects.get().close_ordered_at is None

    def test_the_link_is_locked_before_the_checkout(self, link: PaymentLink) -> None:
        with CaptureQueriesContext(connection) as asked:
            edited(link, "stripe")

        touched = [
            table
            for query in asked
            for table in ("links_paymentlink", "links_checkout")
            if f'FROM "{table}"' in query["sql"] or f'UPDATE "{table}"' in query["sql"]
        ]
        assert touched[0] == "links_paymentlink"
        assert "links_checkout" in touched
