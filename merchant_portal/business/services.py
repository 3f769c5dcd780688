"""Changing what the merchant says of itself, its logo included."""

import hashlib
from collections.abc import Callable, Mapping
from datetime import datetime

from django.core.exceptions import ValidationError
from django.core.validators import EmailValidator, URLValidator
from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext as _

from merchant_portal.audit import services as audit
from merchant_portal.lib import clock, money, pictures, rows, text
from merchant_portal.lib.actors import Actor

from . import banking, choices
from .models import Business, UntaxedCategory

MAX_LOGO_BYTES = 20_000
# Shown on the pay page, which weighs less than 30 kB in all, and in every mail.


E_INVOICE_NEEDS = ("name", "address", "country", "tax_id")
# What EN 16931 wants to know of the seller.

_KEPT = rows.Kept(rows.Prepared(lambda: Business.objects.filter(pk=Business.ONLY_PK)))


def kept() -> Business:
    """The business as this process read it within the last second; not to be written
    to. One that nobody has edited yet is the default, and is not stored."""
    found = _KEPT.fetch()
    return found[0] if found else Business()


def forget() -> None:
    """Read anew in this process, which has just changed something."""
    _KEPT.forget()


class BusinessError(ValueError):
    """A value that cannot be taken; `field` names it, the message is for people."""

    def __init__(self, message: str, field: str) -> None:
        super().__init__(message)
        self.field = field


def update(values: Mapping[str, object], *, actor: Actor) -> Business:
    """Set the given fields of the business; BusinessError names the first wrong one."""
    checked = {field: check(field, value) for field, value in values.items()}
    Business.objects.current()
    with transaction.atomic():
        business = Business.objects.select_for_update().get(pk=Business.ONLY_PK)
        changed = [
            field
            for field, value in checked.items()
            if getattr(business, field) != value
        ]
        for field in changed:
            setattr(business, field, checked[field])
        if changed:
            business.full_clean(exclude={"logo"}, validate_unique=False)
            business.save(update_fields=changed)
            audit.record(
                actor.id, "business.changed", "business", fields=sorted(changed)
            )
    return business


def stop_sending(*, actor: Actor) -> bool:
    """From its commit on nothing is claimed but mails about signing in; False if it was
    stopped before. A batch at work ends within seconds."""
    return _switch_sending(clock.now(), "business.sending_stopped", actor)


def resume_sending(*, actor: Actor) -> bool:
    """What waited is due at once, as far as it is still wanted; False if nothing was
    stopped."""
    return _switch_sending(None, "business.sending_resumed", actor)


def _switch_sending(at: datetime | None, act: str, actor: Actor) -> bool:
    Business.objects.current()
    with transaction.atomic():
        moved = Business.objects.filter(
            pk=Business.ONLY_PK, sending_stopped_at__isnull=at is not None
        ).update(sending_stopped_at=at)
        if moved:
            audit.record(actor.id, act, "business")
    forget()
    return moved == 1


def check(field: str, value: object) -> object:
    """The value as it is kept, or BusinessError."""
    if not isinstance(value, str):
        return value
    try:
        kept = _clean(field, value)
    except text.TextError as exc:
        raise BusinessError(str(exc), field) from exc
    if kept and field in _ACCOUNT:
        read, problem = _ACCOUNT[field]
        kept = read(kept) or ""
        if not kept:
            raise BusinessError(_(problem), field)
    if field == "name" and not kept:
        raise BusinessError(_("Write the name of the business."), field)
    if field in _KNOWN:
        is_known, problem = _KNOWN[field]
        if not is_known(kept):
            raise BusinessError(_(problem), field)
    if kept and field in _VALIDATORS:
        try:
            _VALIDATORS[field](kept)
        except ValidationError as exc:
            raise BusinessError(exc.messages[0], field) from exc
    return kept


def lacks_for_e_invoice(said: Mapping[str, object]) -> list[str]:
    """Which fields of a business, as it is or is typed, an e-invoice still needs."""
    lacking = [name for name in E_INVOICE_NEEDS if not said.get(name)]
    is_explained = said.get("untaxed_category") == UntaxedCategory.ZERO
    if not is_explained and not said.get("untaxed_reason"):
        lacking.append("untaxed_reason")
    return lacking


def set_logo(data: bytes, *, actor: Actor) -> Business:
    """Keep a new logo; empty bytes take it away.

    PNG, JPEG or WebP by what is in the file, whatever it is called, at most
    MAX_LOGO_BYTES. Never SVG: that can carry script.
    """
    kind = image_kind(data) if data else ""
    Business.objects.current()
    with transaction.atomic():
        business = Business.objects.select_for_update().get(pk=Business.ONLY_PK)
        business.logo = data or None
        business.logo_type = kind
        business.logo_sha256 = hashlib.sha256(data).hexdigest() if data else ""
        business.save(update_fields=["logo", "logo_type", "logo_sha256"])
        audit.record(actor.id, "business.changed", "business", fields=["logo"])
    return business


def image_kind(data: bytes) -> str:
    """`png`, `jpeg` or `webp`; BusinessError for anything else, and for too much."""
    if len(data) > MAX_LOGO_BYTES:
        raise BusinessError(
            _("The logo is larger than 20 kB. Save it smaller."), "logo"
        )
    if kind := pictures.kind_of(data):
        return kind
    raise BusinessError(_("The logo must be a PNG, JPEG or WebP picture."), "logo")


def logo_url(business: Business) -> str:
    """Path of the logo, another one for every picture; empty without one."""
    if not business.logo_sha256:
        return ""
    return reverse("brand_logo", args=[business.logo_sha256[:16], business.logo_type])


def _clean(field: str, value: str) -> str:
    length = getattr(Business._meta.get_field(field), "max_length", None) or 200
    if field in _ACCOUNT:
        return text.clean_line(value, 60)  # as people group it, with spaces
    if field in _BLOCKS:
        return text.clean_block(value, length, max_length=length)
    return text.clean_line(value, length, max_length=length)


def _is_currency(code: str) -> bool:
    return code in money.EXPONENTS


_BLOCKS = frozenset({"address", "imprint", "terms", "privacy"})
_ACCOUNT: dict[str, tuple[Callable[[str], str | None], str]] = {
    "iban": (
        banking.clean_iban,
        "This is no IBAN: a digit is wrong or missing. Compare it with your statement.",
    ),
    "bic": (banking.clean_bic, "This is no BIC. It has 8 or 11 letters and digits."),
}
_KNOWN: dict[str, tuple[Callable[[str], bool], str]] = {
    "country": (choices.is_country, "Choose a country."),
    "currency": (_is_currency, "Choose a currency."),
    "language": (choices.is_language, "Choose a language."),
    "time_zone": (choices.is_time_zone, "Choose a time zone."),
}
_VALIDATORS: dict[str, Callable[[str], None]] = {
    "email": EmailValidator(),
    "reply_to": EmailValidator(),
    "copy_invitations_to": EmailValidator(),
    "website": URLValidator(schemes=["http", "https"]),
    "terms_url": URLValidator(schemes=["http", "https"]),
    "privacy_url": URLValidator(schemes=["http", "https"]),
}
