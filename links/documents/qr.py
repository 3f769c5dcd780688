"""Addresses and bank transfers as QR codes, for paper and for pages."""

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass

import segno

from . import masks

QUIET_ZONE = 4  # modules around it, ISO 18004
ERROR_CORRECTION = "m"  # readable with 15 % of it soiled
_DARK = re.compile(b"\x01+")
PNG_SCALES = {"small": 4, "medium": 12, "large": 32}
# Pixels a module: for a page, for paper of the size of a hand, for a poster.


def png(text: str, size: str = "medium") -> bytes:
    """As `svg`, for programs that take no SVG; `size`: of PNG_SCALES."""
    mask, _modules = masks.best(_code(text, mask=0))
    drawn = io.BytesIO()
    code = _code(text, mask=mask)
    code.save(drawn, kind="png", scale=PNG_SCALES[size], border=QUIET_ZONE)
    return drawn.getvalue()


def svg(text: str, *, border: int = QUIET_ZONE) -> str:
    """An SVG of its own, black on white, one unit a module; it scales to any size."""
    _mask, modules = masks.best(_code(text, mask=0))
    return _svg(modules, border)


def _code(text: str, *, mask: int) -> segno.QRCode:
    return segno.make(text, error=ERROR_CORRECTION, micro=False, mask=mask)


def _svg(modules: Sequence[bytes], border: int) -> str:
    """A line for each run of dark modules of a row."""
    size = len(modules) + 2 * border
    steps = [
        f"M{found.start() + border} {y + border}.5h{found.end() - found.start()}"
        for y, row in enumerate(modules)
        for found in _DARK.finditer(row)
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size} {size}">'
        f'<path fill="#fff" d="M0 0h{size}v{size}H0z"/>'
        f'<path stroke="#000" d="{"".join(steps)}"/></svg>'
    )


# --- bank transfer --------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Transfer:
    """What a bank's app needs to fill in a transfer of euros.

    `amount_minor`: cents. `bic`: may be empty. `reference`: what the payer's statement
    and the merchant's will say.
    """

    holder: str
    iban: str
    bic: str
    amount_minor: int
    reference: str


MIN_CENTS, MAX_CENTS = 1, 99_999_999_999
MAX_HOLDER, MAX_HOLDER_BYTES, MAX_REFERENCE = 70, 140, 35
# EPC069-12, version 2.1; all of it stays under the 331 bytes of a code of version 13.


def transfer_svg(transfer: Transfer, *, border: int = QUIET_ZONE) -> str:
    """The EPC QR code of a transfer ("GiroCode"): UTF-8, level M, no structured
    reference. Whoever calls has checked the amount and the account."""
    _mask, modules = masks.best(_transfer_code(transfer))
    return _svg(modules, border)


def _transfer_code(transfer: Transfer) -> segno.QRCode:
    return segno.make(
        _transfer_text(transfer).encode(),
        error=ERROR_CORRECTION,
        boost_error=False,  # another level is not allowed
        micro=False,
        mask=0,
    )


def _transfer_text(transfer: Transfer) -> str:
    whole, cents = divmod(transfer.amount_minor, 100)
    holder = (
        transfer.holder[:MAX_HOLDER].encode()[:MAX_HOLDER_BYTES].decode(errors="ignore")
    )
    return "\n".join(
        (
            "BCD",
            "002",
            "1",  # UTF-8
            "SCT",
            transfer.bic,
            holder,
            transfer.iban,
            f"EUR{whole}.{cents:02}",
            "",  # purpose
            "",  # structured reference
            transfer.reference[:MAX_REFERENCE],
        )
    )
