"""Random blows to the processes of an installation, drawn from a seed before they fall.

What ends is started again at once, as a container or `make stack` would do.
"""

import heapq
import json
import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import psycopg

from proofs.cluster import PostgresCluster, RedisServer
from proofs.processes import ChildProcess
from proofs.shop import Shop

LOOK_SECONDS = 0.2
# kind of blow → its share of all, and whom it may strike
SHARES: dict[str, tuple[int, tuple[str, ...]]] = {
    "kill_child": (46, ("one", "one", "two", "two", "web")),
    "kill_main": (12, ("one", "two", "web", "beat")),
    "kill_group": (14, ("one", "two", "web", "beat")),
    "freeze": (10, ("one", "two", "web", "beat", "redis")),
    "kill_server": (10, ("redis", "redis", "postgres")),
    "cut_sessions": (8, ("postgres",)),
}


@dataclass(frozen=True)
class Blow:
    """`at`: seconds from the start. `pick`: which child, 0 to 1. `seconds`: how long frozen."""

    at: float
    kind: str
    target: str
    pick: float
    seconds: float = 0.0


def plan(seed: int, count: int, seconds: float, longest_freeze: float) -> list[Blow]:
    """`count` blows within `seconds`, the same for the same seed, in order of time.

    One freeze in eight lasts `longest_freeze` seconds, the others up to four.
    """
    chance = random.Random(seed)  # noqa: S311  a plan to be repeated, no secret
    kinds = [kind for kind, (share, _) in SHARES.items() for _ in range(share)]
    blows = []
    for at in sorted(chance.uniform(0, seconds) for _ in range(count)):
        kind = chance.choice(kinds)
        frozen = longest_freeze if chance.random() < 1 / 8 else chance.uniform(0.2, 4)
        blows.append(
            Blow(
                at=round(at, 2),
                kind=kind,
                target=chance.choice(SHARES[kind][1]),
                pick=chance.random(),
                seconds=round(frozen, 2) if kind == "freeze" else 0.0,
            )
        )
    return blows


def write(blows: Sequence[Blow], path: Path) -> None:
    """The plan as JSON lines, to be read beside the logs."""
    path.write_text("".join(f"{json.dumps(asdict(blow))}\n" for blow in blows))


class Chaos:
    """Lets the blows fall on the shop and its servers, in a thread of its own.

    `struck` counts those that met somebody, by kind and target.
    """

    def __init__(
        self, shop: Shop, postgres: PostgresCluster, redis: RedisServer, database: str
    ) -> None:
        self._shop = shop
        self._postgres = postgres
        self._redis = redis
        self._database = database
        self._due: list[tuple[float, int, Callable[[], object]]] = []
        self._is_striking = False
        self._numbers = iter(range(10**9))
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="chaos")
        self.struck: Counter[str] = Counter()
        self.problem: BaseException | None = None

    def start(self, blows: Sequence[Blow]) -> None:
        """Let the blows fall, at their moments from now on."""
        started = time.monotonic()
        for blow in blows:
            self._at(started + blow.at, partial(self._strike, blow))
        self._thread.start()

    def finish(self) -> None:
        """Wait for the last blow; what dies later is revived until `stop`."""
        while (self._due or self._is_striking) and self.problem is None:
            time.sleep(LOOK_SECONDS)
        self._raise()

    def stop(self) -> None:
        """Revive nobody any more."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join()
        self._raise()

    def _raise(self) -> None:
        if self.problem is not None:
            raise self.problem

    def _run(self) -> None:
        try:
            while not self._stopping.wait(LOOK_SECONDS / 4):
                while self._due and self._due[0][0] <= time.monotonic():
                    self._is_striking = True
                    _moment, _number, act = heapq.heappop(self._due)
                    act()
                self._is_striking = False
                self._shop.revive()
        except BaseException as exc:  # told to the thread that waits
            self.problem = exc

    def _at(self, moment: float, act: Callable[[], object]) -> None:
        heapq.heappush(self._due, (moment, next(self._numbers), act))

    def _strike(self, blow: Blow) -> None:
        if getattr(self, f"_{blow.kind}")(blow):
            self.struck[f"{blow.kind} {blow.target}"] += 1

    def _process(self, name: str) -> ChildProcess:
        [found] = [each for each in self._shop.processes if each.name == name]
        return found

    def _kill_child(self, blow: Blow) -> bool:
        _main, *children = self._process(blow.target).group_pids() or [0]
        return bool(children) and _kill(children[int(blow.pick * len(children))])

    def _kill_main(self, blow: Blow) -> bool:
        """Its children are orphans beside the new ones, until they notice."""
        return _kill(self._process(blow.target).pid)

    def _kill_group(self, blow: Blow) -> bool:
        self._process(blow.target).kill()
        return True

    def _freeze(self, blow: Blow) -> bool:
        process = (
            self._redis.process
            if blow.target == "redis"
            else self._process(blow.target)
        )
        pids = process.group_pids()
        for pid in pids:
            _signal(pid, signal.SIGSTOP)

        # the other blows of the plan fall meanwhile
        self._at(
            time.monotonic() + blow.seconds,
            lambda: [_signal(pid, signal.SIGCONT) for pid in pids],
        )
        return bool(pids)

    def _kill_server(self, blow: Blow) -> bool:
        server = self._redis if blow.target == "redis" else self._postgres
        server.kill()
        server.start()
        return True

    def _cut_sessions(self, blow: Blow) -> bool:
        try:
            return self._postgres.terminate_backends(self._database) > 0
        except psycopg.OperationalError:
            return False


def _kill(pid: int) -> bool:
    return _signal(pid, signal.SIGKILL)


def _signal(pid: int, number: signal.Signals) -> bool:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True
