"""Two sweeps make the digest of the same person at the same moment: one mail.

As in test_controls: nothing but the guard is taken away.
"""

from datetime import UTC, date, datetime

import pytest

from links.models import NoticeItem, StaffDigest
from links.services import digests
from merchant_portal.lib import clock
from merchant_portal.staff.models import User
from merchant_portal.staff.roles import Role
from merchant_portal.staff.tests.factories import make_user
from notifications.models import Message
from notifications.services import outbox

from .gaps import Gap, without_constraint

pytestmark = [pytest.mark.stack, pytest.mark.usefixtures("on_postgresql")]
DAY = date(2026, 3, 10)
NINE = datetime(2026, 3, 10, 9, tzinfo=UTC)


@pytest.fixture
def owner() -> User:
    owner = make_user(Role.OWNER)
    wait_for(owner, "pay_1")
    return owner


def wait_for(owner: User, subject_id: str) -> None:
    NoticeItem.objects.create(person=owner, news="paid", subject_id=subject_id, at=NINE)


def make_due() -> int:
    with clock.frozen(NINE):
        return digests.make_due()


def told() -> tuple[int, int]:
    """Digests of the day, and mails."""
    of_day = StaffDigest.objects.filter(day=DAY).count()
    return of_day, Message.objects.filter(kind="staff_news").count()


@pytest.fixture
def after_look(monkeypatch: pytest.MonkeyPatch) -> Gap:
    """Both have found the same person, and neither has written anything."""
    gap = Gap()
    monkeypatch.setattr(digests, "make", gap.before(digests.make))
    return gap


def test_two_sweeps_make_one(owner: User, after_look: Gap) -> None:
    assert sorted(after_look.run_well(make_due, make_due)) == [0, 1]

    assert told() == (1, 1)


def test_control_without_the_constraint_what_comes_between_makes_a_second(
    owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second had looked before; something happened since."""
    make = digests.make

    def after_the_first() -> None:
        assert make(owner, DAY, NINE)
        wait_for(owner, "pay_2")

    after_the_first()
    assert not make(owner, DAY, NINE)
    assert told() == (1, 1)

    with without_constraint(StaffDigest, "staff_digest_once_a_day"):
        assert make(owner, DAY, NINE)
        assert told() == (2, 2)


def test_control_without_the_claim_the_same_news_is_told_twice(
    owner: User, after_look: Gap, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each makes a digest, of the same item, where nothing keeps them apart."""

    def make_blindly(person: User, day: date, now: datetime) -> bool:
        digest = StaffDigest.objects.create(person=person, day=day, created_at=now)
        outbox.want_many([digests._mail(digest, person)])
        return True

    monkeypatch.setattr(digests, "make", after_look.before(make_blindly))
    with without_constraint(StaffDigest, "staff_digest_once_a_day"):
        assert after_look.run_well(make_due, make_due) == [1, 1]
        assert told() == (2, 2)
