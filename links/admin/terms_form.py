"""How a link may be paid, as typed on the create screen, and what it means."""

from collections.abc import Callable, Mapping

from django.utils.translation import gettext as _

from ..models import AmountKind, PaymentLink
from ..services.terms import Terms
from . import formats, typed

K = AmountKind
FIELDS = (
    "amount_kind",
    "minimum",
    "maximum",
    "presets",
    "part",
    "deposit",
    "tips",
    "reusable",
    "use_limit",
    "inactive_message",
)
BLANK = dict.fromkeys(FIELDS, "") | {"amount_kind": K.FIXED.value}


def is_plain(values: Mapping[str, str]) -> bool:
    """Whether nothing but the usual was asked for."""
    return all(values.get(name, "").strip() == BLANK[name] for name in FIELDS)


def of_link(link: PaymentLink) -> dict[str, str]:
    """The fields filled with what a link says, to correct it."""

    def amount(minor: int) -> str:
        return formats.typed(minor, link.currency) if minor else ""

    is_part = link.amount_kind == K.PARTS
    return {
        "amount_kind": link.amount_kind,
        "minimum": "" if is_part else amount(link.minimum_minor),
        "maximum": amount(link.maximum_minor),
        "presets": ", ".join(amount(one) for one in link.presets_minor),
        "part": amount(link.minimum_minor) if is_part else "",
        "deposit": amount(link.deposit_minor),
        "tips": ", ".join(formats.percent(one) for one in link.tips_bp),
        "reusable": "on" if link.is_reusable else "",
        "use_limit": str(link.use_limit or ""),
        "inactive_message": link.inactive_message,
    }


def read(values: Mapping[str, str], currency: str, errors: dict[str, str]) -> Terms:
    """The terms; what cannot be read is put into `errors` by field.

    Only the fields of the chosen kind count: others may still hold what was typed
    before another kind was picked.
    """

    def amounts_of(name: str) -> tuple[int, ...]:
        parts = [part for part in values.get(name, "").split(",") if part.strip()]
        return _each(parts, lambda text: typed.amount_minor(text, currency), name)

    def _each(
        parts: list[str], read_one: Callable[[str], int], name: str
    ) -> tuple[int, ...]:
        try:
            return tuple(read_one(part) for part in parts)
        except typed.TypedError as exc:
            errors[name] = str(exc)
            return ()

    def amount(name: str) -> int:
        found = amounts_of(name)
        if len(found) > 1:
            errors[name] = _("One amount, please, like 12.50.")
        return found[0] if found else 0

    kind = values.get("amount_kind") or K.FIXED.value
    is_reusable = bool(values.get("reusable"))
    tips = [part for part in values.get("tips", "").split(",") if part.strip()]
    return Terms(
        kind=kind,
        minimum_minor=_least(kind, amount),
        maximum_minor=amount("maximum") if kind == K.CHOSEN else 0,
        presets_minor=amounts_of("presets") if kind == K.CHOSEN else (),
        deposit_minor=amount("deposit") if kind == K.DEPOSIT else 0,
        tips_bp=_each(tips, typed.basis_points, "tips"),
        is_reusable=is_reusable,
        use_limit=_limit(values, errors) if is_reusable else None,
        inactive_message=values.get("inactive_message", ""),
    )


def _least(kind: str, amount: Callable[[str], int]) -> int:
    if kind == K.CHOSEN:
        return amount("minimum")
    return amount("part") if kind == K.PARTS else 0


def _limit(values: Mapping[str, str], errors: dict[str, str]) -> int | None:
    text = values.get("use_limit", "").strip()
    if not text:
        return None
    if text.isascii() and text.isdecimal() and len(text) <= 7:
        return int(text)
    errors["use_limit"] = _("Write a whole number, like 20.")
    return None


def field_of(service_field: str, kind: str) -> str:
    """The input that a refusal of the services belongs to."""
    return "part" if service_field == "minimum" and kind == K.PARTS else service_field
