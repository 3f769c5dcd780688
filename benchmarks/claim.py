"""A claim of 500 due messages where there are ten million, beside a hundred thousand."""

from contextlib import ExitStack
from functools import partial

from benchmarks._figures import Measured, interleaved, say
from benchmarks._peer import Peer, peer
from proofs.cluster import PostgresCluster, RedisServer

FEW, MANY = 100_000, 10_000_000
CLAIMS = 20  # in a round


def main() -> None:
    with ExitStack() as stack:
        postgres = stack.enter_context(PostgresCluster(durable=True))
        redis = stack.enter_context(RedisServer())
        shops = {
            f"{count:,}": stack.enter_context(
                peer(postgres, redis.url(), "benchmarks._claimer", count)
            )
            for count in (FEW, MANY)
        }
        seen = interleaved(
            {name: partial(claims, shop) for name, shop in shops.items()}
        )
        few, many = seen.values()
        ratios = [b.p95_ms / a.p95_ms for a, b in zip(few, many, strict=True)]
        say("claim", " / ".join(reversed(list(seen))), ratios, "x")
        for name, rounds in seen.items():
            say("claim", f"500 of {name}", [one.p95_ms for one in rounds], "ms")


def claims(shop: Peer, _round: int) -> Measured:
    """The median of some claims."""
    seconds = sorted(float(shop.ask("claim")) for _ in range(CLAIMS))
    middle = seconds[len(seconds) // 2]
    return Measured(rate=500 / middle, p95_ms=1000 * middle, cpu_ms=0.0)


if __name__ == "__main__":
    main()
