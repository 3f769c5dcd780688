import pytest
from django.http import HttpRequest
from django.test import Client
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from pytest_django import DjangoAssertNumQueries
from pytest_django.fixtures import Settings

from merchant_portal.staff.roles import Role
from merchant_portal.staff.tests.factories import make_user

from ..admin import panels
from ..models import Customer
from ..services import customers
from .factories import make_customer

pytestmark = pytest.mark.django_db
LIST = reverse("admin:customers_customer_changelist")
ADD = reverse("admin:customers_customer_add")
FORM = {
    "name": "Ana Silva",
    "email": "Ana@Example.com",
    "phone": "",
    "preferred_channel": "email",
    "language": "de",
    "time_zone": "Europe/Berlin",
    "country": "DE",
    "source": "",
    "external_ref": "",
    "tags": "vip, late",
    "note": "",
}


@pytest.fixture(autouse=True)
def _without_second_factor(settings: Settings) -> None:
    settings.STAFF_MFA_REQUIRED = False


@pytest.fixture
def owner(client: Client) -> Client:
    client.force_login(make_user(Role.OWNER))
    return client


def test_adds_a_customer_on_one_form(owner: Client) -> None:
    papers = {"address": "Rua 1\r\nLisboa", "tax_id": "PT 123"}

    answer = owner.post(ADD, {**FORM, **papers})

    assert answer.status_code == 302
    customer = Customer.objects.get()
    assert (customer.address, customer.tax_id) == ("Rua 1\nLisboa", "PT 123")
    assert customer.name == "Ana Silva"
    assert customers.email_of(customer) == "ana@example.com"
    assert customer.tags == ["vip", "late"]


def test_changes_a_customer(owner: Client) -> None:
    customer = make_customer("Ana", email="old@example.com", phone="+14155550100")
    url = reverse("admin:customers_customer_change", args=[customer.pk])

    page = owner.get(url)
    answer = owner.post(url, FORM)

    assert b"old@example.com" in page.content
    assert b"+14155550100" in page.content
    assert answer.status_code == 302
    changed = Customer.objects.get()
    assert changed.name == "Ana Silva"
    assert customers.email_of(changed) == "ana@example.com"
    assert customers.phone_of(changed) == ""


def test_names_every_wrong_field_and_loses_nothing_typed(owner: Client) -> None:
    make_customer(external_ref="7")
    wrong = {
        **FORM,
        "name": "4242 4242 4242 4242",
        "email": "ana@localhost",
        "phone": "call me",
        "external_ref": "7",
        "note": "keep this",
    }

    answer = owner.post(ADD, wrong)

    assert answer.status_code == 200
    errors = answer.context["adminform"].form.errors
    assert set(errors) == {"name", "email", "phone", "external_ref"}
    for typed in ("ana@localhost", "call me", "keep this", "vip, late"):
        assert typed in answer.content.decode()
    assert Customer.objects.count() == 1


def test_warns_of_a_name_that_mixes_alphabets(owner: Client) -> None:
    answer = owner.post(ADD, {**FORM, "name": "P\u0430ypal"}, follow=True)

    assert "mixes letters" in answer.content.decode()
    assert Customer.objects.count() == 1


def test_finds_in_the_list_and_escapes(owner: Client) -> None:
    make_customer("Renée <script>", email="r@example.com")
    make_customer("Ben")

    page = owner.get(LIST, {"q": "RENEE"}).content.decode()

    assert "Renée &lt;script&gt;" in page
    assert "Ben" not in page
    assert "r@example.com" in page


def test_says_what_to_do_when_nobody_is_there(owner: Client) -> None:
    assert "No customers yet" in owner.get(LIST).content.decode()
    assert "Nobody is found" in owner.get(LIST, {"q": "x"}).content.decode()


def test_list_asks_the_same_number_of_queries_for_one_and_for_many(
    owner: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    make_customer(email="a@example.com")
    owner.get(LIST)
    # also session, person, business, accounts; and the business once a second
    with django_assert_num_queries(7):
        owner.get(LIST)

    for number in range(40):
        make_customer(f"Customer {number}", email=f"c{number}@example.com")
    with django_assert_num_queries(7):
        owner.get(LIST)


def test_reader_sees_but_cannot_change(client: Client) -> None:
    customer = make_customer()
    client.force_login(make_user(Role.AUDITOR))
    url = reverse("admin:customers_customer_change", args=[customer.pk])

    assert client.get(LIST).status_code == 200
    assert client.get(url).status_code == 200
    assert client.post(url, FORM).status_code == 403
    assert client.get(ADD).status_code == 403
    assert Customer.objects.get().name == "Ana Silva"
    assert not Customer.objects.filter(language="de").exists()


def test_nobody_deletes(owner: Client) -> None:
    customer = make_customer()
    url = reverse("admin:customers_customer_delete", args=[customer.pk])

    assert owner.post(url, {"post": "yes"}).status_code == 403
    assert Customer.objects.exists()


def test_shows_what_other_apps_hang_in(
    owner: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def panel(_request: HttpRequest, customer: Customer) -> SafeString:
        return format_html("<p>links of {}</p>", customer.name)

    monkeypatch.setattr(panels, "_panels", [])
    panels.register(panel)
    customer = make_customer()

    page = owner.get(reverse("admin:customers_customer_change", args=[customer.pk]))

    assert "<p>links of Ana Silva</p>" in page.content.decode()
