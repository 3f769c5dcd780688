"""On what terms a link may be paid, in words for staff."""

from django.utils.translation import gettext as _

from ..models import AmountKind, PaymentLink
from . import formats

K = AmountKind


def of(link: PaymentLink) -> list[str]:
    """One sentence a rule that is not the usual one; empty for a plain link."""
    said = [_amount(link)]
    if link.tips_bp:
        shares = ", ".join(f"{formats.percent(one)} %" for one in link.tips_bp)
        said.append(_("Tips are offered: %s.") % shares)
    if link.is_reusable:
        said.append(
            _("May be paid %d times.") % link.use_limit
            if link.use_limit
            else _("May be paid any number of times.")
        )
    if link.inactive_message:
        said.append(_("When nothing can be paid here: “%s”") % link.inactive_message)
    return [one for one in said if one]


def _amount(link: PaymentLink) -> str:
    def money(minor: int) -> str:
        return formats.money(minor, link.currency)

    if link.amount_kind == K.CHOSEN:
        return _chosen(link)
    if link.amount_kind == K.QUANTITY:
        return _("The customer chooses how many.")
    if link.amount_kind == K.PARTS:
        least = money(link.minimum_minor)
        return _("May be paid in parts of at least %s.") % least
    if link.amount_kind == K.DEPOSIT:
        return _("A deposit of %s first, then the rest.") % money(link.deposit_minor)
    return ""


def _chosen(link: PaymentLink) -> str:
    least, most = link.minimum_minor, link.maximum_minor
    words = {
        "least": formats.money(least, link.currency),
        "most": formats.money(most, link.currency),
    }
    if least and most:
        return _("The customer chooses from %(least)s to %(most)s.") % words
    if least:
        return _("The customer chooses at least %(least)s.") % words
    if most:
        return _("The customer chooses up to %(most)s.") % words
    return _("The customer chooses the amount.")
