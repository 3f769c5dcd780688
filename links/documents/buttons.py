"""A button for somebody's website: an `<a>` that needs no script and nobody else."""

from dataclasses import dataclass
from enum import StrEnum

from django.utils import translation
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from merchant_portal.lib.colors import ink_on


class Label(StrEnum):
    """What may stand on it."""

    PAY = "pay"
    PAY_AMOUNT = "pay_amount"
    CHOOSE = "choose"
    BUY = "buy"
    DONATE = "donate"


class Size(StrEnum):
    SMALL = "small"
    MEDIUM = "medium"
    LARGE = "large"


_SIZES = {
    Size.SMALL: "padding:9px 16px;font-size:14px;border-radius:8px",
    Size.MEDIUM: "padding:13px 24px;font-size:16px;border-radius:10px",
    Size.LARGE: "padding:17px 36px;font-size:20px;border-radius:12px",
}
# The smallest is 36 px high, which a thumb still hits.


@dataclass(frozen=True, slots=True)
class Button:
    """`url`: of the payment page. `color`: of the brand, `#rrggbb`. `amount`: as the
    reader writes it; empty where the customer says it."""

    url: str
    color: str
    language: str
    label: str
    amount: str = ""

    def plain(self, size: Size) -> SafeString:
        """Opens the page in a new tab by itself; styled in place, for any website."""
        return self._html(size, new_tab=True)

    def scripted(self, size: Size, script_url: str) -> SafeString:
        """Leaves the new tab to our script; without it the page opens in the same."""
        script = format_html('\n<script src="{}" async></script>', script_url)
        return self._html(size, new_tab=False) + script

    def _html(self, size: Size, *, new_tab: bool) -> SafeString:
        style = (
            f"display:inline-block;{_SIZES[size]};background:{self.color};"
            f"color:{ink_on(self.color)};font-family:system-ui,sans-serif;"
            "font-weight:600;line-height:1.3;text-decoration:none"
        )
        return format_html(
            '<a {} href="{}" lang="{}" dir="{}" style="{}">{}</a>',
            SafeString('target="_blank" rel="noopener"')
            if new_tab
            else SafeString("data-merchant-portal"),
            self.url,
            self.language,
            "rtl" if _is_rtl(self.language) else "ltr",
            style,
            words(self.label, self.language, self.amount),
        )


def words(label: str, language: str, amount: str = "") -> str:
    """A label in that language."""
    with translation.override(language):
        return {
            Label.PAY: _("Pay now"),
            Label.PAY_AMOUNT: _("Pay %(amount)s") % {"amount": amount},
            Label.CHOOSE: _("Choose an amount"),
            Label.BUY: _("Buy now"),
            Label.DONATE: _("Donate"),
        }[Label(label)]


def _is_rtl(language: str) -> bool:
    with translation.override(language):
        return translation.get_language_bidi()
