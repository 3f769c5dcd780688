"""Links out of a file: the whole of it, when people change their mind and things go wrong."""

import errno
import io
import tempfile
from datetime import timedelta
from typing import Any

import pytest

from conftest import FrozenClock
from customers.models import Customer
from links.models import (
    ImportPart,
    ImportState,
    LinkImport,
    PaymentLink,
)
from links.services import (
    import_results,
    import_work,
    imports,
    pages,
)
from links.services.errors import LinkConflict, LinkError
from links.services.import_fields import Setup
from merchant_portal.audit.models import AuditEntry
from merchant_portal.lib.tables.values import Style
from merchant_portal.staff.models import User

from .factories import make_user
from .import_files import HEAD, made, rows, start, taken

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner(frozen: FrozenClock) -> User:
    return make_user()


def test_a_file_is_kept_only_until_it_is_imported(owner: User) -> None:
    job = taken(owner, HEAD + rows(1))
    assert ImportPart.objects.exists()

    made(job)

    assert not ImportPart.objects.exists()


def test_a_file_nobody_imports_is_forgotten(owner: User) -> None:
    job = taken(owner, HEAD + rows(1))
    assert imports.forget_files() == 0

    LinkImport.objects.update(created_at=job.created_at - timedelta(days=8))

    assert imports.forget_files() == 1
    job.refresh_from_db()
    assert job.state == ImportState.STOPPED
    assert not ImportPart.objects.exists()


def test_stopped_before_it_is_written_makes_nothing(owner: User) -> None:
    job = taken(owner, HEAD + rows(2))
    start(job)

    assert imports.stop(job, actor=owner.actor())
    import_work.work(job.pk)

    job.refresh_from_db()
    assert job.state == ImportState.STOPPED
    assert not PaymentLink.objects.exists()
    assert not Customer.objects.exists()


def test_stopping_what_is_made_says_so(owner: User) -> None:
    job = made(taken(owner, HEAD + rows(2)))

    assert not imports.stop(job, actor=owner.actor())

    job.refresh_from_db()
    assert job.state == ImportState.DONE


def test_stopped_while_it_is_checked(owner: User) -> None:
    job = imports.take(io.BytesIO((HEAD + rows(2)).encode()), "", by=owner)
    imports.set_up(job, Setup.of(job.setup))
    job.refresh_from_db()
    imports.stop(job, actor=owner.actor())

    import_work.check(job)

    job.refresh_from_db()
    assert job.state == ImportState.STOPPED


def test_columns_changed_since_it_was_looked_at(owner: User) -> None:
    job = taken(owner, HEAD + rows(2))
    seen = job.version
    imports.set_up(job, Setup.of(job.setup))
    import_work.work(job.pk)

    with pytest.raises(LinkConflict):
        imports.start(
            job, good_only=False, again=False, version=seen, actor=owner.actor()
        )

    assert not PaymentLink.objects.exists()


def test_work_that_comes_twice_makes_links_once(owner: User) -> None:
    job = made(taken(owner, HEAD + rows(2)))
    import_work.write(job)
    import_work.work(job.pk)

    assert PaymentLink.objects.count() == 2


def test_a_full_disk_where_it_is_read_imports_nothing(
    owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F13: refused in words, and it can be started again when there is room."""
    job = taken(owner, HEAD + rows(2))
    start(job)

    def full(*_args: Any, **_more: Any) -> Any:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(tempfile, "TemporaryFile", full)
        import_work.work(job.pk)
    job.refresh_from_db()
    assert (job.state, PaymentLink.objects.count()) == (ImportState.READY, 0)
    assert "no room left" in job.problem

    made(job)
    assert PaymentLink.objects.count() == 2


def test_a_try_that_never_ends_well_is_given_back(owner: User) -> None:
    job = taken(owner, HEAD + rows(2))
    start(job)
    LinkImport.objects.update(tries=import_work.MOST_TRIES)

    import_work.work(job.pk)

    job.refresh_from_db()
    assert job.state == ImportState.READY
    assert not PaymentLink.objects.exists()


def test_acts_are_in_the_audit_log_without_a_name(owner: User) -> None:
    job = made(taken(owner, HEAD + rows(3)))

    acts = AuditEntry.objects.filter(object_id=job.public_id).order_by("sequence")
    assert [one.action for one in acts] == [
        "import.uploaded",
        "import.started",
        "import.done",
    ]
    assert acts[2].details == {"links": 3, "customers": 3}
    assert "Ada" not in str(list(acts.values()))


def test_results_name_row_number_and_address(owner: User) -> None:
    job = made(
        taken(owner, HEAD + rows(2) + "C-1,,,,oops,EUR,Cake,,,,\n"), good_only=True
    )

    found = [
        (link.import_row, link.external_ref, url)
        for link, url in import_results.links_of(job)
    ]
    urls = [pages.url_of(link) for link in PaymentLink.objects.order_by("import_row")]
    assert found == [(2, "A-0", urls[0]), (3, "A-1", urls[1])]


@pytest.mark.parametrize(
    ("setup", "field"),
    [
        (Setup(columns={}), "amount"),
        (Setup(columns={"amount": 4, "name": 4}), "columns"),
        (Setup(columns={"amount": 99}, style=Style.PLAIN), "columns"),
        (Setup(columns={"amount": 4}), "style"),
        (Setup(columns={"amount": 4, "due_on": 9}, style=Style.PLAIN), "days"),
        (Setup(columns={"amount": 4}, style=Style.PLAIN, currency="XXX"), "currency"),
        (
            Setup(columns={"amount": 4}, style=Style.PLAIN, currency="EUR"),
            "description",
        ),
    ],
)
def test_what_is_not_said_yet_is_asked(owner: User, setup: Setup, field: str) -> None:
    job = imports.take(io.BytesIO((HEAD + rows(1)).encode()), "", by=owner)

    with pytest.raises(LinkError) as refused:
        imports.set_up(job, setup)

    assert refused.value.field == field
    job.refresh_from_db()
    assert job.state == ImportState.NEW
