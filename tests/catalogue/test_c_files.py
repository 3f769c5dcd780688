"""C1 to C9: files as they come in, and cells as they go out."""

import csv
import io
import random
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from links.models import LinkImport
from links.services import import_files, imports
from links.services.import_fields import Setup
from merchant_portal.lib import spreadsheets, tables
from merchant_portal.lib.tables import Limits
from merchant_portal.lib.tables.values import Style
from merchant_portal.staff.models import User

from .doors import Doors
from .files import GOOD, HEAD, again, checked, made, upload, workbook

pytestmark = pytest.mark.django_db
ADD = "/admin/links/linkimport/add/"


@pytest.mark.parametrize(
    ("value", "written"),
    [
        pytest.param("=1+1", "'=1+1", id="C1-equals"),
        pytest.param("+1", "'+1", id="C1-plus"),
        pytest.param("@SUM(A1)", "'@SUM(A1)", id="C1-at"),
        pytest.param(" =1+1", "' =1+1", id="C1-blank-before"),
        pytest.param("\t=1", "'\t=1", id="C2-tab"),
        pytest.param("\r=1", "'\r=1", id="C2-return"),
        pytest.param("\x00=1", "'=1", id="C2-nul"),
        pytest.param("\uff1d1+1", "'\uff1d1+1", id="C2-full-width"),
        pytest.param("-5 people", "'-5 people", id="C3-text"),
        pytest.param(-5, "-5", id="C3-number"),
    ],
)
def test_cells_that_leave_are_computed_by_no_spreadsheet(
    value: object, written: str
) -> None:
    assert spreadsheets.cell(value) == written


def test_formulas_out_of_a_file_leave_as_text(doors: Doors) -> None:
    """C1: what came in with a file goes out harmless in the file of results."""
    job = made(
        checked((HEAD + '"=HYPERLINK(1)",ada@example.com,1.00,EUR,Cake\n').encode())
    )

    answer: Any = doors.browser.get(f"/admin/links/linkimport/{job.pk}/results.csv")

    body = b"".join(answer.streaming_content).decode("utf-8-sig")
    [_head, row] = csv.reader(io.StringIO(body))
    assert row[2] == "'=HYPERLINK(1)"


@pytest.mark.parametrize(
    ("content", "encoding", "separator"),
    [
        pytest.param(GOOD.encode("utf-16"), "utf-16", ",", id="C4-utf-16"),
        pytest.param(GOOD.encode("utf-16-le"), "utf-16-le", ",", id="C4-utf-16-no-mark"),
        pytest.param(GOOD.encode("utf-8-sig"), "utf-8-sig", ",", id="C4-mark"),
        pytest.param(
            GOOD.replace("Cake", "Soufflé").encode("cp1252"), "cp1252", ",", id="C5-cp1252"
        ),
        pytest.param(
            GOOD.replace(",", ";").encode(), "utf-8-sig", ";", id="C5-semicolon"
        ),
        pytest.param(GOOD.replace(",", "\t").encode(), "utf-8-sig", "\t", id="C5-tab"),
        pytest.param(
            GOOD.replace("Cake", '"Cake,\nof ""three"" layers"').replace("\nof", "\nof").encode(),
            "utf-8-sig",
            ",",
            id="C6-quoted-line-end",
        ),
    ],
)  # fmt: skip
def test_what_a_file_is_written_in_is_found_and_shown(
    doors: Doors, content: bytes, encoding: str, separator: str
) -> None:
    answer = upload(doors, content)

    job = LinkImport.objects.get()
    assert answer.status_code == 302
    assert (job.encoding, job.separator) == (encoding, separator)
    assert job.headings == ["Reference", "E-mail", "Amount", "Currency", "Description"]
    page = doors.browser.get(answer["Location"]).content.decode()
    assert "Amount: 12.50" in page


def test_a_person_can_say_otherwise(doors: Doors) -> None:
    """C5: Windows-1252 and 1250 cannot be told apart, so both can be chosen."""
    upload(doors, GOOD.replace("Cake", "Žito").encode("cp1250"))
    job = LinkImport.objects.get()
    assert job.encoding == "cp1252"

    form = {"act": "read", "encoding": "cp1250", "separator": ","}
    answer = doors.browser.post(f"/admin/links/linkimport/{job.pk}/columns/", form)

    page = doors.browser.get(answer["Location"]).content.decode()
    assert "Description: Žito" in page


def test_quoted_line_ends_stay_in_their_cell(doors: Doors) -> None:
    """C6: and the rows after it are numbered as a spreadsheet does."""
    rows = (
        'A-1,ada@example.com,1.00,EUR,"Two\nlines"\nA-2,ada@example.com,none,EUR,Cake\n'
    )
    job = checked((HEAD + rows).encode())

    assert job.size == 2
    assert [one[:2] for one in job.report["shown"]] == [
        [2, "description"],
        [3, "amount"],
    ]


@pytest.mark.parametrize(
    ("amounts", "proposed"),
    [
        (["12.50", "3"], "1250.50"),
        (["1.250"], None),
        (["1,250"], None),
        (["1.250,50"], "1.250,50"),
        (["1,250.50", "3"], "1,250.50"),
        (["1.250,50", "1,250.50"], None),
    ],
)
def test_amounts_are_never_guessed(
    doors: Doors, amounts: list[str], proposed: str | None
) -> None:
    """C4 to C6: where the same digits could mean two sums, a person must say which."""
    rows = "".join(f'A-{n},,"{text}",KWD,Cake\n' for n, text in enumerate(amounts))
    job = imports.take(
        io.BytesIO((HEAD + rows).encode()), "links.csv", by=User.objects.get()
    )

    assert Setup.of(job.setup).style == (Style(proposed) if proposed else None)
    if proposed is None:
        answer = doors.browser.post(
            f"/admin/links/linkimport/{job.pk}/columns/",
            {"column_amount": "2", "column_description": "4", "currency": "KWD"},
        )
        assert answer.status_code == 422
        assert "Choose how amounts are written" in answer.content.decode()


@pytest.mark.parametrize(
    "text",
    [
        "0",
        "-5",
        "1e5",
        "1_000",
        "\uff11\uff12",
        "12.505",
        "€ 12",
        "999999999999",
        "1,5",
    ],
)
def test_odd_amounts_are_refused_by_row(doors: Doors, text: str) -> None:
    """A1 to A12, as they stand in a file."""
    content = HEAD + f'A-1,ada@example.com,"{text}",EUR,Cake\n'
    job = imports.take(io.BytesIO(content.encode()), "", by=User.objects.get())
    again(job, style=Style.PLAIN)
    job.refresh_from_db()

    assert (job.size, job.bad) == (1, 1)
    assert job.report["shown"][0][:2] == [2, "amount"]


def test_a_file_above_the_limit_is_refused_before_it_is_read(
    doors: Doors, monkeypatch: pytest.MonkeyPatch
) -> None:
    """C7: by the length that the request names, before its body is taken in."""
    read: list[object] = []
    monkeypatch.setattr(imports, "take", lambda *args, **more: read.append(args))
    monkeypatch.setattr(import_files, "UPLOAD_BYTES", 100)

    answer = upload(doors, b"x" * 20_000)

    assert answer.status_code == 413
    assert "too large" in answer.content.decode()
    assert read == []


def refusal(content: bytes, limits: Limits) -> str:
    file = io.BytesIO(content)
    with pytest.raises(tables.TableError) as refused:
        list(tables.rows(file, tables.look(file, limits), limits))
    return str(refused.value)


@pytest.mark.parametrize(
    ("content", "limits", "words"),
    [
        pytest.param(GOOD.encode(), Limits(bytes=10), "too large", id="C7-bytes"),
        pytest.param((GOOD * 5).encode(), Limits(rows=3), "too many rows", id="C7-rows"),
        pytest.param(b"a,b\n" + b"\n" * 99, Limits(blank_rows=9), "empty rows", id="C7-blank"),
        pytest.param(b"a\n" + b"," * 100_000, Limits(blank_rows=0), "empty rows", id="C8-blank-columns"),
        pytest.param(b"x" + b",x" * 5_000, Limits(), "too many columns", id="C8-columns"),
        pytest.param(b"x" + b",x" * 100_000, Limits(), "too long", id="C8-100,000-columns"),
        pytest.param(b"a,b\n" + b"x" * 6_000 + b",y", Limits(), "too long", id="C8-cell"),
        pytest.param(b"x" * 500_000, Limits(), "too long", id="C8-line"),
        pytest.param(b'a,b\n"open,1\n2,3', Limits(), "quotation mark", id="C6-open-quote"),
        pytest.param(b"", Limits(), "empty", id="C9-empty"),
        pytest.param(b"a,b\n\x00\x01\x02\xff" * 9, Limits(), "holds no table", id="C9-binary"),
        pytest.param(b"\xd0\xcf\x11\xe0" * 9, Limits(), "XLS file", id="C9-old"),
        pytest.param(workbook(xl_bomb__xml=b"0" * 9_000_000), Limits(), "unpacks to far too much", id="C8-zip-bomb"),
        pytest.param(workbook(xl_vbaProject__bin=b"x"), Limits(), "macros", id="C9-macro"),
        pytest.param(workbook(xl_externalLinks_externalLink1__xml=b"<a/>"), Limits(), "macros", id="C9-external-link"),
        pytest.param(workbook(xl_embeddings_other__bin=b"x"), Limits(), "macros", id="C9-embedded"),
        pytest.param(workbook(xl_x__xml=b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'), Limits(), "not written by a spreadsheet", id="C9-dtd"),
        pytest.param(workbook(xl_x__xml="<!DOCTYPE a><a/>".encode("utf-16")), Limits(), "not written by a spreadsheet", id="C9-dtd-utf-16"),
        pytest.param(workbook()[:-300], Limits(), "damaged", id="C9-cut"),
        pytest.param(b"PK\x03\x04" + b"x" * 99, Limits(), "damaged", id="C9-no-zip"),
    ],
)  # fmt: skip
def test_too_much_and_harmful_is_refused(
    content: bytes, limits: Limits, words: str
) -> None:
    assert words in refusal(content, limits)


def test_a_far_row_of_a_workbook_ends_the_reading() -> None:
    """C7: a cell that claims to stand in row 900,000,000 is not walked to."""
    content = workbook()
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(file, "w") as new:
        for name in old.namelist():
            part = old.read(name)
            if name == "xl/worksheets/sheet1.xml":
                part = part.replace(b'<row r="2"', b'<row r="900000000"')
                part = part.replace(b'r="A2"', b'r="A900000000"')
            new.writestr(name, part)

    assert "empty rows" in refusal(file.getvalue(), Limits())


def test_a_sound_workbook_is_read(doors: Doors) -> None:
    """The control of the refusals above."""
    answer = upload(doors, workbook())

    assert answer.status_code == 302
    assert LinkImport.objects.get().kind == "xlsx"


def test_damaged_workbooks_are_refused_whatever_is_wrong() -> None:
    """C9: 200 seeded ones; each is read, or refused in words, and none is a 500."""
    sound = workbook()
    chance = random.Random(7)  # noqa: S311 - the same ones each time
    said: set[str] = set()

    for _ in range(200):
        damaged = bytearray(sound)
        for place in chance.sample(range(len(sound)), 20):
            damaged[place] = chance.randrange(256)
        file = io.BytesIO(bytes(damaged))
        with suppress_refusals(said):
            list(tables.rows(file, tables.look(file)))

    assert "" not in said
    assert said


@contextmanager
def suppress_refusals(said: set[str]) -> Iterator[None]:
    try:
        yield
    except tables.TableError as refused:
        said.add(str(refused))
