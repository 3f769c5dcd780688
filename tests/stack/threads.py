"""Several things at the same moment, each with a database connection of its own."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from django.db import connection, connections

T = TypeVar("T")
MEET_SECONDS = 10.0
END_SECONDS = 60.0


def together(jobs: Sequence[Callable[[], T]]) -> list[T | Exception]:
    """Start all jobs at one barrier; what each gave back or raised, in their order."""
    barrier = threading.Barrier(len(jobs))

    def run(job: Callable[[], T]) -> T | Exception:
        try:
            connection.ensure_connection()  # slow, and not what races
            barrier.wait(MEET_SECONDS)
            return job()
        except Exception as exc:
            return exc
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(jobs), "race") as pool:
        futures = [pool.submit(run, job) for job in jobs]
        return [future.result(END_SECONDS) for future in futures]


def all_well(jobs: Sequence[Callable[[], T]]) -> list[T]:
    """`together`, where none may raise."""
    results: list[T] = []
    for result in together(jobs):
        if isinstance(result, Exception):
            raise result
        results.append(result)
    return results
