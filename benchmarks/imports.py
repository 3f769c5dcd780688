"""Links out of a CSV of 10,000 rows, beside django-import-export at its fastest.

The peer writes the row of the link and nothing else, without a check: no line, timeline,
customer, preview, audit or message to come. The product does all of it.
"""

import io
import time
from collections.abc import Callable
from typing import Any

from benchmarks._figures import Measured, interleaved, tell
from benchmarks._stage import stage

ROWS = 10_000
HEAD = "Reference,Amount,Currency,Description,Due date"


def main() -> None:
    with stage():
        from merchant_portal.staff.models import User
        from merchant_portal.staff.roles import Role

        owner = User.objects.create_user("olga@shop.example", role=Role.OWNER)
        job_of = _checked(owner)

        def write(number: int) -> Measured:
            job = job_of(content(f"w{number}"))
            return timed(lambda: _write(job))

        def write_with_customers(number: int) -> Measured:
            job = job_of(content(f"c{number}", with_customers=True))
            return timed(lambda: _write(job))

        def whole(number: int) -> Measured:
            return timed(lambda: _write(job_of(content(f"a{number}"))))

        peer = peer_of(owner)
        seen = interleaved(
            {
                "product": write,
                "product with check and preview": whole,
                "product with new customers": write_with_customers,
                "import_export": lambda n: timed(lambda: peer(content(f"p{n}"))),
            }
        )
        tell(
            "imports",
            seen,
            [
                "product/import_export",
                "product with check and preview/import_export",
                "product with new customers/import_export",
            ],
            unit="rows/s",
        )


def content(mark: str, *, with_customers: bool = False) -> str:
    more = ",Name,E-mail" if with_customers else ""
    rows = (
        f"{mark}-{n},{n % 900 + 1}.50,EUR,Birthday cake,2030-03-12"
        + (f",Ada {n},{mark}{n}@example.com" if with_customers else "")
        for n in range(ROWS)
    )
    return "\n".join([HEAD + more, *rows])


def _checked(owner: Any) -> Callable[[str], Any]:
    """The product's own steps until somebody has seen the preview."""
    from links.services import import_results, import_work, imports
    from links.services.import_fields import Setup
    from merchant_portal.lib import queue

    def check(text: str) -> Any:
        with queue.silenced():
            job = imports.take(io.BytesIO(text.encode()), "x.csv", by=owner)
            imports.set_up(job, Setup.of(job.setup))
            import_work.work(job.pk)
            job.refresh_from_db()
            assert job.bad == 0
            assert len(import_results.first_rows(job)) == import_results.SHOWN_ROWS
        return job

    return check


def _write(job: Any) -> None:
    from links.services import import_work, imports
    from merchant_portal.lib import queue

    with queue.silenced():
        actor = job.created_by.actor()
        imports.start(
            job, good_only=False, again=False, version=job.version, actor=actor
        )
        import_work.work(job.pk)
    job.refresh_from_db()
    assert job.made == ROWS


def peer_of(owner: Any) -> Callable[[str], None]:
    """django-import-export as its documentation says for large files: no look-ups, no
    differences, no report of rows, bulk writes; one transaction."""
    from django.utils import timezone
    from import_export import fields, resources
    from tablib import Dataset

    from links.models import PaymentLink
    from merchant_portal.lib import ids, signing

    class LinkResource(resources.ModelResource):  # type: ignore[misc]
        external_ref = fields.Field("external_ref", "Reference")
        currency = fields.Field("currency", "Currency")
        amount_minor = fields.Field("amount_minor", "minor")
        net_minor = fields.Field("net_minor", "minor")
        due_on = fields.Field("due_on", "Due date")

        class Meta:
            model = PaymentLink
            fields = ("external_ref", "currency", "amount_minor", "net_minor", "due_on")
            import_id_fields = ("external_ref",)
            use_bulk = True
            batch_size = 1_000
            force_init_instance = True
            skip_diff = True
            skip_html_diff = True
            skip_unchanged = False
            report_skipped = False
            use_transactions = True

        def before_import_row(self, row: Any, **_more: Any) -> None:
            row["minor"] = int(row["Amount"].replace(".", ""))

        def after_init_instance(self, instance: Any, _new: bool, *_more: Any, **_named: Any) -> None:  # fmt: skip
            token = signing.link_token(instance.public_id, 1)
            instance.token_key_version, instance.token_sha256 = token.key_version, token.sha256  # fmt: skip
            instance.status, instance.number = "active", ids.new("n")[:20]
            instance.tax_minor, instance.created_at = 0, timezone.now()
            instance.created_by_id = owner.pk

    def run(text: str) -> None:
        dataset = Dataset().load(text, format="csv")
        result = LinkResource().import_data(dataset, raise_errors=True)
        assert result.totals["new"] == ROWS

    return run


def timed(work: Callable[[], None]) -> Measured:
    started, cpu = time.perf_counter(), time.process_time()
    work()
    seconds = time.perf_counter() - started
    cpu_ms = 1000 * (time.process_time() - cpu) / ROWS
    return Measured(rate=ROWS / seconds, p95_ms=0.0, cpu_ms=cpu_ms)


if __name__ == "__main__":
    main()
