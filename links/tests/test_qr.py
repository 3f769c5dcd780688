"""The codes are what Segno draws, chosen faster; a transfer says what banks read."""

import random
import xml.etree.ElementTree as ET
from decimal import Decimal

import pytest
import segno
from hypothesis import given, settings
from hypothesis import strategies as st
from segno import helpers

from links.documents import masks, qr

ADDRESS = "https://pay.example/p/AbCdEfGhIjKlMnOpQrStUv/"


def by_segno(text: str, error: str = "m") -> segno.QRCode:
    return segno.make(text, error=error, micro=False)


def rows_of(code: segno.QRCode) -> list[bytes]:
    return [bytes(row) for row in code.matrix]


@settings(deadline=None, max_examples=150)
@given(
    text=st.text(st.characters(codec="latin-1"), min_size=1, max_size=300),
    error=st.sampled_from("lmqh"),
)
def test_chooses_as_segno_does(text: str, error: str) -> None:
    wanted = by_segno(text, error)

    mask, modules = masks.best(segno.make(text, error=error, micro=False, mask=0))

    assert mask == wanted.mask
    assert list(modules) == rows_of(wanted)


def test_every_mask_is_chosen_by_some_text() -> None:
    """Else the test above would say little."""
    dice = random.Random(7)  # noqa: S311 - any will do
    texts = [str(dice.getrandbits(200)) for _ in range(120)]

    chosen = {masks.best(segno.make(text, micro=False, mask=0))[0] for text in texts}

    assert chosen == set(range(masks.MASKS))


@pytest.mark.parametrize("version", [1, 6, 7, 25, 40])
def test_chooses_as_segno_does_in_every_size(version: int) -> None:
    text = str(random.Random(version).getrandbits(32))  # noqa: S311 - any digits do
    wanted = segno.make(text, version=version, error="l", boost_error=False)

    bare = segno.make(text, version=version, error="l", boost_error=False, mask=0)

    assert masks.best(bare)[0] == wanted.mask
    assert list(masks.best(bare)[1]) == rows_of(wanted)


def test_finders_that_share_modules_count_as_segno_counts_them() -> None:
    counted = 0b10111011101  # light before the first and behind the second

    assert masks._finders(counted, (1 << 11) - 1) == 1
    assert masks._finders(0b1011101, 0b1111111) == 1
    assert masks._finders(0b1011101 << 4 | 0b1, (1 << 11) - 1) == 1


def test_the_picture_shows_the_modules_inside_its_quiet_zone() -> None:
    wanted = rows_of(by_segno(ADDRESS))

    picture = ET.fromstring(qr.svg(ADDRESS))  # noqa: S314 - our own

    size = len(wanted) + 2 * qr.QUIET_ZONE
    assert picture.attrib["viewBox"] == f"0 0 {size} {size}"
    seen = [bytearray(len(wanted)) for _ in wanted]
    for step in picture[1].attrib["d"].split("M")[1:]:
        start, rest = step.split(" ")
        row, length = rest.split(".5h")
        x, y = int(start) - qr.QUIET_ZONE, int(row) - qr.QUIET_ZONE
        seen[y][x : x + int(length)] = b"\x01" * int(length)
    assert [bytes(row) for row in seen] == wanted


def test_a_transfer_is_what_segno_makes_of_it() -> None:
    wanted = helpers.make_epc_qr(
        name="Café Morgenrot",
        iban="DE89370400440532013000",
        bic="COBADEFFXXX",
        amount=Decimal("1250.05"),
        text="PL-2026-000123",
        encoding="utf-8",
    )
    transfer = qr.Transfer(
        holder="Café Morgenrot",
        iban="DE89370400440532013000",
        bic="COBADEFFXXX",
        amount_minor=125_005,
        reference="PL-2026-000123",
    )

    assert qr._transfer_code(transfer).error == "M"
    assert rows_of(wanted) == list(masks.best(qr._transfer_code(transfer))[1])


def test_a_transfer_never_says_more_than_banks_take() -> None:
    long = qr.Transfer(
        "\N{CJK UNIFIED IDEOGRAPH-5C71}" * 90,
        "PL" + "6" * 26,
        "",
        qr.MAX_CENTS,
        "r" * 200,
    )

    lines = qr._transfer_text(long).split("\n")

    assert lines[:5] == ["BCD", "002", "1", "SCT", ""]
    assert len(lines[5].encode()) <= 140
    assert len(lines[10]) == 35
    assert lines[7] == "EUR999999999.99"
    assert int(qr._transfer_code(long).version) <= 13
