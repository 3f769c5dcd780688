import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from pytest_django.fixtures import Settings

from merchant_portal.audit.models import AuditEntry
from merchant_portal.business import services as business_services
from merchant_portal.business.models import Business

from ..roles import Role
from .factories import make_user

pytestmark = pytest.mark.django_db
LIST = reverse("admin:business_business_changelist")
CHANGE = reverse("admin:business_business_change", args=[1])
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + b"\x00" * 20
FORM = {
    "name": "Bäckerei Süß",
    "legal_name": "",
    "address": "Weg 1\nBerlin",
    "tax_id": "",
    "email": "",
    "phone": "",
    "website": "https://shop.example",
    "country": "DE",
    "currency": "EUR",
    "language": "de",
    "time_zone": "Europe/Berlin",
    "undo_seconds": "10",
    "daily_email_limit": "",
    "daily_sms_limit": "",
    "brand_color": "#123456",
}


@pytest.fixture(autouse=True)
def _without_second_factor(settings: Settings) -> None:
    settings.STAFF_MFA_REQUIRED = False


@pytest.fixture
def owner(client: Client) -> Client:
    client.force_login(make_user(Role.OWNER))
    return client


def test_list_opens_the_one_form(owner: Client) -> None:
    answer = owner.get(LIST)

    assert answer.status_code == 302
    assert answer["Location"] == CHANGE
    assert owner.get(CHANGE).status_code == 200


def test_owner_changes_profile_and_logo(owner: Client) -> None:
    Business.objects.current()
    upload = SimpleUploadedFile("logo.exe", PNG)

    answer = owner.post(CHANGE, {**FORM, "new_logo": upload})

    assert answer.status_code == 302
    business = Business.objects.current()
    assert (business.name, business.currency) == ("Bäckerei Süß", "EUR")
    assert owner.get(business_services.logo_url(business)).content == PNG
    assert AuditEntry.objects.count() == 2

    owner.post(CHANGE, {**FORM, "remove_logo": "on"})
    assert business_services.logo_url(Business.objects.current()) == ""


def test_wrong_values_are_named_and_nothing_is_kept(owner: Client) -> None:
    Business.objects.current()
    wrong = {
        **FORM,
        "currency": "BTC",
        "website": "javascript:alert(1)",
        "new_logo": SimpleUploadedFile("logo.png", b"<svg/>"),
    }

    answer = owner.post(CHANGE, wrong)

    assert answer.status_code == 200
    errors = answer.context["adminform"].form.errors
    assert set(errors) == {"currency", "website", "new_logo"}
    assert Business.objects.current().name == "My shop"


@pytest.mark.parametrize("role", [Role.MANAGER, Role.AGENT, Role.FINANCE, Role.AUDITOR])
def test_others_do_not_change_the_business(client: Client, role: Role) -> None:
    Business.objects.current()
    client.force_login(make_user(role))

    assert client.post(CHANGE, FORM).status_code == 403
    assert Business.objects.current().name == "My shop"


def test_nobody_adds_or_deletes_a_business(owner: Client) -> None:
    Business.objects.current()
    delete = reverse("admin:business_business_delete", args=[1])

    assert owner.get(reverse("admin:business_business_add")).status_code == 403
    assert owner.post(delete, {"post": "yes"}).status_code == 403
    assert Business.objects.exists()


def test_an_account_is_kept_as_banks_write_it(owner: Client) -> None:
    Business.objects.current()
    typed = {"iban": "de89 3704 0044 0532 0130 00", "bic": "cobadeff xxx"}

    answer = owner.post(CHANGE, {**FORM, **typed, "imprint": "Weg 1\r\nBerlin"})

    assert answer.status_code == 302
    business = Business.objects.current()
    assert business.iban == "DE89370400440532013000"
    assert business.bic == "COBADEFFXXX"
    assert business.imprint == "Weg 1\nBerlin"
    assert business.untaxed_category == "Z"


def test_a_slip_in_an_account_number_is_said_and_what_was_typed_stays(
    owner: Client,
) -> None:
    Business.objects.current()
    slip = {"iban": "DE89370400440532013001", "bic": "COBA", "terms_url": "x:y"}

    answer = owner.post(CHANGE, {**FORM, **slip})

    assert set(answer.context["adminform"].form.errors) == set(slip)
    assert "DE89370400440532013001" in answer.content.decode()
    assert Business.objects.current().iban == ""


@pytest.mark.parametrize(
    ("typed", "missing"),
    [
        ({}, ["tax number"]),
        ({"tax_id": "DE1", "address": ""}, ["address"]),
        ({"tax_id": "DE1", "untaxed_category": "E"}, ["reason for no tax"]),
        ({"tax_id": "DE1"}, []),
    ],
)
def test_an_e_invoice_says_what_it_needs(
    owner: Client, typed: dict[str, str], missing: list[str]
) -> None:
    Business.objects.current()

    answer = owner.post(CHANGE, {**FORM, **typed, "factur_x": "on"})

    assert Business.objects.current().factur_x is not bool(missing)
    text = answer.content.decode()
    assert [name for name in missing if f"Fill in: {name}." not in text] == []
