"""The page where a payer chooses: shown without script, kept when refused, never trusted."""

import re
from typing import Any

import pytest
from django.test import Client

from links.models import AmountKind, LinkStatus, PaymentLink
from links.pay import responses
from links.providers.base import ProviderUnavailable
from links.providers.training import TrainingProvider
from links.services import links, pages, payments
from links.services.amounts import LineData
from links.services.terms import Terms
from merchant_portal.lib.actors import SYSTEM

from .factories import make_customer, make_link, make_seen

pytestmark = pytest.mark.django_db
K = AmountKind
GIFT = (LineData("A gift", 0),)


@pytest.fixture(autouse=True)
def _limits() -> None:
    responses.reads.clear()


def path_of(link: PaymentLink) -> str:
    return f"/p/{pages.token_of(link)}/"


def press(client: Client, link: PaymentLink, **typed: str) -> Any:
    return client.post(f"{path_of(link)}pay/training/", typed)


def gift(**terms: Any) -> PaymentLink:
    return make_link(lines=GIFT, terms=Terms(kind=K.CHOSEN, **terms))


def tickets() -> PaymentLink:
    line = LineData("Ticket", 1000, 2000, quantity_min=1, quantity_max=5)
    return make_link(lines=(line,), terms=Terms(kind=K.QUANTITY))


@pytest.mark.parametrize("typed", ["25.50", "25,50", " 25.50 ", "25,5", "0025.50"])
def test_takes_an_amount_as_people_write_it(client: Client, typed: str) -> None:
    link = gift(minimum_minor=500)

    assert press(client, link, own_amount=typed).status_code == 303

    assert link.checkouts.get().amount_minor == 2550


@pytest.mark.parametrize(
    "typed", ["", "1,000.00", "1.000,00", "ten", "-5", "1e3", "٢٥", "25.505", "9" * 99]
)
def test_an_amount_that_cannot_be_read_is_shown_again(
    client: Client, typed: str
) -> None:
    link = gift(minimum_minor=500)

    answer = press(client, link, own_amount=typed)

    assert answer.status_code == 422
    html = answer.content.decode()
    assert 'role="alert"' in html
    assert f'value="{typed[:40]}"' in html
    assert not link.checkouts.exists()


def test_suggested_amounts_are_the_merchants_whatever_is_posted(client: Client) -> None:
    link = gift(presets_minor=(1000, 2500))

    assert "€25.00" in client.get(path_of(link)).content.decode()
    assert press(client, link, amount="preset-1").status_code == 303
    assert link.checkouts.get().amount_minor == 2500
    assert press(client, link, amount="preset-9").status_code == 422
    assert press(client, link, amount="preset-1", currency="USD").status_code == 303


def test_a_page_says_within_which_bounds(client: Client) -> None:
    html = client.get(path_of(gift(minimum_minor=500, maximum_minor=9900))).content

    assert "from €5.00 to €99.00" in html.decode()


def test_the_total_of_a_quantity_is_shown_by_a_get_that_changes_nothing(
    client: Client,
) -> None:
    link = tickets()

    first = client.get(path_of(link)).content.decode()
    asked = client.get(path_of(link), {"quantity-0": "5"}).content.decode()
    wrong = client.get(path_of(link), {"quantity-0": "6"}).content.decode()

    assert '<p class="sum">€20.00</p>' in first
    assert '<p class="sum">€50.00</p>' in asked
    assert 'value="5"' in asked
    assert "Choose between 1 and 5." in wrong
    assert not link.checkouts.exists()
    assert press(client, link, **{"quantity-0": "5"}).status_code == 303
    assert link.checkouts.get().amount_minor == 5000


@pytest.mark.parametrize("typed", ["x", "1.5", "-1", "²", "12345678"])
def test_a_quantity_that_is_no_number_is_refused(client: Client, typed: str) -> None:
    answer = press(client, tickets(), **{"quantity-0": typed})

    assert answer.status_code == 422
    assert "aria-invalid" in answer.content.decode()


def test_parts_offer_the_whole_first(client: Client) -> None:
    link = make_link(terms=Terms(kind=K.PARTS, minimum_minor=300))

    html = client.get(path_of(link)).content.decode()
    assert re.search(r'value="whole" checked', html)
    assert "at least €3.00" in html
    assert press(client, link, amount="own", own_amount="4").status_code == 303
    assert link.checkouts.latest("pk").amount_minor == 400
    assert press(client, link, amount="whole").status_code == 303
    assert link.checkouts.latest("pk").amount_minor == 1250


def test_a_deposit_is_asked_first_and_later_the_rest(client: Client) -> None:
    link = make_link(terms=Terms(kind=K.DEPOSIT, deposit_minor=300))
    before = client.get(path_of(link)).content.decode()
    payments.record(make_seen(link, amount_minor=300))
    after = client.get(path_of(link)).content.decode()

    assert "Deposit to pay now" in before
    assert '<p class="sum">€3.00</p>' in before
    assert "Still to pay" in after
    assert "Pay €9.50" in after
    assert 'type="radio"' not in after


def test_a_tip_is_chosen_by_share_or_typed(client: Client) -> None:
    link = make_link(terms=Terms(tips_bp=(500, 1050)))

    html = client.get(path_of(link)).content.decode()
    assert 'value="0" checked' in html
    assert "10.5% (€1.31)" in html
    for typed, total in (
        ({"tip": "0"}, 1250),
        ({"tip": "bp-1050"}, 1381),
        ({"tip": "bp-9000"}, 1250),
        ({"tip": "own", "own_tip": "2"}, 1450),
        ({"tip": "own", "own_tip": ""}, 1250),
    ):
        assert press(client, link, **typed).status_code == 303
        assert link.checkouts.latest("pk").amount_minor == total
    assert press(client, link, tip="own", own_tip="99").status_code == 422


def test_what_was_typed_is_still_there_when_the_provider_does_not_answer(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def silent(*_given: object) -> None:
        raise ProviderUnavailable("no answer")

    monkeypatch.setattr(TrainingProvider, "create_checkout", silent)

    answer = press(client, gift(), own_amount="12.34")

    assert answer.status_code == 503
    assert 'value="12.34"' in answer.content.decode()


def test_what_is_typed_is_never_markup(client: Client) -> None:
    answer = press(client, gift(), own_amount='"><script>')

    assert "<script>" not in answer.content.decode()


def test_a_fixed_link_has_no_form_to_fill_in_and_takes_none(client: Client) -> None:
    link = make_link(make_customer())

    html = client.get(path_of(link), {"amount": "own", "own_amount": "1"}).content
    assert b"<input" not in html
    assert press(client, link, amount="own", own_amount="1").status_code == 303
    assert link.checkouts.get().amount_minor == 1250


def test_after_a_tip_the_page_thanks_for_all_of_it(client: Client) -> None:
    link = make_link(terms=Terms(tips_bp=(1000,)))
    press(client, link, tip="bp-1000")
    checkout = link.checkouts.get()
    payments.record(
        make_seen(link, amount_minor=1375, checkout_reference=checkout.public_id)
    )

    back = client.get(f"{path_of(link)}return/{checkout.public_id}/").content.decode()

    assert "We received €13.75." in back
    assert "We received €13.75 on" in client.get(path_of(link)).content.decode()


class TestReusable:
    def test_each_is_thanked_for_their_own_money(self, client: Client) -> None:
        link = make_link(terms=Terms(is_reusable=True))
        press(client, link)
        press(client, link)
        mine, others = link.checkouts.order_by("pk")
        payments.record(make_seen(link, checkout_reference=mine.public_id))

        back = client.get(f"{path_of(link)}return/{mine.public_id}/").content.decode()
        waits = client.get(f"{path_of(link)}return/{others.public_id}/")

        assert "We received €12.50." in back
        assert "Checking your payment" in waits.content.decode()
        assert "To pay" in client.get(path_of(link)).content.decode()

    def test_many_may_start_in_a_minute(self, client: Client) -> None:
        link = make_link(terms=Terms(is_reusable=True))

        assert {press(client, link).status_code for _one in range(15)} == {303}

    def test_used_up_it_says_so_in_the_merchants_words(self, client: Client) -> None:
        words = "The workshop is full. See you in May!"
        terms = Terms(is_reusable=True, use_limit=1, inactive_message=words)
        link = make_link(terms=terms)
        payments.record(make_seen(link))

        answer = client.get(path_of(link))

        link.refresh_from_db()
        assert (link.status, answer.status_code) == (LinkStatus.EXHAUSTED, 410)
        assert words in answer.content.decode()


def test_a_closed_link_says_the_merchants_words_and_an_open_one_does_not(
    client: Client,
) -> None:
    link = make_link(terms=Terms(inactive_message="Please ring us: 555 0100"))
    before = client.get(path_of(link)).content.decode()
    links.cancel(link, actor=SYSTEM)

    assert "555 0100" not in before
    assert "555 0100" in client.get(path_of(link)).content.decode()
