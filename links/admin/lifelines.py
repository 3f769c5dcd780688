"""How it stands with each provider, in words."""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from ..services import lifeline
from ..services.lifeline import Lifeline, Trouble
from . import formats

_LABELS: dict[Trouble, tuple[str, Promise]] = {
    Trouble.NONE: ("success", gettext_lazy("All is well")),
    Trouble.UNREADABLE: ("danger", gettext_lazy("Keys cannot be read")),
    Trouble.HELD: ("danger", gettext_lazy("Keys are not used")),
    Trouble.REFUSED: ("danger", gettext_lazy("Cannot be asked")),
    Trouble.SILENT: ("danger", gettext_lazy("Does not answer")),
    Trouble.UNSWEPT: ("danger", gettext_lazy("Not looked at")),
    Trouble.UNHEARD: ("warning", gettext_lazy("No webhooks")),
    Trouble.DIFFERS: ("danger", gettext_lazy("Books differ")),
    Trouble.UNCOMPARED: ("warning", gettext_lazy("Not compared")),
}
_ADVICE: dict[Trouble, Promise] = {
    Trouble.UNREADABLE: gettext_lazy(
        "The installation has lost the key that sealed them (FIELD_KEYS). Bring it back"
        " from the backup, or enter the keys of the provider again."
    ),
    Trouble.HELD: gettext_lazy(
        "The keys that were entered are not used here. Its page says why."
    ),
    Trouble.REFUSED: gettext_lazy(
        "Its list of payments could not be read. If this stays, check the keys and what"
        " they may do."
    ),
    Trouble.SILENT: gettext_lazy(
        "It gave no answer several times, so the pay pages leave it out for some"
        " minutes. It comes back by itself."
    ),
    Trouble.UNSWEPT: gettext_lazy(
        "Nobody has read its list of payments for a while. Is the worker running, and"
        " beat?"
    ),
    Trouble.UNHEARD: gettext_lazy(
        "Money came, but no webhook told of it. Nothing is lost, we look by ourselves;"
        " but check the address and the secret of the webhook at the provider."
    ),
    Trouble.DIFFERS: gettext_lazy(
        "The last comparison found what only a person can explain. Open the report: it"
        " says for each difference what to do."
    ),
    Trouble.UNCOMPARED: gettext_lazy(
        "The nightly comparison with our books did not come to its end. The report says"
        " why."
    ),
}


@dataclass(frozen=True, slots=True)
class Row:
    """One provider as a page shows it."""

    pk: int
    title: str
    url: str
    label: str
    color: str
    heard: str
    swept: str
    advice: str
    compared: str
    compared_url: str


def rows() -> list[Row]:
    """Of every provider outside that is in use; one query, and one for the zone."""
    found = lifeline.lifelines()
    zone = formats.business_zone() if found else ZoneInfo("UTC")
    return [_row(line, zone) for line in found]


def _row(line: Lifeline, zone: ZoneInfo) -> Row:
    color, label = _LABELS[line.trouble]
    advice = str(_ADVICE.get(line.trouble, ""))
    if line.problem:
        advice = f"{advice} {line.problem}"
    return Row(
        pk=line.account.pk,
        title=line.title,
        url=reverse("admin:links_provideraccount_change", args=[line.account.pk]),
        label=str(label),
        color=color,
        heard=_("Last webhook: %s") % _moment(line.last_heard, zone),
        swept=_("looked by ourselves: %s") % _moment(line.last_swept, zone),
        advice=advice,
        compared=_compared(line, zone),
        compared_url=reverse("admin:links_comparison_change", args=[line.comparison])
        if line.comparison
        else "",
    )


def _compared(line: Lifeline, zone: ZoneInfo) -> str:
    if line.last_compared is None:
        return _("compared with our books: not yet")
    at = _moment(line.last_compared, zone)
    if line.trouble is Trouble.UNCOMPARED:
        return _("could not be compared with our books: %s") % at
    if not line.differences:
        return _("compared with our books: %s, they agree") % at
    left = ngettext("%d difference", "%d differences", line.differences)
    return _("compared with our books: %(at)s, %(left)s") % {
        "at": at,
        "left": left % line.differences,
    }


def _moment(at: datetime | None, zone: ZoneInfo) -> str:
    return formats.moment(at, zone) if at else _("not yet")
