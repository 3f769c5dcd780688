"""What I am told: each member of staff chooses for themselves; owners can look."""

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.admin import ModelAdmin

from merchant_portal.staff.admin import panels
from merchant_portal.staff.admin.rights import RightsMixin
from merchant_portal.staff.models import User
from merchant_portal.staff.roles import Right

from ..models import How, News, StaffNoticeChoice, Whose
from ..services import notice_choices
from ..services.notice_rules import Choice
from . import formats
from .entry import frame, who

TEMPLATE = "admin/links/staffnoticechoice/page.html"
PANEL = "admin/links/staffnoticechoice/panel.html"
_ABOUT = {
    News.PAID: gettext_lazy("Each payment that a customer made."),
    News.FAILED: gettext_lazy("A card was declined, or a transfer came back."),
    News.REPLIED: gettext_lazy("A question, a receipt, or that the amount is wrong."),
    News.DISPUTED: gettext_lazy("There is a day before which it must be answered."),
    News.UNDELIVERED: gettext_lazy("It bounced, failed, or was marked as spam."),
    News.TASK: gettext_lazy("From a reminder plan, or from a colleague."),
}
_NO_CHOICE_OF_LINKS = frozenset({News.TASK})


@admin.register(StaffNoticeChoice)
class StaffNoticeChoiceAdmin(RightsMixin, ModelAdmin):  # type: ignore[misc]
    """One page, where others have a list; nothing of it is seen of other people."""

    view_right: ClassVar[Right] = Right.LINKS_READ

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """POST `how_<news>`, `whose_<news>` and `hour`; `usual` for what the role gets."""
        user = who(request)
        if request.method != "POST":
            return _page(request, user, notice_choices.chosen(user), user.digest_hour)
        if "usual" in request.POST:
            notice_choices.reset(user)
            messages.success(request, _("You are told what your role usually is."))
            return redirect(_address())
        return _save(request, user)

    def change_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        raise Http404


def _address() -> str:
    return reverse("admin:links_staffnoticechoice_changelist")


def _save(request: HttpRequest, user: User) -> HttpResponse:
    wanted = notice_choices.chosen(user)
    try:
        for news, (how, whose) in wanted.items():
            wanted[news] = (
                How(request.POST.get(f"how_{news}", how)),
                Whose(request.POST.get(f"whose_{news}", whose)),
            )
        hour = int(request.POST.get("hour", user.digest_hour))
        notice_choices.save(user, wanted, hour)
    except ValueError:
        shown = _page(
            request,
            user,
            wanted,
            user.digest_hour,
            error=_("This cannot be chosen. Nothing was changed."),
        )
        shown.status_code = 400
        return shown
    messages.success(request, _("Saved."))
    return redirect(_address())


def _page(
    request: HttpRequest,
    user: User,
    chosen: dict[News, Choice],
    hour: int,
    error: str = "",
) -> HttpResponse:
    return render(
        request,
        TEMPLATE,
        frame(
            request,
            _("What I am told"),
            **_told(user, chosen, hour),
            error=error,
            address=user.email,
            hows=How.choices,
            whoses=Whose.choices,
            hours=[(one, f"{one}:00") for one in notice_choices.HOURS],
        ),
    )


def _told(user: User, chosen: dict[News, Choice], hour: int) -> dict[str, Any]:
    sees_all = user.may(Right.LINKS_ALL)
    return {
        "rows": [
            {
                "news": news,
                "name": news.label,
                "about": _ABOUT[news],
                "how": how,
                "how_name": how.label,
                "whose": whose,
                "has_links": news not in _NO_CHOICE_OF_LINKS,
            }
            for news, (how, whose) in chosen.items()
        ],
        "sees_all": sees_all,
        "hour": hour,
        "zone": formats.business_zone().key,
    }


@panels.register
def panel(request: HttpRequest, user: User) -> SafeString:
    """On somebody's page among the staff: to read."""
    told = _told(user, notice_choices.chosen(user), user.digest_hour)
    own = _address() if user.pk == who(request).pk else ""
    return render_to_string(PANEL, {**told, "own": own}, request=request)
