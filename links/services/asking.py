"""What a link asks of whoever pays now: by its terms, and by what the payer chose."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from merchant_portal.lib import rates
from merchant_portal.lib.money import MAX_MINOR, Money

from ..models import AmountKind, LineItem, PaymentLink
from . import amounts
from .amounts import LineData, Totals
from .errors import LinkError

K = AmountKind


@dataclass(frozen=True, slots=True)
class Choice:
    """What a payer chose, without tax or trust: None and empty where nothing was said.

    `amount_minor`: of the link, before any tip. `tip_bp`: a share of what is paid;
    `tip_minor`: a sum of their own instead. `quantities`: position → pieces.
    """

    amount_minor: int | None = None
    tip_bp: int = 0
    tip_minor: int = 0
    quantities: Mapping[int, int] = field(default_factory=dict)


NOTHING_CHOSEN = Choice()


@dataclass(frozen=True, slots=True)
class Ask:
    """What one checkout charges: `due_minor` for the link, and a tip on top."""

    due_minor: int
    tip_minor: int
    currency: str
    quantities: dict[str, int] = field(default_factory=dict)

    @property
    def total(self) -> Money:
        return Money(self.due_minor + self.tip_minor, self.currency)


def is_choosing(link: PaymentLink) -> bool:
    """Whether its amount is still the payer's to say; the first money settles it."""
    if link.amount_kind not in (K.CHOSEN, K.QUANTITY):
        return False
    return link.is_reusable or link.amount_paid_minor == 0


def deposit_left(link: PaymentLink) -> int:
    """What is missing of the deposit, in minor units; 0 when it is there."""
    if link.amount_kind != K.DEPOSIT:
        return 0
    return max(link.deposit_minor - link.amount_paid_minor, 0)


def due_now(link: PaymentLink) -> Money:
    """What it asks next of someone who chooses nothing: the deposit, else the balance;
    nothing while the amount is the payer's to say."""
    left = deposit_left(link)
    return Money(left, link.currency) if left else link.balance


def of(link: PaymentLink, lines: Sequence[LineItem], choice: Choice) -> Ask:
    """What to charge for this choice; LinkError names the input that cannot be.

    Browsers may post anything: where the terms leave no choice, none is taken.
    """
    due, quantities = _due(link, lines, choice)
    tip = _tip(link, due, choice)
    if due + tip > MAX_MINOR:
        raise LinkError(_("This amount is too large."), "amount")
    return Ask(due, tip, link.currency, quantities)


def _due(
    link: PaymentLink, lines: Sequence[LineItem], choice: Choice
) -> tuple[int, dict[str, int]]:
    balance = link.balance.amount_minor
    if is_choosing(link) and link.amount_kind == K.QUANTITY:
        pieces = _pieces(lines, choice)
        found = with_pieces(link, lines, pieces)
        return found.amount_minor, {str(place): n for place, n in pieces.items()}
    if is_choosing(link):
        return _chosen(link, choice.amount_minor), {}
    wanted = choice.amount_minor
    if link.amount_kind == K.PARTS and wanted is not None:
        return _part(link, wanted), {}
    if link.amount_kind == K.DEPOSIT and wanted != balance:
        return due_now(link).amount_minor, {}
    return balance, {}


def _chosen(link: PaymentLink, wanted: int | None) -> int:
    if wanted is None:
        raise LinkError(_("Please choose an amount."), "amount")
    if wanted < max(link.minimum_minor, 1):
        least = _money(link, max(link.minimum_minor, 1))
        raise LinkError(_("The smallest amount is %s.") % least, "amount")
    if link.maximum_minor and wanted > link.maximum_minor:
        most = _money(link, link.maximum_minor)
        raise LinkError(_("The largest amount is %s.") % most, "amount")
    return wanted


def _part(link: PaymentLink, wanted: int) -> int:
    balance = link.balance.amount_minor
    if wanted > balance:
        left = _money(link, balance)
        raise LinkError(_("Only %s is still open.") % left, "amount")
    if wanted < min(max(link.minimum_minor, 1), balance):
        least = _money(link, min(link.minimum_minor, balance))
        raise LinkError(_("The smallest part is %s.") % least, "amount")
    return wanted


def _pieces(lines: Sequence[LineItem], choice: Choice) -> dict[int, int]:
    pieces: dict[int, int] = {}
    for line in lines:
        wanted = choice.quantities.get(line.position)
        if not line.quantity_max or wanted is None:
            continue
        if not line.quantity_min <= wanted <= line.quantity_max:
            raise LinkError(
                _("Choose between %(least)d and %(most)d.")
                % {"least": line.quantity_min, "most": line.quantity_max},
                f"quantity.{line.position}",
            )
        pieces[line.position] = wanted
    return pieces


def with_pieces(
    link: PaymentLink, lines: Sequence[LineItem], pieces: Mapping[int, int]
) -> Totals:
    """The sums of a link's lines with so many pieces of some of them."""
    return amounts.totals(
        [
            LineData(
                description=line.description,
                unit_amount_minor=line.unit_amount_minor,
                quantity_milli=pieces[line.position] * 1000
                if line.position in pieces
                else line.quantity_milli,
                discount_bp=line.discount_bp,
                tax_bp=line.tax_bp,
            )
            for line in lines
        ],
        prices_include_tax=link.prices_include_tax,
        currency=link.currency,
    )


def _tip(link: PaymentLink, due: int, choice: Choice) -> int:
    if not link.tips_bp:
        return 0
    tip = choice.tip_minor or rates.share(due, choice.tip_bp)
    if tip > due:
        # A slip of the finger: 1000 for 10.00.
        raise LinkError(_("A tip cannot be more than what you pay."), "tip")
    return tip


def is_wanted(link: PaymentLink, due_minor: int) -> bool:
    """Whether a locked, open link still asks for just this, the part of a checkout that
    goes to it."""
    if is_choosing(link):
        return True  # its bounds were held when it was opened, and do not change
    balance = link.balance.amount_minor
    if link.amount_kind == K.PARTS:
        return 0 < due_minor <= balance
    return due_minor in {balance, due_now(link).amount_minor} - {0}


def _money(link: PaymentLink, minor: int) -> str:
    return Money(minor, link.currency).format(get_language() or "en")
