"""The page of a link, beside one SELECT and one template on the same server."""

from functools import partial

from benchmarks._client import get
from benchmarks._figures import Measured, interleaved, tell
from benchmarks._stage import Server, stage

LINKS, REQUESTS = 300, 900


def main() -> None:
    with stage() as open_stage:
        from benchmarks._rows import make_links
        from links.services import pages

        links = make_links(LINKS)
        product = [get(f"/p/{pages.token_of(link)}/") for link in links]
        baseline = [get(f"/bench/pay/{link.token_sha256}/") for link in links]
        full, bare = open_stage.serve("full"), open_stage.serve("bare")
        seen = interleaved(
            {
                "product": partial(visits, full, product),
                "baseline": partial(visits, full, baseline),
                "product bare": partial(visits, bare, product),
                "baseline bare": partial(visits, bare, baseline),
            }
        )
        tell("pay", seen, ["product/baseline", "product bare/baseline bare"])


def visits(server: Server, addresses: list[bytes], _round: int) -> Measured:
    return server.measure(addresses * (REQUESTS // LINKS))


if __name__ == "__main__":
    main()
