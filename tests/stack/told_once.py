"""People whom the shop writes to, and that each of them hears of it once."""

from collections.abc import Sequence

from proofs.desk import Customer, Desk
from proofs.waiting import eventually

RECOVERY_SECONDS = 90.0
FINAL = (
    "SELECT count(*) FROM notifications_message WHERE state IN ('queued', 'sending')"
)


def send_to(desk: Desk, count: int) -> list[Customer]:
    """That many new people, each sent a link of their own by e-mail and SMS."""
    people = [desk.new_customer() for _ in range(count)]
    for customer in people:
        desk.send(desk.new_link(customer))
    return people


def copies(desk: Desk, customer: Customer, subject_part: str = "") -> tuple[int, int]:
    """How many mails and SMS reached them."""
    mails = desk.outside.mails(customer.email, subject_part)
    return len(mails), len(desk.outside.texts(customer.phone))


def assert_each_told_once(desk: Desk, people: Sequence[Customer]) -> None:
    """Waits until nothing is under way any more; what ended by itself is started again."""
    wait_until_all_final(desk)
    assert [copies(desk, customer) for customer in people] == [(1, 1)] * len(people)


def wait_until_all_final(desk: Desk) -> None:
    def is_over() -> bool:
        desk.shop.revive()
        return desk.shop.rows(FINAL) == [(0,)]

    eventually(is_over, within=RECOVERY_SECONDS, every=0.5, what="all messages final")
