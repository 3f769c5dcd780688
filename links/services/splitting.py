"""A sum of money over the tax rates of a link, as its lines have them."""

from collections.abc import Sequence

from ..models import LineItem, PaymentLink
from ..reports import apportion
from ..reports.apportion import Share


def is_covering(link: PaymentLink, amount_minor: int) -> bool:
    """Whether it is just what the lines of a link come to."""
    return amount_minor == link.amount_minor and _is_known(link)


def shares(
    link: PaymentLink, lines: Sequence[LineItem], amount_minor: int
) -> list[Share]:
    """Each rate's part of it, the parts adding up to it; see `apportion`."""
    return apportion.shares(lines if _is_known(link) else (), amount_minor)


def _is_known(link: PaymentLink) -> bool:
    return apportion.is_known(
        is_reusable=link.is_reusable, amount_kind=link.amount_kind
    )
