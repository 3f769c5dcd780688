"""Why an address is on the list, and what that stops, in plain words."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from ..models import OptOut
from ..services.undelivered import Reason

Words = str | Promise
BOUNCED, SOFT, COMPLAINED = "bounced", "soft", "complained"
ENDED, STAFF = "ended", "staff"
GROUPS: dict[str, Words] = {
    BOUNCED: _("Does not exist or refuses mail"),
    SOFT: _("Did not arrive the last time"),
    COMPLAINED: _("Marked as spam"),
    ENDED: _("Does not want them"),
    STAFF: _("Stopped by staff"),
}
COLORS = {
    BOUNCED: "danger",
    SOFT: "warning",
    COMPLAINED: "danger",
    ENDED: "info",
    STAFF: "primary",
}
_GROUP_OF = {
    "bounce": BOUNCED,
    "rejected": BOUNCED,
    "refused by smtp": BOUNCED,
    "refused by esp": BOUNCED,
    "soft bounce": SOFT,
    "complaint": COMPLAINED,
    "staff": STAFF,
}
_WHY: dict[str, Words] = {
    "bounce": _("The other mail server says that this address takes no mail."),
    "rejected": _("The mail service refuses this address; mail bounced there before."),
    "refused by smtp": _("The mail server says that there is no such mailbox."),
    "refused by esp": _("The mail service does not write to this address."),
    "refused by twilio": _("The person told the carrier to stop."),
    "soft bounce": _(
        "The last message did not arrive, which may be different the next time: a full"
        " mailbox, for example."
    ),
    "complaint": _("The person marked a mail as spam."),
    "unsubscribe link": _("The person followed the link in a reminder."),
    "unsubscribed": _("The person unsubscribed at the mail service."),
    "STOP reply": _("The person answered STOP."),
    "staff": _("Somebody here stopped it."),
}
EFFECTS: dict[str, Words] = {
    OptOut.Scope.NOTHING: _("Nothing is stopped"),
    OptOut.Scope.REMINDERS: _("No reminders"),
    OptOut.Scope.ASKING: _("No invitations and reminders; receipts still go"),
    OptOut.Scope.ALL: _("Nothing is sent"),
}
REASONS: dict[str, Words] = {
    Reason.ASKED: _("This person asked to be written to again"),
    Reason.WORKS: _("The address works again"),
    Reason.MISTAKE: _("It was stopped by mistake"),
}


def group_of(source: str) -> str:
    """ENDED for whatever a person said about themselves."""
    return _GROUP_OF.get(source, ENDED)


def sources_of(group: str) -> set[str]:
    """Those of a group; ENDED is every source that no other group has."""
    return {source for source, name in _GROUP_OF.items() if name == group}


def why(source: str) -> Words:
    return _WHY.get(source, source)
