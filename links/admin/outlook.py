"""What each provider would keep of an amount, or why it is not offered, in words."""

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from merchant_portal.lib import clock
from merchant_portal.lib.money import Money

from ..services import fees, totals
from ..services.fees import Hindrance, Outlook
from . import formats

_WHY: dict[Hindrance, Promise] = {
    Hindrance.OFF: gettext_lazy("not offered: it is switched off"),
    Hindrance.CURRENCY: gettext_lazy("not offered: it does not take %(currency)s"),
    Hindrance.TOO_SMALL: gettext_lazy("not offered: it takes no less than %(bound)s"),
    Hindrance.TOO_LARGE: gettext_lazy("not offered: it takes no more than %(bound)s"),
    Hindrance.STEP: gettext_lazy("not offered: it takes steps of %(bound)s only"),
}


def rows(amount: Money) -> list[dict[str, str]]:
    """`title` and `text` of every provider in use; empty texts for those of which only
    the name is known are left out."""
    today = totals.business_day(clock.now())
    said = [(one.title, _text(one, amount)) for one in fees.outlook(amount, today)]
    return [{"title": title, "text": text} for title, text in said if text]


def _text(one: Outlook, amount: Money) -> str:
    if one.hindrance:
        bound = one.bound
        return str(_WHY[one.hindrance]) % {
            "currency": amount.currency,
            "bound": formats.money(bound.amount_minor, bound.currency) if bound else "",
        }
    net = one.net(amount)
    if one.fee is None or net is None:
        return ""
    return _("keeps about %(fee)s, %(net)s comes in") % {
        "fee": formats.money(one.fee.amount_minor, amount.currency),
        "net": formats.money(net.amount_minor, amount.currency),
    }
