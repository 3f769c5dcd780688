"""Saving what was edited on a link's page, and what to show when two people did."""

from django.utils.translation import gettext as _

from merchant_portal.lib.actors import Actor

from ..models import PaymentLink
from ..services import links
from ..services.errors import LinkConflict, LinkError
from . import formats, outlook, panels, typed
from .panels import Conflict, Panel


def save(link: PaymentLink, panel: Panel, *, actor: Actor) -> None:
    """Save the panel's values if nobody changed the link since it was shown.

    On LinkConflict the panel names each field that differs, typed and saved.
    """
    zone = formats.business_zone()
    values = panel.values
    try:
        field = "due_on"
        due_on = typed.day(values["due_on"])
        field = "expires_at"
        expires_at = typed.moment(values["expires_at"], zone)
        field = "note"
        note = typed.block(values["note"])
    except typed.TypedError as exc:
        raise LinkError(str(exc), field) from exc
    try:
        links.edit(
            link,
            due_on=due_on,
            note_text=note,
            expires_at=expires_at,
            version=typed.version(values["version"]),
            actor=actor,
            allowed_providers=_providers(panel),
        )
    except LinkConflict:
        _show_both(link, panel)
        raise


def _providers(panel: Panel) -> tuple[str, ...] | None:
    """None where the form had no boxes for them."""
    shown = outlook.shown_in(panel.values["providers_shown"])
    if not shown:
        return None
    wanted = outlook.ticked(shown, panel.providers)
    if wanted is None:
        raise LinkError(_("Tick at least one way to pay."), "providers")
    return wanted


def _show_both(link: PaymentLink, panel: Panel) -> None:
    fresh = PaymentLink.objects.get(pk=link.pk)
    saved = panels.edit_values(fresh, formats.business_zone())
    labels = {"due_on": _("Due date"), "expires_at": _("Expires"), "note": _("Note")}
    panel.conflicts = [
        Conflict(
            label, panel.values[name] or formats.NOTHING, saved[name] or formats.NOTHING
        )
        for name, label in labels.items()
        if panel.values[name].strip() != saved[name]
    ]
    wanted = outlook.ticked(
        outlook.shown_in(panel.values["providers_shown"]), panel.providers
    )
    typed_names, saved_names = (
        outlook.names(wanted or ()),
        outlook.names(fresh.allowed_providers),
    )
    if panel.values["providers_shown"] and typed_names != saved_names:
        panel.conflicts.append(Conflict(_("Ways to pay"), typed_names, saved_names))
