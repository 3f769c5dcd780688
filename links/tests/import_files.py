"""Files of links for tests, taken, checked and made."""

import io
from typing import Any

from links.models import LinkImport
from links.services import import_work, imports
from links.services.import_fields import Setup
from merchant_portal.lib.tables.values import Days, Style
from merchant_portal.staff.models import User

HEAD = (
    "Invoice,Name,E-mail,Phone,Amount,Currency,Description,Quantity,VAT,Due date,Note\n"
)


def taken(owner: User, text: str, **said: Any) -> LinkImport:
    """A file, its columns named, every row looked at."""
    job = imports.take(io.BytesIO(text.encode()), "links.csv", by=owner)
    usual = {"style": Style.PLAIN, "days": Days.ISO}
    known = {name: value for name, value in job.setup.items() if value}
    imports.set_up(job, Setup.of({**usual, **known, **said}))
    import_work.work(job.pk)
    job.refresh_from_db()
    return job


def start(job: LinkImport, *, good_only: bool = False) -> None:
    actor = job.created_by.actor()
    imports.start(
        job, good_only=good_only, again=False, version=job.version, actor=actor
    )


def made(job: LinkImport, *, good_only: bool = False) -> LinkImport:
    start(job, good_only=good_only)
    import_work.work(job.pk)
    job.refresh_from_db()
    return job


def rows(count: int, start_at: int = 0) -> str:
    return "".join(
        f"A-{n},Ada {n},ada{n}@example.com,,12.50,EUR,Cake,,,,\n"
        for n in range(start_at, start_at + count)
    )
