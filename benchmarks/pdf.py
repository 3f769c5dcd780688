"""An invoice from its rows to its bytes, beside Typst given the finished words."""

import json
import time
from collections.abc import Callable
from functools import partial
from typing import Any
from unittest import mock

from benchmarks import _mails
from benchmarks._figures import Measured, interleaved, tell
from benchmarks._stage import stage

INVOICES = 100


def main() -> None:
    with stage():
        _mails.make_links(INVOICES)
        wanted = _wanted()
        ready = _ready(wanted)
        tell(
            "pdf",
            interleaved(
                {
                    "product": partial(_timed, [_product(each) for each in wanted]),
                    "typst": partial(_timed, [_bare(data) for data in ready]),
                }
            ),
            ["product/typst"],
            unit="invoices/s",
        )


def bare(count: int) -> list[Callable[[], bytes]]:
    """What draws the invoices of so many links with Typst alone."""
    return [_bare(data) for data in _ready(_wanted(count))]


def _wanted(count: int = INVOICES) -> list[Any]:
    """Links with their customers and lines, and the business, all read."""
    from links.models import PaymentLink
    from merchant_portal.business.models import Business

    business = Business.objects.current()
    links = PaymentLink.objects.select_related("customer").order_by("pk")[:count]
    return [(link, list(link.lines.order_by("position")), business) for link in links]


def _ready(wanted: list[Any]) -> list[Any]:
    """What Typst is given for each: data and time."""
    from links.documents import paper

    with mock.patch.object(paper, "pdf", return_value=b"") as drawn:
        for each in wanted:
            _product(each)()
    return [call.args[1:] for call in drawn.call_args_list]


def _product(wanted: Any) -> Callable[[], bytes]:
    from links.services import papers

    link, lines, business = wanted
    return partial(papers.invoice, link, lines, business, "en", is_payable=True)


def _bare(ready: Any) -> Callable[[], Any]:
    """The compiler as Typst's documents show it: one kept, data in, PDF/A-3a out."""
    from links.documents import paper

    data, at = ready
    compiler = paper._compiler(paper.SHEET)
    return partial(
        compiler.compile,
        sys_inputs={"data": json.dumps(data)},
        format="pdf",
        pdf_standards=paper.STANDARD,
        timestamp=int(at.timestamp()),
    )


def _timed(makers: list[Callable[[], Any]], _round: int) -> Measured:
    started, cpu = time.perf_counter(), time.process_time()
    for make in makers:
        make()
    seconds = time.perf_counter() - started
    cpu_ms = 1000 * (time.process_time() - cpu) / len(makers)
    return Measured(rate=len(makers) / seconds, p95_ms=0.0, cpu_ms=cpu_ms)


if __name__ == "__main__":
    main()
