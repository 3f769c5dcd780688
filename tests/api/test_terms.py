"""Terms of payment over the API: taken, given back, refused by name."""

from typing import Any

import pytest

from links.models import PaymentLink

from .client import Caller, pointers
from .test_core import LINE, new_link, read

FREE = {"description": "A gift", "unit_amount_minor": 0}


def terms(**given: object) -> dict[str, object]:
    return {
        "kind": "fixed",
        "minimum_minor": 0,
        "maximum_minor": 0,
        "presets_minor": [],
        "deposit_minor": 0,
        "tips_bp": [],
        "reusable": False,
        "use_limit": None,
        "uses": 0,
        "inactive_message": "",
        **given,
    }


@pytest.mark.parametrize(
    ("lines", "asked"),
    [
        ([LINE], {}),
        ([FREE], {"kind": "chosen", "minimum_minor": 500, "presets_minor": [1000]}),
        ([LINE], {"kind": "parts", "minimum_minor": 300}),
        ([LINE], {"kind": "deposit", "deposit_minor": 300}),
        ([LINE], {"tips_bp": [500, 1000]}),
        ([LINE], {"reusable": True, "use_limit": 20}),
        ([LINE], {"inactive_message": "Ring us."}),
    ],
)
def test_terms_come_back_as_they_were_asked_for(
    caller: Caller, lines: list[Any], asked: dict[str, object]
) -> None:
    made = new_link(caller, lines=lines, terms=asked)

    assert made["terms"] == terms(**asked)
    assert read(caller.get(f"links/{made['id']}"))["terms"] == terms(**asked)


def test_a_quantity_may_be_the_customers(caller: Caller) -> None:
    line = LINE | {"quantity_range": {"minimum": 1, "maximum": 5}}

    made = new_link(caller, lines=[line], terms={"kind": "quantity"})

    assert made["lines"][0]["quantity_range"] == {"minimum": 1, "maximum": 5}
    assert made["amount"]["amount_minor"] == 1250


@pytest.mark.parametrize(
    ("lines", "asked", "pointer"),
    [
        ([LINE], {"kind": "auction"}, "/terms/kind"),
        ([LINE], {"kind": "parts"}, "/terms/minimum_minor"),
        ([LINE], {"kind": "deposit", "deposit_minor": 1250}, "/terms/deposit_minor"),
        ([LINE], {"kind": "chosen"}, "/lines/0/unit_amount_minor"),
        ([LINE, LINE], {"kind": "chosen"}, "/lines"),
        ([LINE], {"tips_bp": [10, 10]}, "/terms/tips_bp"),
        ([LINE], {"use_limit": 5}, "/terms/use_limit"),
        ([FREE], {}, "/lines"),
        (
            [FREE],
            {"kind": "chosen", "minimum_minor": 9, "maximum_minor": 8},
            "/terms/maximum_minor",
        ),
        ([LINE], {"inactive_message": "4111111111111111"}, "/terms/inactive_message"),
    ],
)
def test_what_cannot_be_is_refused_by_name(
    caller: Caller, lines: list[Any], asked: dict[str, object], pointer: str
) -> None:
    body = {"currency": "EUR", "lines": lines, "terms": asked}

    refused = caller.post("links", body)

    assert pointer in pointers(refused)
    assert not PaymentLink.objects.exists()
