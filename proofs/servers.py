"""PostgreSQL, Redis and whole installations of the product, made to be broken."""

import itertools
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from proofs import outside
from proofs.cluster import PostgresCluster, RedisServer
from proofs.desk import Desk
from proofs.processes import free_port
from proofs.shop import Shop, environment, manage

TEMPLATE = "template_shop"
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Servers:
    """Own PostgreSQL and Redis, which tests may stop and kill, and collected styles."""

    postgres: PostgresCluster
    redis: RedisServer
    folder: Path

    def new_database(self, name: str) -> str:
        """The URL of a fresh, migrated database; others may have had the name before."""
        return self.postgres.copy_database(TEMPLATE, f"{name}_{next(_numbers)}")


@contextmanager
def running(folder: Path) -> Iterator[Servers]:
    """Both servers for the length of the block; what they keep is gone after it."""
    with PostgresCluster() as postgres, RedisServer() as redis:
        variables = environment(
            folder=folder,
            port=free_port(),
            database_url=postgres.create_database(TEMPLATE),
            redis_url=redis.url(),
        )
        manage(variables, "migrate", "--noinput", "-v0")
        manage(variables, "collectstatic", "--noinput", "-v0")
        yield Servers(postgres, redis, folder)


OpenDesk = Callable[..., Desk]


@contextmanager
def desks(servers: Servers, folder: Path) -> Iterator[OpenDesk]:
    """Opens installations by name, each with a database and a world of its own.

    Grown ones share the Redis, embedded ones have SQLite and none. Not one process of
    the product runs at first; none is left at the end.
    """
    with ExitStack() as stack:

        def open_desk(name: str, *, is_embedded: bool = False) -> Desk:
            home = folder / name
            home.mkdir()
            (home / "static").symlink_to(servers.folder / "static")
            port = free_port()
            world = stack.enter_context(
                outside.running(home, f"http://127.0.0.1:{port}/webhooks/stripe/")
            )
            variables = environment(
                folder=home,
                port=port,
                database_url=f"sqlite:///{home / 'portal.sqlite3'}"
                if is_embedded
                else servers.new_database(name),
                redis_url="" if is_embedded else servers.redis.url(),
                **world.variables(),
            )
            shop = Shop(home, port, variables)
            if is_embedded:
                shop.manage("migrate", "--noinput", "-v0")
            stack.callback(shop.stop)
            return Desk(shop, world)

        yield open_desk
