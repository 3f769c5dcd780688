"""Files to import, and what people do with them."""

import csv
import io
import zipfile
from typing import Any

import openpyxl
from django.core.files.uploadedfile import SimpleUploadedFile

from links.models import LinkImport
from links.services import import_work, imports
from links.services.import_fields import Setup
from merchant_portal.staff.models import User

from .doors import Doors

ADD = "/admin/links/linkimport/add/"
HEAD = "Reference,E-mail,Amount,Currency,Description\n"
GOOD = HEAD + "A-1,ada@example.com,12.50,EUR,Cake\n"


def upload(doors: Doors, content: bytes, name: str = "links.csv") -> Any:
    file = SimpleUploadedFile(name, content, "text/csv")
    return doors.browser.post(ADD, {"file": file})


def checked(content: bytes) -> LinkImport:
    """The import of a file, with every row looked at."""
    job = imports.take(io.BytesIO(content), "links.csv", by=User.objects.get())
    return again(job)


def again(job: LinkImport, **said: Any) -> LinkImport:
    setup = Setup.of({**job.setup, **said})
    imports.set_up(job, setup)
    import_work.work(job.pk)
    job.refresh_from_db()
    return job


def made(
    job: LinkImport, *, good_only: bool = False, repeat: bool = False
) -> LinkImport:
    imports.start(
        job,
        good_only=good_only,
        again=repeat,
        version=job.version,
        actor=job.created_by.actor(),
    )
    import_work.work(job.pk)
    job.refresh_from_db()
    return job


def workbook(**parts: bytes) -> bytes:
    """A sound XLSX with further members; `_` stands for a slash, `__` for a point."""
    book = openpyxl.Workbook()
    for line in csv.reader(GOOD.splitlines()):
        book.active.append(line)  # type: ignore[union-attr]
    file = io.BytesIO()
    book.save(file)
    with zipfile.ZipFile(file, "a", zipfile.ZIP_DEFLATED) as packed:
        for name, content in parts.items():
            packed.writestr(name.replace("__", ".").replace("_", "/"), content)
    return file.getvalue()
