"""Addresses as QR codes, for paper and for pages."""

import io

import segno

QUIET_ZONE = 4  # modules around it, ISO 18004
ERROR_CORRECTION = "m"  # readable with 15 % of it soiled


PNG_SCALES = {"small": 4, "medium": 12, "large": 32}
# Pixels a module: for a page, for paper of the size of a hand, for a poster.


def png(text: str, size: str = "medium") -> bytes:
    """As `svg`, for programs that take no SVG; `size`: of PNG_SCALES."""
    drawn = io.BytesIO()
    _code(text).save(drawn, kind="png", scale=PNG_SCALES[size], border=QUIET_ZONE)
    return drawn.getvalue()


def svg(text: str, *, border: int = QUIET_ZONE) -> str:
    """An SVG of its own, black on white, one unit a module; it scales to any size."""
    drawn = io.BytesIO()
    _code(text).save(
        drawn,
        kind="svg",
        border=border,
        light="#fff",
        xmldecl=False,
        omitsize=True,
        svgclass=None,
        lineclass=None,
    )
    return drawn.getvalue().decode()


def _code(text: str) -> segno.QRCode:
    return segno.make(text, error=ERROR_CORRECTION, micro=False)
