"""On what terms a link may be paid: who says the amount, in how many parts, how often."""

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from merchant_portal.lib.money import MAX_MINOR
from merchant_portal.lib.rates import FULL_BP

from ..models import AmountKind
from . import words
from .amounts import LineData, Totals
from .errors import LinkError

K = AmountKind
MAX_PRESETS, MAX_TIPS = 6, 4
MAX_USES = 1_000_000
_REUSABLE = {K.FIXED, K.CHOSEN, K.QUANTITY}


@dataclass(frozen=True, slots=True)
class Terms:
    """As asked for; amounts in minor units, zero and empty where there is no such rule.

    `minimum_minor`: of a chosen amount, or of a part. `use_limit`: of a reusable link.
    `inactive_message`: what the page says when nothing can be paid there any more.
    """

    kind: str = K.FIXED
    minimum_minor: int = 0
    maximum_minor: int = 0
    presets_minor: tuple[int, ...] = ()
    deposit_minor: int = 0
    tips_bp: tuple[int, ...] = ()
    is_reusable: bool = False
    use_limit: int | None = None
    inactive_message: str = ""


def fields_of(
    terms: Terms, lines: tuple[LineData, ...], totals: Totals
) -> dict[str, Any]:
    """The link's fields for these terms; LinkError names the input that cannot be."""
    if terms.kind not in K.values:
        known = ", ".join(K.values)
        raise LinkError(_("Known kinds of amount are: %s.") % known, "amount_kind")
    _check_lines(terms, lines)
    _check_bounds(terms, totals.amount_minor)
    _check_tips(terms.tips_bp)
    _check_uses(terms)
    message = words.clean_block(terms.inactive_message, "inactive_message")
    if len(message) > 500:
        raise LinkError(_("At most 500 characters, please."), "inactive_message")
    return {
        "amount_kind": terms.kind,
        "minimum_minor": terms.minimum_minor,
        "maximum_minor": terms.maximum_minor,
        "presets_minor": list(terms.presets_minor),
        "deposit_minor": terms.deposit_minor,
        "tips_bp": list(terms.tips_bp),
        "is_reusable": terms.is_reusable,
        "use_limit": terms.use_limit,
        "inactive_message": message,
    }


def _check_lines(terms: Terms, lines: tuple[LineData, ...]) -> None:
    has_range = any(line.quantity_max for line in lines)
    if terms.kind == K.QUANTITY and not has_range:
        raise LinkError(
            _("Say for at least one line how many the customer may choose."), "lines"
        )
    if terms.kind != K.QUANTITY and has_range:
        raise LinkError(
            _("Quantities to choose go with the kind of amount that is for them."),
            "amount_kind",
        )
    if terms.kind == K.CHOSEN:
        if len(lines) != 1:
            raise LinkError(
                _("A link whose amount the customer chooses has one line."), "lines"
            )
        if lines[0].discount_bp:
            raise LinkError(
                _("There is no discount on an amount that the customer chooses."),
                "lines.0.discount",
            )
        if lines[0].unit_amount_minor or lines[0].quantity_milli != 1000:
            raise LinkError(
                _("Leave the price empty: the customer chooses it."),
                "lines.0.unit_amount",
            )


def _check_bounds(terms: Terms, amount_minor: int) -> None:
    least, most = terms.minimum_minor, terms.maximum_minor
    _refuse_unless(
        0 <= least <= MAX_MINOR and 0 <= most <= MAX_MINOR,
        _("This amount is too large."),
        "minimum",
    )
    if terms.kind == K.CHOSEN:
        _refuse_unless(
            not most or least <= most,
            _("The largest amount is less than the smallest."),
            "maximum",
        )
        presets = terms.presets_minor
        _refuse_unless(
            len(presets) <= MAX_PRESETS and len(set(presets)) == len(presets),
            _("Suggest at most 6 amounts, each once."),
            "presets",
        )
        _refuse_unless(
            all(max(least, 1) <= one <= (most or MAX_MINOR) for one in presets),
            _("Suggested amounts lie between the smallest and the largest."),
            "presets",
        )
        return
    _refuse_unless(
        not (most or terms.presets_minor),
        _("Only where the customer chooses the amount."),
        "maximum",
    )
    if terms.kind == K.PARTS:
        _refuse_unless(
            0 < least < amount_minor,
            _("The smallest part is more than zero and less than the total."),
            "minimum",
        )
    elif least:
        raise LinkError(
            _("Only where the customer chooses, or pays in parts."), "minimum"
        )
    if terms.kind == K.DEPOSIT:
        _refuse_unless(
            0 < terms.deposit_minor < amount_minor,
            _("The deposit is more than zero and less than the total."),
            "deposit",
        )
    elif terms.deposit_minor:
        raise LinkError(_("Only where a deposit is asked first."), "deposit")


def _check_tips(tips: tuple[int, ...]) -> None:
    _refuse_unless(
        len(tips) <= MAX_TIPS
        and len(set(tips)) == len(tips)
        and all(0 < tip <= FULL_BP for tip in tips),
        _("Offer at most 4 tips, each above 0 and at most 100 %."),
        "tips",
    )


def _check_uses(terms: Terms) -> None:
    if terms.is_reusable:
        _refuse_unless(
            terms.kind in _REUSABLE,
            _("Parts and deposits are for links that are paid once."),
            "reusable",
        )
        _refuse_unless(
            terms.use_limit is None or 0 < terms.use_limit <= MAX_USES,
            _("The limit is between 1 and 1,000,000."),
            "use_limit",
        )
    elif terms.use_limit is not None:
        raise LinkError(_("Only for links that may be paid many times."), "use_limit")


def _refuse_unless(is_fine: bool, message: str, field: str) -> None:
    if not is_fine:
        raise LinkError(message, field)
