"""Some days at the till of the sample shop, and a shift that is open now."""

from datetime import datetime, time, timedelta

from customers.services.customers import zone_of
from merchant_portal.business import services as business
from merchant_portal.lib import clock
from merchant_portal.staff.models import User

from ..models import MoveKind, Shift
from ..services import manual, till, till_closing, till_days, totals
from ..services.till_closing import Count, CountDiffers

DAYS = 3
OPENS = time(9)
SALES = (
    ("Two loaves of bread", 760, "cash"),
    ("Birthday cake", 4_200, "terminal"),
    ("Coffee and a roll", 545, "cash"),
    ("Wedding tasting", 6_000, "cheque"),
    ("Tray of pastries", 2_380, "cash"),
    ("Gift box", 3_150, "terminal"),
)
FLOAT = 15_000


def add(cashier: User) -> None:
    """Closed shifts of some days, one of them short, with their days; nothing where
    there is a shift already."""
    if Shift.objects.exists():
        return
    now = clock.now()
    today = totals.business_day(now)
    for ago in range(DAYS, 0, -1):
        day = today - timedelta(days=ago)
        opening = datetime.combine(day, OPENS, tzinfo=zone_of(None, business.kept()))
        _shift(cashier, opening, short=100 if ago == 2 else 0)
        with clock.frozen(opening + timedelta(hours=9)):
            till_days.close(day, user=cashier)
    with clock.frozen(now - timedelta(hours=1)):
        shift = _begin(cashier)
    for ago, sale in zip((49, 31, 8), SALES, strict=False):
        with clock.frozen(now - timedelta(minutes=ago)):
            _sell(shift, cashier, sale)


def _shift(cashier: User, opening: datetime, *, short: int) -> None:
    currency = business.kept().currency
    with clock.frozen(opening):
        shift = _begin(cashier)
        till.move(
            shift,
            kind=MoveKind.OUT,
            amount_minor=1_290,
            currency=currency,
            reason="Milk and sugar",
            user=cashier,
        )
    for number, sale in enumerate(SALES, 1):
        with clock.frozen(opening + number * timedelta(minutes=53)):
            _sell(shift, cashier, sale)
    cash = sum(minor for _what, minor, method in SALES if method == "cash")
    counted = {currency: FLOAT + cash - 1_290 - short}
    with clock.frozen(opening + timedelta(hours=8)):
        try:
            till_closing.close(shift, Count(counted), user=cashier)
        except CountDiffers as exc:
            told = Count(counted, "Gave wrong change", exc.apart)
            till_closing.close(shift, told, user=cashier)


def _begin(cashier: User) -> Shift:
    return till.begin(
        register="Counter", floats={business.kept().currency: FLOAT}, user=cashier
    )


def _sell(shift: Shift, cashier: User, sale: tuple[str, int, str]) -> None:
    what, minor, method = sale
    manual.record_sale(
        shift,
        amount_minor=minor,
        currency=business.kept().currency,
        method=method,
        what=what,
        actor=cashier.actor(),
    )
