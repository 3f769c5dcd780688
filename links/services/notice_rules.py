"""Who wants to know what: the choices of each person, else what their role gets.

A person hears of what they may see and nothing else, whatever they chose.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from django.db.models import F, QuerySet

from merchant_portal.lib import rows
from merchant_portal.staff.models import User
from merchant_portal.staff.roles import Right, Role

from ..models import How, News, PaymentLink, StaffNoticeChoice, Whose

N, H, W = News, How, Whose
Choice = tuple[How, Whose]
RIGHT: Mapping[News, Right] = {
    N.PAID: Right.PAYMENTS_READ,
    N.FAILED: Right.PAYMENTS_READ,
    N.REPLIED: Right.LINKS_READ,
    N.DISPUTED: Right.PAYMENTS_READ,
    N.UNDELIVERED: Right.MESSAGES_READ,
    N.TASK: Right.LINKS_READ,
}
_OFF = (H.OFF, W.ALL)
_LEADS: Mapping[News, Choice] = {
    N.PAID: (H.DIGEST, W.ALL),
    N.FAILED: (H.OFF, W.ALL),
    N.REPLIED: (H.AT_ONCE, W.OWN),
    N.DISPUTED: (H.AT_ONCE, W.ALL),
    N.UNDELIVERED: (H.DIGEST, W.OWN),
    N.TASK: (H.AT_ONCE, W.OWN),
}
USUAL: Mapping[str, Mapping[News, Choice]] = {
    Role.OWNER: _LEADS,
    Role.MANAGER: {**_LEADS, N.DISPUTED: (H.DIGEST, W.ALL)},
    Role.AGENT: {
        N.PAID: (H.DIGEST, W.OWN),
        N.FAILED: (H.DIGEST, W.OWN),
        N.REPLIED: (H.AT_ONCE, W.OWN),
        N.DISPUTED: (H.DIGEST, W.OWN),
        N.UNDELIVERED: (H.DIGEST, W.OWN),
        N.TASK: (H.AT_ONCE, W.OWN),
    },
    Role.FINANCE: {
        N.PAID: (H.DIGEST, W.ALL),
        N.FAILED: _OFF,
        N.REPLIED: _OFF,
        N.DISPUTED: (H.AT_ONCE, W.ALL),
        N.UNDELIVERED: _OFF,
        N.TASK: (H.AT_ONCE, W.OWN),
    },
    Role.AUDITOR: dict.fromkeys(News, _OFF),
}
# Before anybody chose anything.
_CARERS = frozenset({Role.OWNER, Role.MANAGER})
# Whose own are also the links that nobody looks after any more.


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who works here, as far as it decides what they are told."""

    user: User
    chosen: Mapping[str, Choice] = field(default_factory=dict)

    def choice(self, news: News) -> Choice:
        """What holds for them now; who may see only own links hears only of those."""
        how, whose = self.chosen.get(news) or USUAL[self.user.role][news]
        if not self.user.may(RIGHT[news]):
            return H.OFF, whose
        return how, whose if self.user.may(Right.LINKS_ALL) else W.OWN


People = Mapping[int, Person]
# by primary key of the user; only who may sign in


def _with_choices() -> QuerySet[User]:
    """A row for each choice, and one for who has none."""
    return User.objects.filter(is_active=True).annotate(
        chosen_news=F("notice_choices__news"),
        chosen_how=F("notice_choices__how"),
        chosen_whose=F("notice_choices__whose"),
    )


_KEPT = rows.Kept(rows.Prepared(_with_choices))


def people() -> People:
    """Everybody, as this process knew them within the last second."""
    return _grouped(_KEPT.fetch())


def people_now() -> People:
    """Everybody as the database has them, with one query."""
    return _grouped(_with_choices())


def person_of(user: User) -> Person:
    """One, with one query."""
    return Person(user, _chosen(user.notice_choices.all()))


def forget() -> None:
    """Read anew in this process, which has just changed something."""
    _KEPT.forget()


def _grouped(found: Iterable[User]) -> People:
    chosen: dict[int, dict[str, Choice]] = {}
    users: dict[int, User] = {}
    for row in found:
        users[row.pk] = row
        news: str | None = getattr(row, "chosen_news", None)
        mine = chosen.setdefault(row.pk, {})
        if news is not None:
            how, whose = row.chosen_how, row.chosen_whose  # type: ignore[attr-defined]
            mine[news] = (How(how), Whose(whose))
    return {pk: Person(user, chosen[pk]) for pk, user in sorted(users.items())}


def _chosen(choices: Iterable[StaffNoticeChoice]) -> dict[str, Choice]:
    return {one.news: (How(one.how), Whose(one.whose)) for one in choices}


def wants(
    person: Person,
    news: News,
    link: PaymentLink | None,
    everybody: People,
    only_for: int | None = None,
) -> How:
    """How this person hears of something about that link; OFF for not at all.

    `only_for`: key of the one whom it concerns, if they still work here.
    """
    how, whose = person.choice(news)
    if how == H.OFF:
        return H.OFF
    if only_for in everybody:
        is_theirs = only_for == person.user.pk
        return how if is_theirs and _may_see(person.user, link) else H.OFF
    if whose == W.ALL and news != N.TASK:
        return how
    return how if _is_own(person.user, link, everybody) else H.OFF


def _may_see(user: User, link: PaymentLink | None) -> bool:
    if user.may(Right.LINKS_ALL):
        return True
    return link is not None and link.created_by_id == user.pk


def _is_own(user: User, link: PaymentLink | None, everybody: People) -> bool:
    maker = everybody.get(link.created_by_id or 0) if link is not None else None
    if maker is not None and maker.user.may(Right.LINKS_WRITE):
        return maker.user.pk == user.pk
    return user.role in _CARERS
