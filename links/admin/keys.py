"""The guided page on which an owner connects a provider, and how each one stands.

A key goes in by a POST and never comes out again: no page shows any part of it.
"""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from merchant_portal.provider_keys import setting_of
from merchant_portal.staff import step_up
from merchant_portal.staff.roles import Right

from ..models import ProviderAccount
from ..providers import credentials
from ..providers.credentials import FIELDS, Keys
from ..providers.registry import get_provider
from ..services import key_shapes, keyring, keys
from ..services.keyring import Mode, Standing
from . import formats, lifelines
from .entry import frame, needs, who
from .key_guide import GUIDES


@dataclass(frozen=True, slots=True)
class State:
    """How a provider is connected, as a page shows it. `account`: whose keys were
    entered or are used; None before the first."""

    slug: str
    title: str
    account: ProviderAccount | None
    label: str
    color: str
    mode: str
    explanation: list[str]
    is_entered: bool
    by_environment: bool
    url: str


def states() -> list[State]:
    """Of every provider that can be connected; one query, and one for the zone."""
    rows = list(ProviderAccount.objects.filter(slug__in=FIELDS))
    return [_state(slug, rows) for slug in FIELDS]


def _state(slug: str, rows: list[ProviderAccount]) -> State:
    mode: str
    own = [row for row in rows if row.slug == slug]
    entered = next((row for row in own if row.sealed_keys), None)
    given = credentials.of_environment(slug)
    if given is not None:
        mode = Mode.LIVE if given.is_live else Mode.TEST
        account = next((row for row in own if row.mode == mode), None)
        label, color, explanation = _of_environment(slug, given, entered)
    else:
        account, mode = entered, entered.mode if entered else ""
        label, color, explanation = _of_entered(entered)
    return State(
        slug=slug,
        title=get_provider(slug).title,
        account=account,
        label=label,
        color=color,
        mode=mode,
        explanation=explanation,
        is_entered=entered is not None,
        by_environment=given is not None,
        url=reverse("admin:links_provideraccount_keys", args=[slug]),
    )


def _of_environment(
    slug: str, given: Keys, entered: ProviderAccount | None
) -> tuple[str, str, list[str]]:
    names = [setting_of(slug, name) for name in FIELDS[slug]]
    said = [
        _(
            "These keys are set by the environment of this installation, which wins over"
            " this page. Change them there: %s."
        )
        % ", ".join(names)
    ]
    if entered is not None:
        said.append(
            _("Keys that were entered here before are kept sealed and are not used.")
        )
    if not given:
        return _("Not whole"), "danger", said
    return _("Connected"), "success", said


def _of_entered(entered: ProviderAccount | None) -> tuple[str, str, list[str]]:
    if entered is None:
        return _("Not connected"), "", []
    standing = keyring.standing_of(entered)
    if standing is Standing.UNREADABLE:
        advice = [
            _(
                "The keys cannot be read: the installation has lost the key that sealed"
                " them (FIELD_KEYS). Bring it back from the backup, or enter the keys of"
                " the provider again below."
            )
        ]
        return _("Cannot be read"), "danger", advice
    if standing is Standing.HELD:
        advice = [_("The keys are kept, but not used here:")]
        return _("Not used"), "danger", advice + keyring.hindrances(entered)
    return _("Connected"), "success", []


@sensitive_post_parameters()
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@needs(Right.BUSINESS_WRITE)
@step_up.proved
def keys_view(request: HttpRequest, slug: str) -> HttpResponse:
    """Enter or replace the keys of a provider; refused, it keeps what is no secret."""
    if slug not in FIELDS:
        raise Http404
    shown, mode, errors = dict.fromkeys(FIELDS[slug], ""), "", {}
    if request.method == "POST":
        typed = {name: request.POST.get(name, "") for name in FIELDS[slug]}
        mode = request.POST.get("mode", "")
        try:
            keys.enter(slug, typed, mode=mode, user=who(request))
        except keys.KeysRefused as exc:
            errors = exc.problems
            shown = key_shapes.harmless(slug, key_shapes.cleaned(slug, typed))
        else:
            messages.success(
                request, _("The keys are kept, sealed. Now check the connection.")
            )
            return redirect("admin:links_provideraccount_keys", slug)
    state = _state(slug, list(ProviderAccount.objects.filter(slug=slug)))
    return render(
        request,
        "admin/links/provideraccount/keys.html",
        frame(
            request,
            _("Connect %s") % state.title,
            state=state,
            errors=errors,
            fields=_fields(slug, shown, errors),
            **_around(slug, state, mode),
        ),
        status=422 if errors else 200,
    )


def _fields(
    slug: str, shown: dict[str, str], errors: dict[str, str]
) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "label": label,
            "where": where,
            "value": shown[name],
            "error": errors.get(name, ""),
            "is_secret": not key_shapes.SHAPES[slug][name].is_harmless,
        }
        for name, (label, where) in GUIDES[slug].fields.items()
    ]


def _around(slug: str, state: State, mode: str) -> dict[str, Any]:
    """What the page says beside the form."""
    account = state.account
    guide = GUIDES[slug]
    set_at = account.keys_set_at if account and not state.by_environment else None
    line = None
    if account is not None:
        line = next((r for r in lifelines.rows() if r.pk == account.pk), None)
    return {
        "guide": guide,
        "line": line,
        "set_at": formats.moment(set_at, formats.business_zone()) if set_at else "",
        "webhook_url": f"{settings.PUBLIC_URL}/webhooks/{slug}/",
        "webhook_events": get_provider(slug).webhook_events,
        "hindrances": keyring.real_money_hindrances(),
        "asks_mode": bool(guide.real) and keyring.fixed_mode(slug) is None,
        "fixed_mode": bool(guide.real) and keyring.fixed_mode(slug),
        "chosen": mode or state.mode or Mode.TEST,
        "work": keys.open_work(account) if account and state.is_entered else None,
    }


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@needs(Right.BUSINESS_WRITE)
@step_up.proved
def remove_view(request: HttpRequest, slug: str) -> HttpResponse:
    """Ask whether to forget the keys of a provider, and do it."""
    account = ProviderAccount.objects.filter(slug=slug).exclude(sealed_keys="").first()
    if slug not in FIELDS or account is None:
        raise Http404
    if request.method == "POST":
        try:
            keys.remove(account.pk, user=who(request))
        except keys.KeysRefused as exc:
            messages.error(request, " ".join(exc.problems.values()))
            return redirect("admin:links_provideraccount_remove_keys", slug)
        messages.success(request, _("The keys are removed."))
        return redirect("admin:links_provideraccount_keys", slug)
    work = keys.open_work(account)
    context = {
        "state": _state(slug, [account]),
        "account": account,
        "work": work,
        "may_remove": keys.may_remove(account, work),
    }
    title = _("Remove the keys of %s") % get_provider(slug).title
    return render(
        request,
        "admin/links/provideraccount/remove_keys.html",
        frame(request, title, **context),
    )
