from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from conftest import FrozenClock
from merchant_portal.audit.models import AuditEntry
from merchant_portal.business.models import Business
from merchant_portal.lib.actors import Actor

from ..models import ContactPoint, Customer
from ..services import customers
from ..services.customers import CustomerData, CustomerError
from .factories import make_customer

pytestmark = pytest.mark.django_db
ACTOR = Actor("usr_1", "Olga")


def test_keeps_what_is_known_in_canonical_form(frozen: FrozenClock) -> None:
    data = CustomerData(
        name=" Nguyễn Văn A ",
        email="Ana@Example.com",
        phone="07400 123456",
        language="de",
        time_zone="Europe/London",
        country="GB",
        source="crm",
        external_ref="4711",
        tags=["vip", "vip", " "],
        note="one\r\ntwo",
    )

    customer = customers.create(data, actor=ACTOR)

    customer.refresh_from_db()
    assert customer.name == "Nguyễn Văn A"
    assert customers.email_of(customer) == "ana@example.com"
    assert customers.phone_of(customer) == "+447400123456"
    assert customer.tags == ["vip"]
    assert customer.note == "one\ntwo"
    assert customer.preferred_channel == "email"
    assert customer.created_at == frozen.at
    entry = AuditEntry.objects.get()
    assert (entry.actor, entry.action) == ("usr_1", "customer.created")
    assert entry.object_id == customer.public_id
    assert entry.details == {}


def test_prefers_the_only_channel_there_is() -> None:
    assert make_customer(phone="+14155550100").preferred_channel == "sms"
    assert make_customer().preferred_channel == "email"


@pytest.mark.parametrize(
    "name",
    ["O'Brien", "Null", "Renée", "Nguyễn", "A", "Ⲁ", "Сбербанк", "李", "👩‍👩‍👧‍👦"],
)
def test_accepts_every_name_unchanged(name: str) -> None:
    assert make_customer(name).name == name


@pytest.mark.parametrize(
    ("data", "field"),
    [
        (CustomerData(name=""), "name"),
        (CustomerData(name="\u200b\u202e"), "name"),
        (CustomerData(name="Ana\nBcc: eve@example.com"), "name"),
        (CustomerData(name="A\x00na"), "name"),
        (CustomerData(name="A\ud800"), "name"),
        (CustomerData(name="x" * 201), "name"),
        (CustomerData(name="4242 4242 4242 4242"), "name"),
        (CustomerData(name="Ana", email="ana"), "email"),
        (CustomerData(name="Ana", phone="07400 123456"), "phone"),
        (CustomerData(name="Ana", language="tlh"), "language"),
        (CustomerData(name="Ana", time_zone="Mars/Olympus"), "time_zone"),
        (CustomerData(name="Ana", country="XX"), "country"),
        (CustomerData(name="Ana", preferred_channel="pigeon"), "preferred_channel"),
        (CustomerData(name="Ana", source="x" * 41), "source"),
        (CustomerData(name="Ana", external_ref="x" * 101), "external_ref"),
        (CustomerData(name="Ana", tags=["x"] * 51), "tags"),
        (CustomerData(name="Ana", note="card 4242424242424242 12/27"), "note"),
        (CustomerData(name="Ana", note="x" * 2001), "note"),
    ],
)
def test_refusal_names_the_field_and_keeps_nothing(
    data: CustomerData, field: str
) -> None:
    with pytest.raises(CustomerError) as refused:
        customers.create(data, actor=ACTOR)

    assert refused.value.field == field
    assert str(refused.value)
    assert not Customer.objects.exists()
    assert not AuditEntry.objects.exists()


def test_same_reference_of_the_same_system_is_refused() -> None:
    data = CustomerData(name="Ana", source="crm", external_ref="1")
    customers.create(data, actor=ACTOR)

    with pytest.raises(CustomerError) as refused:
        customers.create(data, actor=ACTOR)
    customers.create(
        CustomerData(name="Ana", source="till", external_ref="1"), actor=ACTOR
    )

    assert refused.value.field == "external_ref"
    assert Customer.objects.count() == 2


def test_changes_what_differs_and_says_which_fields(frozen: FrozenClock) -> None:
    customer = make_customer("Ana", email="a@example.com", phone="+14155550100")
    frozen.move(hours=1)

    changed = customers.update(
        customer,
        CustomerData(name="Anna", email="b@example.com", preferred_channel="email"),
        actor=ACTOR,
    )

    assert changed.name == "Anna"
    assert changed.updated_at - changed.created_at == timedelta(hours=1)
    assert [point.value for point in ContactPoint.objects.all()] == ["b@example.com"]
    assert list(customers.search("a@example.com")) == []
    assert list(customers.search("anna")) == [changed]
    entry = AuditEntry.objects.latest("pk")
    assert entry.action == "customer.changed"
    assert entry.details == {"fields": ["email", "name", "phone"]}


def test_saving_the_same_again_writes_nothing(frozen: FrozenClock) -> None:
    customer = make_customer("Ana", email="a@example.com")
    frozen.move(hours=1)

    data = CustomerData(name="Ana", email="A@example.com")
    customers.update(customer, data, actor=ACTOR)

    customer.refresh_from_db()
    assert customer.updated_at == customer.created_at
    assert AuditEntry.objects.count() == 1


def test_refused_change_leaves_everything_as_it_was() -> None:
    make_customer("Ben", external_ref="1")
    customer = make_customer("Ana", email="a@example.com", external_ref="2")

    with pytest.raises(CustomerError) as refused:
        customers.update(
            customer,
            CustomerData(name="Eve", email="e@example.com", external_ref="1"),
            actor=ACTOR,
        )

    assert refused.value.field == "external_ref"
    customer.refresh_from_db()
    assert customer.name == "Ana"
    assert customers.email_of(customer) == "a@example.com"


@pytest.mark.parametrize(
    "query",
    [
        "RENÉE",
        "renee",
        "müller renée",
        "MÜLLER",
        "muller",
        "renee@example",
        "+1 415 555 0100",
        "(415) 555-0100",
        "04155550100",
        "kd-77",
        "großkunde",
        "GROSSKUNDE",
        "ren\x00",
        "",
    ],
)
def test_finds_by_every_word_whatever_the_case(query: str) -> None:
    wanted = make_customer(
        "Renée Müller",
        email="renee@example.com",
        phone="+14155550100",
        external_ref="KD-77",
        tags=("Großkunde",),
    )
    assert wanted in customers.search(query)


@pytest.mark.parametrize("query", ["renée schmidt", "%", "_", "\\", "0100200", "'"])
def test_does_not_find_what_is_not_there(query: str) -> None:
    make_customer("Renée Müller", phone="+14155550100")

    assert list(customers.search(query)) == []


def test_newest_is_found_first() -> None:
    first, second = make_customer("Ana A"), make_customer("Ana B")

    assert list(customers.search("ana")) == [second, first]


def test_speaks_the_customers_language_or_the_business_one() -> None:
    Business.objects.create(pk=1, language="fr", time_zone="Europe/Paris")
    own = make_customer(language="de", time_zone="Asia/Tokyo")

    assert customers.language_of(own) == "de"
    assert customers.zone_of(own) == ZoneInfo("Asia/Tokyo")
    assert customers.language_of(make_customer()) == "fr"
    assert customers.zone_of(None) == ZoneInfo("Europe/Paris")
