"""The machine: the rules together, what is checked after each, and how it all ends."""

import sys
from collections import Counter
from collections.abc import Collection
from contextlib import ExitStack
from typing import ClassVar

from django.db import connection
from django.test import Client
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from links import tasks
from links.models import TrainingPayment
from merchant_portal.audit import verifying

from . import invariants, watch
from .invariants import ensure
from .rules_of_links import PLACE
from .rules_of_messages import MessageRules
from .world import Base, World, rolled_back

VACUUM_EVERY = 100


class Machine(MessageRules):
    base: ClassVar[Base]
    sql: ClassVar[str] = ""
    counted: ClassVar[Counter[str]]

    def __init__(self) -> None:
        super().__init__()
        self.counted["examples"] += 1
        if self.counted["examples"] % VACUUM_EVERY == 0:
            watch.vacuum()
        self._stack = ExitStack()
        self._stack.enter_context(rolled_back())
        if self.sql:
            with connection.cursor() as cursor:
                cursor.execute(self.sql)
        self.world = World(self.base, self.counted)
        self._stack.enter_context(self.world.living())
        self._history = invariants.History()
        self._has_looked = False

    @precondition(lambda self: not self._has_looked)
    @rule(place=PLACE, page=PLACE, method=st.sampled_from(("get", "get", "head")))
    def look(self, place: int, page: int, method: str) -> None:
        self._has_looked = True
        addresses = self._pages(place)
        client = Client()
        client.force_login(self.base.owner)
        before = watch.fingerprint()
        address = addresses[page % len(addresses)]
        answer = getattr(client, method)(address)
        self.counted["looks"] += 1
        ensure(14, answer.status_code < 300 or answer.status_code == 410, answer)
        after = watch.fingerprint()
        changed = [table for table in after if after[table] != before.get(table)]
        ensure(14, not changed, f"{method} {address} changed {changed}")

    @invariant()
    def holds(self) -> None:
        self.counted["steps"] += 1
        self._check()

    def _check(self) -> watch.Books:
        world = self.world
        books = watch.read(
            audit_after=self.base.audit_pk, moves_after=self._history.last_move
        )
        self.counted["moves"] += len(books.moves)
        self._history.follow(books)
        invariants.check_money(books)
        invariants.check_provider(books, world.bank.succeeded())
        invariants.check_sessions(books)
        invariants.check_messages(books, world)
        invariants.check_claims(books, world)
        invariants.check_acts(books, world)
        return books

    def teardown(self) -> None:
        try:
            if sys.exc_info()[0] is None:
                self._end_well()
        finally:
            self._stack.close()

    def _end_well(self) -> None:
        """Faults stop, every webhook comes, workers work: then all must be in order."""
        world = self.world
        world.bank.faults, world.carrier.fates = [], []
        world.dies_at, world.dies_in = "", 0
        for number in list(world.bank.untold):
            self._hear(number)
        world.move(hours=3)
        self._try_dead_webhooks_again()
        world.run(tasks.sweep)
        world.take_all_nudges()
        world.sweep_messages()
        books = self._check()
        booked = {
            row["provider_payment_id"]
            for row in books.payments
            if row["state"] == "succeeded"
        }
        trained = TrainingPayment.objects.filter(succeeds_at__lte=world.at)
        came = {*world.bank.succeeded(), *trained.values_list("payment_id", flat=True)}
        ensure(5, came <= booked, f"never booked: {came - booked}")
        for row in books.messages:
            ensure(8, row["state"] != "sending", f"nobody took it back: {row}")
        findings = list(verifying.verify((), verifying.Walk()))
        ensure(10, not findings, f"the chain of acts: {findings}")
        ended = {row["public_id"] for row in books.links if row["status"] != "active"}
        for session_id, session in world.bank.sessions.items():
            is_payable = world.bank.is_open(session_id)
            is_over = session["metadata"]["link"] in ended
            ensure(6, not (is_payable and is_over), f"open still: {session_id}")


def _without_all_but(names: Collection[str]) -> dict[str, None]:
    """What a subclass must say to have no rules but these; nothing when all stay."""
    every = Machine.setup_state()
    known = {one.function.__name__ for one in (*every.rules, *every.initializers)}
    assert known.issuperset(names), set(names) - known
    return dict.fromkeys(known.difference(names)) if names else {}


def run(
    base: Base,
    *,
    examples: int,
    steps: int,
    number: int,
    sql: str = "",
    only: Collection[str] = (),
    shrinks: bool = False,
) -> Counter[str]:
    """Run `examples` of `steps` steps, drawn from seed `number`; what happened in them.

    Raises invariants.Broken. `sql`: run at the start of each example. `only`: the names
    of the rules that are drawn, when not all.
    """
    counted = Counter[str]()
    own = {"base": base, "sql": sql, "counted": counted}
    machine = type("Run", (Machine,), {**own, **_without_all_but(only)})
    phases = (Phase.generate, Phase.shrink) if shrinks else (Phase.generate,)
    run_state_machine_as_test(
        seed(number)(machine),
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            database=None,
            deadline=None,
            phases=phases,
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        ),
    )
    return counted
