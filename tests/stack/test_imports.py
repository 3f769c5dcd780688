"""Files of links while things go wrong: all of them or none, and each once."""

import io
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from django.db import connection

from links.models import ImportState, LinkImport, PaymentLink
from links.services import import_files, import_work, imports
from links.services.errors import LinkConflict
from links.services.import_fields import Setup
from links.tests.factories import make_user
from merchant_portal.staff.models import User
from proofs.desk import Desk
from proofs.scenarios import imports as proof
from proofs.servers import Servers, desks

from . import threads
from .test_crashes import DEATH, DEATH_SECONDS, Rig

pytestmark = pytest.mark.stack
ROWS = 1_200  # three chunks
IN_PARTS = "tests.stack.with_imports_in_parts"
LINKS = "SELECT count(*) FROM links_paymentlink WHERE imported_in_id = %s"
STATE = "SELECT state FROM links_linkimport WHERE id = %s"


def text(name: str, rows: int = ROWS) -> str:
    return "Reference,Name,E-mail,Amount,Description\n" + "".join(
        f"{name}-{n},Ada {n},{name}{n}@example.com,12.50,Cake\n" for n in range(rows)
    )


@pytest.fixture(scope="module")
def rig(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with desks(servers, tmp_path_factory.mktemp("imports")) as open_desk:
        desk = open_desk("imports")
        web = desk.shop.web()
        desk.shop.beat()
        desk.shop.wait_for_web(web)
        desk.shop.manage("create_owner", "olga@shop.example")
        yield Rig(desk, web)


def running_import(desk: Desk, name: str) -> int:
    """What the screens write when somebody starts one whose rows were checked."""
    content = text(name).encode()
    [(key,)] = desk.shop.rows(
        "INSERT INTO links_linkimport (public_id, state, version, file_name, file_bytes,"
        " file_sha256, kind, encoding, separator, headings, headings_key, setup, language,"
        " is_good_only, repeat, size, bad, report, made, problem, tries, created_by_id,"
        " created_at) SELECT %s, 'running', 1, 'x.csv', %s, %s, 'csv', 'utf-8-sig', ',',"
        " '[]', '', %s, 'en', false, 0, %s, 0, '{}', 0, '', 0, id, now()"
        " FROM staff_user WHERE email = 'olga@shop.example' RETURNING id",
        f"imp_{name}",
        len(content),
        name,
        '{"columns": {"reference": 0, "name": 1, "email": 2, "amount": 3,'
        ' "description": 4}, "style": "1250.50", "currency": "EUR"}',
        ROWS,
    )
    desk.shop.rows(
        "INSERT INTO links_importpart (job_id, position, data) VALUES (%s, 0, %s)",
        key,
        content,
    )
    touch(desk, key, insert=True)
    return int(key)


def touch(desk: Desk, key: int, *, insert: bool = False) -> None:
    """As if nobody had been heard of for minutes, so that the next sweep looks."""
    if insert:
        desk.shop.rows(
            "INSERT INTO links_importprogress (job_id, done, is_stop_wanted, touched_at)"
            " VALUES (%s, 0, false, now() - interval '5 minutes')",
            key,
        )
    else:
        desk.shop.rows(
            "UPDATE links_importprogress SET touched_at = now() - interval '5 minutes'"
            " WHERE job_id = %s",
            key,
        )


@pytest.mark.parametrize("point", ["import.after_chunk:2", "import.before_commit"])
def test_a_worker_that_dies_leaves_nothing_and_the_next_makes_all(
    rig: Rig, point: str
) -> None:
    name = "mid" if point.endswith("2") else "end"
    customers = "SELECT count(*) FROM customers_customer"
    [(before,)] = rig.shop.rows(customers)
    key = running_import(rig.desk, name)

    rig.die_in_worker(point)

    assert rig.shop.rows(LINKS, key) == [(0,)]
    assert rig.shop.rows(STATE, key) == [("running",)]
    assert rig.shop.rows(customers) == [(before,)]
    touch(rig.desk, key)
    with rig.worker():
        rig.shop.wait_for_rows([("done",)], STATE, key, within=60)
    assert rig.shop.rows(LINKS, key) == [(ROWS,)]
    gaps = (
        "SELECT count(*), max(right(number, 6)::int) - min(right(number, 6)::int) + 1"
        " FROM links_paymentlink WHERE imported_in_id = %s"
    )
    assert rig.shop.rows(gaps, key) == [(ROWS, ROWS)]


def test_control_without_one_transaction_half_of_them_stay(rig: Rig) -> None:
    key = running_import(rig.desk, "parts")

    worker = rig.shop.worker("doomed", app=IN_PARTS, CRASH_POINT="import.after_chunk:2")
    try:
        worker.wait_for_line(DEATH, timeout=DEATH_SECONDS)
    finally:
        worker.kill()

    [(half,)] = rig.shop.rows(LINKS, key)
    assert 0 < half < ROWS
    rig.shop.rows("UPDATE links_linkimport SET state = 'stopped' WHERE id = %s", key)


# --- in this process, on PostgreSQL -----------------------------------------------------


def ready(owner: User, content: str) -> LinkImport:
    job = imports.take(io.BytesIO(content.encode()), "x.csv", by=owner)
    imports.set_up(job, Setup.of(job.setup))
    import_work.work(job.pk)
    job.refresh_from_db()
    assert job.state == ImportState.READY, job.problem
    return job


def start(job: LinkImport) -> None:
    actor = job.created_by.actor()
    imports.start(job, good_only=False, again=False, version=job.version, actor=actor)


def test_two_people_start_the_same_file(on_postgresql: None) -> None:
    content = "Amount,Description\n1.00,Cake\n2.00,Pie\n"
    jobs = [ready(make_user(), content) for _ in range(2)]

    results = threads.together([partial(start, job) for job in jobs])

    refused = [one for one in results if isinstance(one, Exception)]
    assert len(refused) == 1
    assert isinstance(refused[0], LinkConflict) or "imported before" in str(refused[0])
    for job in jobs:
        import_work.work(job.pk)
    assert PaymentLink.objects.count() == 2


def test_two_workers_write_one_file_once(on_postgresql: None) -> None:
    job = ready(make_user(), text("two"))
    start(job)

    threads.all_well([partial(import_work.work, job.pk) for _ in range(4)])

    job.refresh_from_db()
    assert job.state == ImportState.DONE
    assert PaymentLink.objects.count() == ROWS


def test_two_files_with_the_same_reference_make_it_once(on_postgresql: None) -> None:
    owner = make_user()
    head = "Reference,Amount,Description\n"
    jobs = [
        ready(owner, f"{head}same,1.00,Cake\n{name},1.00,Cake\n") for name in ("a", "b")
    ]
    for job in jobs:
        start(job)

    threads.all_well([partial(import_work.work, job.pk) for job in jobs])

    states = sorted(LinkImport.objects.values_list("state", flat=True))
    assert states == [ImportState.CHECKING, ImportState.DONE]
    assert PaymentLink.objects.count() == 2


def test_stopped_in_the_middle_leaves_nothing(
    on_postgresql: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The wish reaches the worker, which nobody else sees anything of, over rows of its
    own; how far it was told can be read meanwhile."""
    job = ready(make_user(), text("stop"))
    start(job)
    told: list[int] = []
    before = import_work.Beacon.tell

    def tell(self: import_work.Beacon, done: int) -> None:
        told.append(done)
        if len(told) == 2:
            threads.all_well([partial(imports.stop, job, actor=job.created_by.actor())])
        before(self, done)

    monkeypatch.setattr(import_work.Beacon, "tell", tell)

    import_work.work(job.pk)

    job.refresh_from_db()
    assert told == [500, 1000]
    assert (job.state, PaymentLink.objects.count()) == (ImportState.STOPPED, 0)
    assert job.progress.done == 1000
    assert not job.parts.exists()


def test_a_full_disk_of_the_database_is_said(on_postgresql: None) -> None:
    """F13: what PostgreSQL answers then, whatever statement it was."""
    raising = "DO $$ BEGIN RAISE EXCEPTION 'no space' USING ERRCODE = '53100'; END $$"
    with (
        pytest.raises(import_files.NoRoom),
        import_files.room(),
        connection.cursor() as cursor,
    ):
        cursor.execute(raising)


def test_a_slice_of_the_proof(servers: Servers, tmp_path: Path) -> None:
    report = proof.run(servers, tmp_path, rows=4_000)

    assert report.findings == []
