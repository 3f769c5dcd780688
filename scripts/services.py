"""Own PostgreSQL and Redis for as long as a command needs them; runs inside .venv."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from proofs.cluster import PostgresCluster, RedisServer
from scripts import tell


@contextmanager
def running(database: str) -> Iterator[dict[str, str]]:
    """The environment with DATABASE_URL and REDIS_URL set.

    Given ones are used as they are; what is not given is started on a free port, and
    ended and removed afterwards. Raises proofs.cluster.ClusterError.
    """
    variables = dict(os.environ)
    with ExitStack() as stack:
        if not variables.get("DATABASE_URL"):
            tell.step("Starting a PostgreSQL of our own …")
            cluster = stack.enter_context(PostgresCluster())
            variables["DATABASE_URL"] = cluster.create_database(database)
        if not variables.get("REDIS_URL"):
            tell.step("Starting a Redis of our own …")
            variables["REDIS_URL"] = stack.enter_context(RedisServer()).url()
        yield variables
