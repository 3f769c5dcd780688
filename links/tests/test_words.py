"""Texts about a link: whoever brings them, the services refuse what may not be kept."""

import pytest

from links.models import LinkStatus, Payment, PaymentLink
from links.services import links, manual
from links.services.amounts import LineData
from links.services.errors import LinkError
from links.services.links import LinkData
from merchant_portal.lib.actors import SYSTEM

from .factories import make_link

pytestmark = pytest.mark.django_db
CARD = "paid by 4242 4242-4242.4242, thanks"
LONG = "👩‍👩‍👧‍👦" * 150
# 150 characters to a reader, 1,050 code points


def data(
    description: str = "Cake", note: str = "", metadata: dict[str, str] | None = None
) -> LinkData:
    return LinkData(
        customer=None,
        currency="EUR",
        lines=(LineData(description, 1250),),
        note=note,
        metadata=metadata or {},
    )


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        (data(description=CARD), "lines.0.description"),
        (data(description=LONG), "lines.0.description"),
        (data(note=CARD), "note"),
        (data(metadata={"ref": CARD}), "metadata"),
        (data(metadata={CARD: "ref"}), "metadata"),
    ],
)
def test_a_new_link_holds_no_card_number_and_fits(wanted: LinkData, field: str) -> None:
    with pytest.raises(LinkError) as refused:
        links.create(wanted, actor=SYSTEM)

    assert refused.value.field == field
    assert not PaymentLink.objects.exists()


def test_an_edited_note_holds_no_card_number() -> None:
    link = make_link()

    with pytest.raises(LinkError) as refused:
        links.edit(
            link,
            due_on=None,
            note_text=CARD,
            expires_at=None,
            version=link.version,
            actor=SYSTEM,
        )

    assert refused.value.field == "note"
    assert PaymentLink.objects.get().note == ""


@pytest.mark.parametrize("reason", [CARD, LONG])
def test_a_reason_holds_no_card_number_and_fits(reason: str) -> None:
    link = make_link()

    with pytest.raises(LinkError) as refused:
        links.cancel(link, reason=reason, actor=SYSTEM)

    assert refused.value.field == "reason"
    assert PaymentLink.objects.get().status == LinkStatus.ACTIVE


@pytest.mark.parametrize("note", [CARD, LONG])
def test_a_note_on_money_holds_no_card_number_and_fits(note: str) -> None:
    link = make_link()

    with pytest.raises(LinkError) as refused:
        manual.record_payment(
            link, amount_minor=1250, method="terminal", note=note, actor=SYSTEM
        )

    assert refused.value.field == "note"
    assert not Payment.objects.exists()


def test_ordinary_numbers_are_taken() -> None:
    link = links.create(
        data(note="Order 2026-000123, IBAN DE89 3704 0044 0532 0130 00"), actor=SYSTEM
    )

    assert "DE89" in link.note
