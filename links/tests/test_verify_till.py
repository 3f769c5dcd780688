"""All reports of the till are checked at once."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from links.models import DayClose, Payment, Shift
from links.services import till_days, totals
from merchant_portal.lib import clock

from .at_the_till import begin, close, sell
from .factories import make_user

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("frozen")]


@pytest.fixture(autouse=True)
def _two_shifts_of_a_day() -> None:
    for name in ("Counter", "Door"):
        shift = begin(make_user(), register=name)
        sell(shift)
        close(shift, EUR=11_250)
    till_days.close(totals.business_day(clock.now()), user=make_user())


def verify() -> tuple[str, str]:
    """What it said, and what it complained of; it may refuse."""
    out, err = StringIO(), StringIO()
    try:
        call_command("verify_till", stdout=out, stderr=err)
    except CommandError as exc:
        err.write(str(exc))
    return out.getvalue(), err.getvalue()


def test_whole() -> None:
    assert verify() == ("3 reports, whole and in order.\n", "")


def test_a_changed_payment_is_found() -> None:
    Payment.objects.filter(shift__number="Z-000002").update(method="terminal")

    out, err = verify()

    assert out == ""
    assert err.splitlines() == [
        "Z-000002: The cash in the tables is not what this report says.",
        "Z-000002: The payments in the tables are not what this report says.",
        "The reports of the till are not whole: 2 findings.",
    ]


def test_a_report_that_was_written_anew_is_found_by_all_that_name_it() -> None:
    shift = Shift.objects.get(number="Z-000001")
    figures = shift.figures or {}
    figures["cash"][0]["over"] = 5
    Shift.objects.filter(pk=shift.pk).update(figures=figures, signature="0" * 64)
    DayClose.objects.update(figures={})

    _out, err = verify()

    for number in ("Z-000001", "Z-000002", "D-000001"):
        assert f"{number}: " in err
