"""What a payer may choose on the page of a link: amount, pieces, tip. No script needed.

What was typed is shown again with what is wrong about it; nothing of it is believed
before the services have held it against the link's terms.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from babel.numbers import format_decimal, format_percent
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from merchant_portal.lib import rates
from merchant_portal.lib.languages import locale_of
from merchant_portal.lib.money import EXPONENTS, Money, MoneyError, parse_amount

from ..models import AmountKind, PaymentLink
from ..services import asking
from ..services.asking import Choice
from ..services.errors import LinkError
from ..services.pages import Page

K = AmountKind
OWN, WHOLE, DEPOSIT, PRESET, NO_TIP, TIP = (
    "own",
    "whole",
    "deposit",
    "preset-",
    "0",
    "bp-",
)
_LONGEST = 40  # of anything typed here; more is no amount


@dataclass(frozen=True, slots=True)
class Option:
    """One radio button."""

    value: str
    label: str
    is_picked: bool


@dataclass(frozen=True, slots=True)
class Pieces:
    """One line whose quantity the payer sets; `most` is 0 where they do not, and
    `each` is then what the line comes to."""

    position: int
    description: str
    each: str
    least: int
    most: int
    value: str
    is_wrong: bool


@dataclass(frozen=True, slots=True)
class Choosing:
    """The inputs of a page, as the template prints them.

    `kind`: of an amount that is the payer's to say; empty otherwise. `is_typed`: whether
    an amount of their own may be typed. `total`: what the choice comes to, where it is
    known. `error` belongs to the input `field`: amount, tip or quantity.N.
    """

    kind: str
    amounts: list[Option]
    is_typed: bool
    own_amount: str
    bounds: str
    pieces: list[Pieces]
    tips: list[Option]
    own_tip: str
    total: str
    error: str = ""
    field: str = ""


def has_choices(link: PaymentLink) -> bool:
    """Whether its page has anything to fill in."""
    return bool(
        link.tips_bp
        or asking.is_choosing(link)
        or link.amount_kind == K.PARTS
        or asking.deposit_left(link)
    )


def read(link: PaymentLink, data: Mapping[str, str]) -> Choice:
    """What was posted, as a choice; LinkError names the input that cannot be read."""
    return Choice(
        amount_minor=_amount(link, data),
        **_tip(link, data),
        quantities=_quantities(data),
    )


def _amount(link: PaymentLink, data: Mapping[str, str]) -> int | None:
    picked = data.get("amount", "")
    if picked == WHOLE:
        return link.balance.amount_minor
    if picked.startswith(PRESET):
        place = picked.removeprefix(PRESET)
        if place.isdecimal() and int(place[:3]) < len(link.presets_minor):
            preset: int = link.presets_minor[int(place[:3])]
            return preset
    own = data.get("own_amount", "").strip()
    if picked == OWN or (own and picked != DEPOSIT):
        return _typed(own, link.currency, "amount")
    return None


def _tip(link: PaymentLink, data: Mapping[str, str]) -> dict[str, int]:
    picked = data.get("tip", "")
    if picked.startswith(TIP):
        points = picked.removeprefix(TIP)
        if points in {str(offered) for offered in link.tips_bp}:
            return {"tip_bp": int(points)}
    own = data.get("own_tip", "").strip()
    if picked == OWN and own:
        return {"tip_minor": _typed(own, link.currency, "tip")}
    return {}


def _quantities(data: Mapping[str, str]) -> dict[int, int]:
    found = {}
    for name, typed in data.items():
        place = name.removeprefix("quantity-")
        if place == name or not place.isdecimal() or len(place) > 3:
            continue
        digits = typed.strip()
        if not digits.isascii() or not digits.isdecimal() or len(digits) > 7:
            raise LinkError(_("Write a whole number, like 2."), f"quantity.{place}")
        found[int(place)] = int(digits)
    return found


def _typed(text: str, currency: str, field: str) -> int:
    """An amount as people write it, with a point or a comma before the decimals."""
    plain = text[:_LONGEST].replace("\N{NO-BREAK SPACE}", "").strip()
    if plain.count(",") == 1 and "." not in plain:
        plain = plain.replace(",", ".")
    try:
        return parse_amount(plain, currency).amount_minor
    except MoneyError as exc:
        raise LinkError(
            _("Please write the amount in digits, like %s.") % _example(currency), field
        ) from exc


def _example(currency: str) -> str:
    """As the reader writes it: with a comma where that stands before the decimals."""
    digits = EXPONENTS[currency]
    return format_decimal(
        Decimal("25.5"),
        format="0." + "0" * digits if digits else "0",
        locale=locale_of(get_language() or "en"),
    )


def of(
    page: Page,
    data: Mapping[str, str],
    language: str,
    problem: LinkError | None = None,
) -> Choosing | None:
    """What the page offers to choose, filled with what was typed; None if nothing."""
    link = page.link
    if not has_choices(link):
        return None
    total = ""
    is_told = bool(data) or link.amount_kind != K.CHOSEN
    if problem is None and is_told:
        try:
            ask = asking.of(link, page.lines, read(link, data))
            total = ask.total.format(language)
        except LinkError as exc:
            problem = exc
    is_choosing = asking.is_choosing(link)
    return Choosing(
        kind=link.amount_kind if is_choosing else "",
        amounts=_amounts(link, data, language),
        is_typed=link.amount_kind == K.PARTS
        or (link.amount_kind == K.CHOSEN and is_choosing),
        own_amount=data.get("own_amount", "")[:_LONGEST],
        bounds=_bounds(link, language),
        pieces=_pieces(page, data, language, problem) if is_choosing else [],
        tips=_tips(link, data, language),
        own_tip=data.get("own_tip", "")[:_LONGEST],
        total=total,
        error=problem.message if problem else "",
        field=problem.field if problem else "",
    )


def _amounts(link: PaymentLink, data: Mapping[str, str], language: str) -> list[Option]:
    def written(minor: int) -> str:
        return Money(minor, link.currency).format(language)

    balance = link.balance.amount_minor
    choices: list[tuple[str, str]] = []
    if link.amount_kind == K.CHOSEN and asking.is_choosing(link):
        choices = [
            (f"{PRESET}{place}", written(minor))
            for place, minor in enumerate(link.presets_minor)
        ]
        if choices:
            choices.append((OWN, _("Another amount")))
    elif link.amount_kind == K.PARTS:
        choices = [(WHOLE, _("All of it: %s") % written(balance)), (OWN, _("A part"))]
    elif left := asking.deposit_left(link):
        choices = [
            (DEPOSIT, _("The deposit: %s") % written(left)),
            (WHOLE, _("All of it: %s") % written(balance)),
        ]
    picked = data.get("amount", "")
    if choices and picked not in {value for value, _label in choices}:
        picked = choices[0][0]
    return [Option(value, label, value == picked) for value, label in choices]


def _bounds(link: PaymentLink, language: str) -> str:
    def written(minor: int) -> str:
        return Money(minor, link.currency).format(language)

    least, most = link.minimum_minor, link.maximum_minor
    if link.amount_kind == K.PARTS:
        balance = link.balance.amount_minor
        return _("at least %s") % written(min(least, balance))
    if least and most:
        return _("from %(least)s to %(most)s") % {
            "least": written(least),
            "most": written(most),
        }
    if least:
        return _("at least %s") % written(least)
    return _("at most %s") % written(most) if most else ""


def _pieces(
    page: Page, data: Mapping[str, str], language: str, problem: LinkError | None
) -> list[Pieces]:
    if page.link.amount_kind != K.QUANTITY:
        return []

    def written(minor: int) -> str:
        return Money(minor, page.link.currency).format(language)

    return [
        Pieces(
            position=line.position,
            description=line.description,
            each=written(
                line.unit_amount_minor if line.quantity_max else line.total_minor
            ),
            least=line.quantity_min,
            most=line.quantity_max,
            value=data.get(
                f"quantity-{line.position}", str(line.quantity_milli // 1000)
            )[:_LONGEST],
            is_wrong=problem is not None
            and problem.field == f"quantity.{line.position}",
        )
        for line in page.lines
    ]


def _tips(link: PaymentLink, data: Mapping[str, str], language: str) -> list[Option]:
    if not link.tips_bp:
        return []
    due = 0 if asking.is_choosing(link) else asking.due_now(link).amount_minor
    choices = [(NO_TIP, _("No tip"))]
    for points in link.tips_bp:
        label = format_percent(points / 10_000, "#,##0.##%", locale=locale_of(language))
        if due and link.amount_kind != K.PARTS:
            tip = Money(rates.share(due, points), link.currency)
            label = f"{label} ({tip.format(language)})"
        choices.append((f"{TIP}{points}", label))
    choices.append((OWN, _("Another tip")))
    picked = data.get("tip", "")
    if picked not in {value for value, _label in choices}:
        picked = NO_TIP
    return [Option(value, label, value == picked) for value, label in choices]
