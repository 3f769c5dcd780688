"""Adding, changing and finding customers, and how to speak to them."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from zoneinfo import ZoneInfo

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from merchant_portal.audit import services as audit
from merchant_portal.business import choices
from merchant_portal.business.models import Business
from merchant_portal.lib import clock, text
from merchant_portal.lib.actors import Actor

from ..models import ContactKind, ContactPoint, Customer, PreferredChannel
from . import contacts

MAX_TAGS = 50
MAX_SEARCH = 200
# characters looked at; longer queries are cut
_PHONE_CHARACTERS = set("0123456789+-()./ ")
_LONG_RUN = re.compile("[0-9]{13,}")


class CustomerError(ValueError):
    """What is said of a customer cannot be kept; `field` names the culprit."""

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True, slots=True)
class CustomerData:
    """What is known of a customer; empty where it is not.

    `country` ISO 3166-1; it also reads a phone number without country code.
    `preferred_channel`: empty takes the one that has an address.
    """

    name: str
    email: str = ""
    phone: str = ""
    language: str = ""
    time_zone: str = ""
    country: str = ""
    preferred_channel: str = ""
    source: str = ""
    external_ref: str = ""
    tags: Sequence[str] = ()
    note: str = ""
    address: str = ""
    tax_id: str = ""


def create(data: CustomerData, *, actor: Actor) -> Customer:
    """Add a customer with their addresses; CustomerError names what is wrong.

    A known pair of source and reference is refused, `field="external_ref"`.
    """
    fields, addresses = checked(data)
    now = clock.now()
    customer = Customer(
        **fields,
        search_text=search_text(fields, addresses),
        is_sample=Business.objects.current().is_sample,
        created_by_id=actor.user_pk,
        created_at=now,
        updated_at=now,
    )
    with transaction.atomic():
        _save(customer)
        ContactPoint.objects.bulk_create(
            ContactPoint(customer=customer, kind=kind, value=value, created_at=now)
            for kind, value in addresses.items()
            if value
        )
        audit.record(actor.id, "customer.created", customer.public_id)
    return customer


def update(customer: Customer, data: CustomerData, *, actor: Actor) -> Customer:
    """Make the customer say what `data` says, all of it."""
    fields, addresses = checked(data)
    with transaction.atomic():
        locked = Customer.objects.select_for_update().get(pk=customer.pk)
        changed = [name for name in fields if getattr(locked, name) != fields[name]]
        for name in changed:
            setattr(locked, name, fields[name])
        changed += [
            kind for kind, value in addresses.items() if _point(locked, kind, value)
        ]
        if not changed:
            return locked
        locked.search_text = search_text(fields, addresses)
        locked.updated_at = clock.now()
        _save(locked)
        audit.record(
            actor.id, "customer.changed", locked.public_id, fields=sorted(changed)
        )
    return locked


def search_names(query: str) -> QuerySet[Customer]:
    """As `search`, for who may not find out addresses by trying: by names alone."""
    named = Q()
    for word in _fold(query[:MAX_SEARCH]).split():
        named &= Q(name__icontains=word)
    return search(query).filter(named)


def search(query: str) -> QuerySet[Customer]:
    """Customers whose name, address, number, reference or tags hold every word.

    Newest first. Both sides are case-folded, so both engines find the same; accents
    may be left out.
    """
    folded = _fold(query[:MAX_SEARCH])
    words = Q()
    for word in folded.split():
        words &= Q(search_text__contains=word)
    digits = "".join(character for character in folded if character.isdigit())
    if len(digits) >= 5 and set(folded) <= _PHONE_CHARACTERS:
        words |= Q(search_text__contains=digits.lstrip("0"))
    return Customer.objects.filter(words).order_by("-pk")


def email_of(customer: Customer) -> str:
    """Their e-mail address, or empty. Reads prefetched contact points where there."""
    return _primary(customer, ContactKind.EMAIL)


def phone_of(customer: Customer) -> str:
    """Their phone number in E.164, or empty."""
    return _primary(customer, ContactKind.PHONE)


def language_of(customer: Customer | None, business: Business | None = None) -> str:
    """Their language, or the business's; pass it where many are asked about."""
    if customer is not None and customer.language:
        return customer.language
    return (business or Business.objects.current()).language


def zone_of(customer: Customer | None, business: Business | None = None) -> ZoneInfo:
    """Their time zone, or the business's; pass it where many are asked about."""
    if customer is not None and customer.time_zone:
        return ZoneInfo(customer.time_zone)
    return ZoneInfo((business or Business.objects.current()).time_zone)


def checked(data: CustomerData) -> tuple[dict[str, object], dict[ContactKind, str]]:
    """The columns and the addresses in canonical form, or the first CustomerError."""
    name = _line("name", data.name, 200)
    if not name:
        raise CustomerError(_("Write the customer's name."), "name")
    if data.language and not choices.is_language(data.language):
        raise CustomerError(_("Choose a language."), "language")
    if data.time_zone and not choices.is_time_zone(data.time_zone):
        raise CustomerError(_("Choose a time zone."), "time_zone")
    if data.country and not choices.is_country(data.country):
        raise CustomerError(_("Choose a country."), "country")
    addresses = {
        ContactKind.EMAIL: _address("email", data.email),
        ContactKind.PHONE: _address("phone", data.phone, data.country),
    }
    return {
        "name": name,
        "language": data.language,
        "time_zone": data.time_zone,
        "country": data.country,
        "preferred_channel": _channel(data, addresses),
        "source": _line("source", data.source, 40, is_reference=True),
        "external_ref": _line(
            "external_ref", data.external_ref, 100, is_reference=True
        ),
        "tags": _tags(data.tags),
        "note": _block("note", data.note, 2000, 4000),
        "address": _block("address", data.address, 500, 500),
        "tax_id": _line("tax_id", data.tax_id, 40, is_reference=True),
    }, addresses


def problems(data: CustomerData) -> list[CustomerError]:
    """Everything that is wrong with what `data` says, each field once.

    Asks anew without each wrong field, so that none stays unsaid.
    """
    found: list[CustomerError] = []
    while True:
        try:
            checked(data)
        except CustomerError as exc:
            found.append(exc)
            if exc.field not in _STAND_INS:
                return found
            data = replace(data, **{exc.field: _STAND_INS[exc.field]})
        else:
            return found


_STAND_INS: dict[str, Any] = {
    "name": "-",
    "email": "",
    "phone": "",
    "preferred_channel": "",
    "language": "",
    "time_zone": "",
    "country": "",
    "source": "",
    "external_ref": "",
    "tags": (),
    "note": "",
    "address": "",
    "tax_id": "",
}
# What stands in for a wrong value while the others are looked at.


def _channel(data: CustomerData, addresses: dict[ContactKind, str]) -> str:
    if not data.preferred_channel:
        is_phone_only = (
            addresses[ContactKind.PHONE] and not addresses[ContactKind.EMAIL]
        )
        return PreferredChannel.SMS if is_phone_only else PreferredChannel.EMAIL
    if data.preferred_channel not in PreferredChannel.values:
        raise CustomerError(_("Choose e-mail, SMS or WhatsApp."), "preferred_channel")
    return data.preferred_channel


def _line(
    field: str, value: str, max_graphemes: int, *, is_reference: bool = False
) -> str:
    """`is_reference`: an id of another system, where one run of digits means nothing.

    Digits in groups, as on a card, are no id.
    """
    try:
        line = text.clean_line(
            value, max_graphemes, max_length=max_graphemes if is_reference else None
        )
    except text.TextError as exc:
        raise CustomerError(str(exc), field) from exc
    _refuse_card_number(field, _LONG_RUN.sub("", line) if is_reference else line)
    return line


def _block(field: str, value: str, max_graphemes: int, max_length: int) -> str:
    try:
        block = text.clean_block(value, max_graphemes, max_length=max_length)
    except text.TextError as exc:
        raise CustomerError(str(exc), field) from exc
    _refuse_card_number(field, block)
    return block


def _tags(values: Sequence[str]) -> list[str]:
    if len(values) > MAX_TAGS:
        raise CustomerError(_("These are too many tags."), "tags")
    cleaned = (_line("tags", value, 40) for value in values)
    return list(dict.fromkeys(tag for tag in cleaned if tag))


def _refuse_card_number(field: str, value: str) -> None:
    if text.looks_like_card_number(value):
        raise CustomerError(
            _("This looks like a card number. Card numbers must not be kept here."),
            field,
        )


def _address(field: str, value: str, country: str = "") -> str:
    if not value.strip():
        return ""
    try:
        if field == "email":
            return contacts.parse_email(value)
        return contacts.parse_phone(value, country)
    except contacts.ContactError as exc:
        raise CustomerError(str(exc), field) from exc


def _save(customer: Customer) -> None:
    try:
        with transaction.atomic():
            customer.save()
    except IntegrityError as exc:
        raise CustomerError(
            _("A customer with this reference of this system is known already."),
            "external_ref",
        ) from exc


def _point(customer: Customer, kind: ContactKind, value: str) -> bool:
    """Make `value` the primary address of its kind; False when it is so already.

    The old one goes: what was agreed for it does not hold for the new one.
    """
    points = ContactPoint.objects.filter(customer=customer, kind=kind)
    if value and points.filter(value=value, is_primary=True).exists():
        return False
    removed, _each = points.filter(is_primary=True).delete()
    if not value:
        return removed > 0
    if not points.filter(value=value).update(is_primary=True):
        ContactPoint.objects.create(
            customer=customer, kind=kind, value=value, created_at=clock.now()
        )
    return True


def _primary(customer: Customer, kind: ContactKind) -> str:
    for point in customer.contact_points.all():
        if point.kind == kind and point.is_primary:
            return point.value
    return ""


def search_text(
    fields: Mapping[str, object], addresses: Mapping[ContactKind, str]
) -> str:
    """What `search` looks through for one customer."""
    tags = fields["tags"]
    name = _fold(str(fields["name"]))
    parts = [
        name,
        _without_accents(name),
        addresses[ContactKind.EMAIL],
        addresses[ContactKind.PHONE],
        _fold(str(fields["external_ref"])),
        *(_fold(str(tag)) for tag in (tags if isinstance(tags, list) else [])),
    ]
    return "\n".join(dict.fromkeys(part for part in parts if part))


def _fold(value: str) -> str:
    """Case-folded and composed; what a database cannot store becomes a space."""
    folded = unicodedata.normalize("NFKC", value).casefold()
    return "".join(
        " " if unicodedata.category(character) in {"Cc", "Cs"} else character
        for character in unicodedata.normalize("NFC", folded)
    )


def _without_accents(value: str) -> str:
    split = unicodedata.normalize("NFD", value)
    return "".join(c for c in split if unicodedata.category(c) != "Mn")
