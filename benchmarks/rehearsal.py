"""The rehearsal of 100,000 open links, beside reading their rows as models."""

from contextlib import ExitStack
from functools import partial

from benchmarks._figures import Measured, interleaved, say, tell
from benchmarks._peer import Peer, peer
from proofs.cluster import PostgresCluster, RedisServer

LINKS = 100_000


def main() -> None:
    with ExitStack() as stack:
        postgres = stack.enter_context(PostgresCluster(durable=True))
        redis = stack.enter_context(RedisServer())
        shop = stack.enter_context(
            peer(postgres, redis.url(), "benchmarks._rehearser", LINKS)
        )
        seen = interleaved(
            {name: partial(asked, shop, name) for name in ("rehearse", "read")}
        )
        tell("rehearsal", seen, ["rehearse/read"], unit="links/s")
        seconds = [LINKS / one.rate for one in seen["rehearse"]]
        say("rehearsal", f"{LINKS:,} open links", seconds, "s")


def asked(shop: Peer, what: str, _round: int) -> Measured:
    seconds, cpu = map(float, shop.ask(what).split())
    return Measured(rate=LINKS / seconds, p95_ms=0.0, cpu_ms=1000 * cpu)


if __name__ == "__main__":
    main()
