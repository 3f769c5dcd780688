"""Making links, by the service and over the API, beside bulk_create of the bare row."""

import json
import time
from collections.abc import Callable

from benchmarks._client import post
from benchmarks._figures import Measured, interleaved, tell
from benchmarks._stage import stage
from proofs.shop import manage

LINKS, BULK = 150, 1_500


def main() -> None:
    with stage(API_REQUESTS_PER_MINUTE="1000000") as open_stage:
        from benchmarks._rows import link_data, make_customer
        from links.services import links
        from merchant_portal.lib.actors import SYSTEM

        customer = make_customer()
        said = manage(open_stage.variables, "create_api_key", "bench", "--scope", "*")
        key = next(word for word in said.split() if word.startswith("mp_"))
        server = open_stage.serve("full")

        def by_service(_round: int) -> Measured:
            def make() -> None:
                for number in range(LINKS):
                    links.create(link_data(customer, number), actor=SYSTEM)

            return timed(make, LINKS)

        def over_api(number: int) -> Measured:
            return server.measure(
                [
                    request(customer.public_id, key, f"{number}-{one}")
                    for one in range(LINKS)
                ],
                status=201,
            )

        seen = interleaved(
            {"service": by_service, "api": over_api, "bulk_create": bare_rows}
        )
        tell("create", seen, ["service/bulk_create", "api/bulk_create"])


def request(customer: str, key: str, idempotency_key: str) -> bytes:
    line = {"description": "Cake", "quantity": 1, "unit_amount_minor": 1250}
    body = {"customer": customer, "currency": "EUR", "lines": [line]}
    headers = {
        "Authorization": f"Bearer {key}",
        "Content-Type": "application/json",
        "Idempotency-Key": idempotency_key,
    }
    return post("/api/v1/links", json.dumps(body).encode(), headers)


def bare_rows(number: int) -> Measured:
    """Only the row of the link: no number, line, schedule, timeline or audit."""
    from django.utils import timezone

    from links.models import PaymentLink
    from merchant_portal.lib import ids, signing

    def make() -> None:
        rows = []
        for _ in range(BULK):
            public_id = ids.new("plk")
            token = signing.link_token(public_id, 1)
            rows.append(
                PaymentLink(
                    public_id=public_id,
                    currency="EUR",
                    net_minor=1250,
                    tax_minor=0,
                    amount_minor=1250,
                    token_key_version=token.key_version,
                    token_sha256=token.sha256,
                    created_at=timezone.now(),
                )
            )
        PaymentLink.objects.bulk_create(rows, batch_size=500)

    return timed(make, BULK)


def timed(work: Callable[[], None], count: int) -> Measured:
    started, cpu = time.perf_counter(), time.process_time()
    work()
    seconds = time.perf_counter() - started
    cpu_ms = 1000 * (time.process_time() - cpu) / count
    return Measured(rate=count / seconds, p95_ms=1000 * seconds / count, cpu_ms=cpu_ms)


if __name__ == "__main__":
    main()
