"""A sum of money over the lines of a link, or over their tax rates."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from merchant_portal.lib.rates import net_of

from ..models import AmountKind

PAYER_CHOOSES = (AmountKind.CHOSEN, AmountKind.QUANTITY)


class Line(Protocol):
    """What counts of a line."""

    @property
    def tax_bp(self) -> int: ...
    @property
    def net_minor(self) -> int: ...
    @property
    def tax_minor(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Share:
    """A part of it at one rate; None for what is beyond the lines, such as a tip."""

    tax_bp: int | None
    net_minor: int
    tax_minor: int

    @property
    def total_minor(self) -> int:
        return self.net_minor + self.tax_minor


def is_known(*, is_reusable: bool, amount_kind: str) -> bool:
    """Of what anybody may pay any number of times, the lines say nothing of one."""
    return not (is_reusable and amount_kind in PAYER_CHOOSES)


def shares(lines: Sequence[Line], amount_minor: int) -> list[Share]:
    """Each rate's part of it, the parts adding up to it; of all that the lines come to
    just what they say, else in proportion. Without lines, or above them: at no rate."""
    known = _by_rate(lines)
    whole = sum(share.total_minor for share in known)
    if not whole:
        return [Share(None, amount_minor, 0)]
    if amount_minor == whole:
        return known
    inside = min(amount_minor, whole)
    found = _in_proportion(known, inside) if inside < whole else known
    if amount_minor > inside:
        found = [*found, Share(None, amount_minor - inside, 0)]
    return found


def parts(weights: Sequence[int], amount_minor: int) -> list[int]:
    """It in proportion to the weights, adding up to it, the largest rests rounded up."""
    whole = sum(weights)
    exact = [divmod(weight * amount_minor, whole) for weight in weights]
    found = [part for part, _rest in exact]
    by_rest = sorted(range(len(exact)), key=lambda at: -exact[at][1])
    for at in by_rest[: amount_minor - sum(found)]:
        found[at] += 1
    return found


def _by_rate(lines: Sequence[Line]) -> list[Share]:
    sums: dict[int, tuple[int, int]] = {}
    for line in lines:
        net, tax = sums.get(line.tax_bp, (0, 0))
        sums[line.tax_bp] = (net + line.net_minor, tax + line.tax_minor)
    return [Share(rate, *sums[rate]) for rate in sorted(sums)]


def _in_proportion(known: Sequence[Share], inside: int) -> list[Share]:
    found = []
    weights = [share.total_minor for share in known]
    for share, part in zip(known, parts(weights, inside), strict=True):
        rate = share.tax_bp or 0
        net = net_of(part, rate)
        if part:
            found.append(Share(rate, net, part - net))
    return found
