import pytest
from django.test import Client

from merchant_portal.audit.models import AuditEntry
from merchant_portal.lib.actors import Actor

from .. import services as business_services
from ..models import Business
from ..services import BusinessError

pytestmark = pytest.mark.django_db
ACTOR = Actor("usr_1")
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + b"\x00" * 20
JPEG = b"\xff\xd8\xff\xe0" + b"\x00" * 20
WEBP = b"RIFF\x10\x00\x00\x00WEBPVP8 " + b"\x00" * 20


def test_keeps_what_changed_and_says_which_fields() -> None:
    business = business_services.update(
        {"name": " Bäckerei Süß ", "currency": "EUR", "language": "en"}, actor=ACTOR
    )

    business.refresh_from_db()
    assert (business.name, business.currency) == ("Bäckerei Süß", "EUR")
    entry = AuditEntry.objects.get()
    assert entry.action == "business.changed"
    assert entry.details == {"fields": ["currency", "name"]}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", " "),
        ("name", "Shop\nBcc: eve@example.com"),
        ("name", "x" * 201),
        ("address", "x" * 501),
        ("country", "XX"),
        ("currency", "BTC"),
        ("currency", "usd"),
        ("language", "tlh"),
        ("time_zone", "Mars/Olympus"),
        ("email", "nobody"),
        ("website", "javascript:alert(1)"),
    ],
)
def test_wrong_value_is_refused_by_name(field: str, value: str) -> None:
    with pytest.raises(BusinessError) as refused:
        business_services.update({field: value, "tax_id": "1"}, actor=ACTOR)

    assert refused.value.field == field
    assert not Business.objects.filter(tax_id="1").exists()
    assert not AuditEntry.objects.exists()


@pytest.mark.parametrize(
    ("data", "kind"), [(PNG, "png"), (JPEG, "jpeg"), (WEBP, "webp")]
)
def test_serves_the_logo_for_ever_as_what_it_is(
    client: Client, data: bytes, kind: str
) -> None:
    business = business_services.set_logo(data, actor=ACTOR)

    url = business_services.logo_url(business)
    answer = client.get(url)

    assert url.startswith("/brand/")
    assert url.endswith(f".{kind}")
    assert answer.content == data
    assert answer["Content-Type"] == f"image/{kind}"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert "immutable" in answer["Cache-Control"]


@pytest.mark.parametrize(
    "data",
    [
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"GIF89a" + b"\x00" * 20,
        b"\x89PNG",
        b"<html>",
        PNG + b"\x00" * 200_000,
    ],
)
def test_logo_of_another_kind_or_size_is_refused(data: bytes) -> None:
    with pytest.raises(BusinessError) as refused:
        business_services.set_logo(data, actor=ACTOR)

    assert refused.value.field == "logo"
    assert not Business.objects.exclude(logo_sha256="").exists()


def test_old_and_foreign_logo_addresses_are_unknown(client: Client) -> None:
    old = business_services.logo_url(business_services.set_logo(PNG, actor=ACTOR))
    business_services.set_logo(b"", actor=ACTOR)

    assert client.get(old).status_code == 404
    assert client.get("/brand/0000000000000000.png").status_code == 404
    assert client.get("/brand/0000000000000000.svg").status_code == 404
    assert business_services.logo_url(Business.objects.current()) == ""


def test_asking_for_the_business_leaves_the_logo_where_it_is() -> None:
    business_services.set_logo(PNG, actor=ACTOR)

    assert "logo" in Business.objects.current().get_deferred_fields()
