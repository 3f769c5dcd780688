"""C10 to C13: the same twice, one bad row, and the names of files."""

import io
from urllib.parse import unquote

import pytest

from links.models import ImportPart, ImportState, PaymentLink
from links.services import import_work, imports
from merchant_portal.staff.models import User
from notifications.models import Message

from .doors import Doors
from .files import GOOD, HEAD, checked, made

pytestmark = pytest.mark.django_db
ADD = "/admin/links/linkimport/add/"


def test_the_same_row_twice_is_shown(doors: Doors) -> None:
    """C10: without a reference it may be meant, so it is said and not refused."""
    row = ",ada@example.com,12.50,EUR,Cake\n"
    job = checked((HEAD + row + row).encode())

    assert job.bad == 0
    assert job.report["same_rows"] == [[3, 2]]
    page = doors.browser.get(f"/admin/links/linkimport/{job.pk}/change/")
    assert "3 = 2" in page.content.decode()


def test_a_reference_makes_one_link(doors: Doors) -> None:
    """C11: twice in the file, and in the file of last week."""
    made(checked(GOOD.encode()))
    job = checked(
        (HEAD + "A-1,,1.00,EUR,Cake\nB-1,,1.00,EUR,Cake\nB-1,,2.00,EUR,Pie\n").encode()
    )

    assert [one[:2] for one in job.report["shown"]] == [
        [2, "reference"],
        [4, "reference"],
    ]
    assert "A link has this reference" in job.report["shown"][0][2]
    assert "Row 3 has the same reference" in job.report["shown"][1][2]


def test_the_same_file_twice_is_shown_and_asked_for(doors: Doors) -> None:
    """C11: by what is in it, whatever it is called."""
    content = (HEAD + ",ada@example.com,12.50,EUR,Cake\n").encode()
    made(checked(content))
    job = checked(content)
    start = f"/admin/links/linkimport/{job.pk}/start/"
    form = {"version": job.version, "rows": "all"}

    page = doors.browser.get(f"/admin/links/linkimport/{job.pk}/change/")
    refused = doors.browser.post(start, form)
    assert "This very file was imported on" in page.content.decode()
    assert refused.status_code == 422
    assert PaymentLink.objects.count() == 1

    doors.browser.post(start, {**form, "again": "on"})
    import_work.work(job.pk)
    assert PaymentLink.objects.count() == 2


ROWS = "".join(f"A-{n},ada{n}@example.com,12.50,EUR,Cake\n" for n in range(30))
BAD = "A-99,ada@example.com,twelve,EUR,Cake\n"


def test_one_bad_row_and_none_is_imported(doors: Doors) -> None:
    """C12: unless somebody says that the good ones alone will do."""
    job = checked((HEAD + ROWS + BAD).encode())
    start = f"/admin/links/linkimport/{job.pk}/start/"

    refused = doors.browser.post(start, {"version": job.version, "rows": "all"})
    assert refused.status_code == 422
    assert not PaymentLink.objects.exists()

    doors.browser.post(start, {"version": job.version, "rows": "good"})
    import_work.work(job.pk)
    job.refresh_from_db()
    assert (job.state, job.made) == (ImportState.DONE, 30)
    assert PaymentLink.objects.count() == 30
    assert not Message.objects.exists()


def test_a_row_that_went_bad_meanwhile_undoes_all(doors: Doors) -> None:
    """C12: checked again in the transaction that writes."""
    job = checked((HEAD + ROWS).encode())
    made(checked((HEAD + "A-29,ada@example.com,1.00,EUR,Cake\n").encode()))

    made(job)

    assert PaymentLink.objects.count() == 1
    assert job.state == ImportState.CHECKING
    assert "Something changed" in job.problem
    import_work.work(job.pk)
    job.refresh_from_db()
    assert (job.state, job.bad) == (ImportState.READY, 1)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        pytest.param("../../etc/cron.d/x.csv", "x.csv", id="path"),
        pytest.param("..\\..\\x.csv", "x.csv", id="backslashes"),
        pytest.param("x.csv.exe", "x.csv.exe", id="program"),
        pytest.param("x\x00.csv", "x.csv", id="nul"),
        pytest.param("ä" * 300 + ".csv", "ä" * 59 + "…", id="long"),
        pytest.param("<script>.csv", "<script>.csv", id="markup"),
    ],
)
def test_names_of_files_name_nothing(doors: Doors, name: str, shown: str) -> None:
    """C13: shown and no more; what a file is, its bytes say."""
    job = imports.take(io.BytesIO(GOOD.encode()), name, by=User.objects.get())

    assert job.file_name == shown
    assert job.kind == "csv"
    assert (
        b"".join(bytes(part.data) for part in ImportPart.objects.all()) == GOOD.encode()
    )
    page = doors.browser.get(f"/admin/links/linkimport/{job.pk}/change/")
    assert "<script>.csv" not in page.content.decode()


def test_the_name_of_what_leaves_is_ours(doors: Doors) -> None:
    """C13, the other way."""
    job = made(checked(GOOD.encode()))

    answer = doors.browser.get(f"/admin/links/linkimport/{job.pk}/results.csv")

    assert unquote(answer["Content-Disposition"]) == (
        f'attachment; filename="{job.public_id}.csv"'
    )
