"""A sum of money over the tax rates of a link, as its lines have them."""

from collections.abc import Sequence
from dataclasses import dataclass

from ..models import LineItem, PaymentLink
from . import amounts, asking


@dataclass(frozen=True, slots=True)
class Share:
    """A part of it at one rate; None for what is beyond the lines, such as a tip."""

    tax_bp: int | None
    net_minor: int
    tax_minor: int

    @property
    def total_minor(self) -> int:
        return self.net_minor + self.tax_minor


def is_covering(link: PaymentLink, amount_minor: int) -> bool:
    """Whether it is just what the lines of a link come to."""
    return amount_minor == link.amount_minor and _is_known(link)


def shares(
    link: PaymentLink, lines: Sequence[LineItem], amount_minor: int
) -> list[Share]:
    """Each rate's part of it, the parts adding up to it; of all of a link's amount just
    what its lines say, else in proportion, the largest rests rounded up."""
    known = _by_rate(lines) if _is_known(link) else []
    whole = sum(share.total_minor for share in known)
    if not whole:
        return [Share(None, amount_minor, 0)]
    if amount_minor == whole:
        return known
    inside = min(amount_minor, whole)
    found = _in_proportion(known, whole, inside) if inside < whole else known
    if amount_minor > inside:
        found = [*found, Share(None, amount_minor - inside, 0)]
    return found


def _is_known(link: PaymentLink) -> bool:
    """Of what anybody may pay any number of times, the lines say nothing of one."""
    return not (link.is_reusable and asking.is_choosing(link))


def _by_rate(lines: Sequence[LineItem]) -> list[Share]:
    sums: dict[int, tuple[int, int]] = {}
    for line in lines:
        net, tax = sums.get(line.tax_bp, (0, 0))
        sums[line.tax_bp] = (net + line.net_minor, tax + line.tax_minor)
    return [Share(rate, *sums[rate]) for rate in sorted(sums)]


def _in_proportion(known: Sequence[Share], whole: int, inside: int) -> list[Share]:
    exact = [divmod(share.total_minor * inside, whole) for share in known]
    parts = [part for part, _rest in exact]
    by_rest = sorted(range(len(exact)), key=lambda at: -exact[at][1])
    for at in by_rest[: inside - sum(parts)]:
        parts[at] += 1
    found = []
    for share, part in zip(known, parts, strict=True):
        rate = share.tax_bp or 0
        net = amounts.net_of(part, rate)
        if part:
            found.append(Share(rate, net, part - net))
    return found
