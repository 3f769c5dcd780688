"""The mailbox: every message as it was sent, for staff to read and click."""

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.core.exceptions import ObjectDoesNotExist
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.urls import NoReverseMatch, URLPattern, path
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.paginator import InfinitePaginator

from merchant_portal.lib import clock
from merchant_portal.staff.admin.rights import RightsMixin, address_of, may, with_mask
from merchant_portal.staff.models import User
from merchant_portal.staff.roles import Right

from .. import kinds, visibility
from ..channels.registry import get_channel
from ..models import (
    ASKING_CATEGORIES,
    Category,
    ChannelName,
    ChannelPause,
    Message,
    MessageState,
)
from ..services import contents, outbox, sms_bill
from .filters import KindFilter
from .labels import STATE_COLORS, kind_title, moment
from .switch import switch, switch_urls

# What a mail may do inside the frame: show itself. Its links open in a new tab.
BODY_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:;"
    " frame-ancestors 'self'; sandbox allow-popups allow-popups-to-escape-sandbox"
)


@admin.register(Message)
class MessageAdmin(RightsMixin, ModelAdmin):  # type: ignore[misc]
    view_right = Right.MESSAGES_READ
    list_display = ("subject", "to", "kind_of", "channel", "state_label", "when")
    list_filter = ("state", "channel", KindFilter)
    list_select_related = ("content",)
    search_fields = ("recipient", "reference", "public_id")
    search_help_text = gettext_lazy("Address, phone number or id")
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    paginator = InfinitePaginator
    list_per_page = 50
    ordering = ("-id",)
    fields: ClassVar[tuple[str, ...]] = ()
    actions = None
    change_form_template = "notifications/admin/message.html"
    list_before_template = "notifications/admin/switch.html"

    class Media:
        css: ClassVar[dict[str, list[str]]] = {"all": ["portal/links.css"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Message]:
        if not isinstance(request.user, User):
            return Message.objects.none()
        visible = visibility.visible_to(request.user).order_by(*self.ordering)
        return with_mask(request, visible)

    def get_search_fields(self, request: HttpRequest) -> tuple[str, ...]:
        """No address is found out by trying."""
        if may(request, Right.CUSTOMERS_CONTACT):
            return self.search_fields
        return tuple(name for name in self.search_fields if name != "recipient")

    def get_urls(self) -> list[URLPattern]:
        own = [
            path(
                "<int:pk>/body/",
                self.admin_site.admin_view(require_safe(self.body_view)),
                name="notifications_message_body",
            ),
            path(
                "<int:pk>/again/",
                self.admin_site.admin_view(self.again_view),
                name="notifications_message_again",
            ),
        ]
        return [*own, *switch_urls(self.admin_site), *super().get_urls()]

    # -- the list --------------------------------------------------------------

    @display(description=gettext_lazy("Message"))
    def subject(self, message: Message) -> str:
        content = getattr(message, "content", None)
        return str(content) if content else _("Not written yet")

    @display(description=gettext_lazy("To"))
    def to(self, message: Message) -> str:
        return address_of(message, message.recipient)

    @display(description=gettext_lazy("Kind"))
    def kind_of(self, message: Message) -> str:
        return kind_title(message.kind)

    @display(description=gettext_lazy("State"), label=STATE_COLORS)
    def state_label(self, message: Message) -> tuple[str, str]:
        return message.state, message.get_state_display()

    @display(description=gettext_lazy("When"))
    def when(self, message: Message) -> SafeString:
        at = moment(message.sent_at or message.due_at)
        return format_html('<span class="mp-nowrap">{}</span>', at)

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        for line in _notes():
            messages.warning(request, line)
        return super().changelist_view(  # type: ignore[no-any-return]
            request,
            {"title": _("Messages"), **switch(request), **(extra_context or {})},
        )

    # -- one message -----------------------------------------------------------

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        message = self.get_object(request, object_id)
        if message is not None:
            extra_context = {**(extra_context or {}), **_page(request, message)}
        return super().change_view(  # type: ignore[no-any-return]
            request, object_id, form_url, extra_context
        )

    def body_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The HTML of one mail alone, for the frame, under a policy of its own."""
        message = self.get_queryset(request).filter(pk=pk).first()
        shown = contents.shown(message) if message is not None else None
        if shown is None or not shown.html:
            raise Http404
        html = shown.html.replace("<head>", '<head><base target="_blank">', 1)
        response = HttpResponse(html)
        response["Content-Security-Policy"] = BODY_POLICY
        response["X-Frame-Options"] = "SAMEORIGIN"
        return response

    def again_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Send again what failed or may not have arrived, as a new message."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        message = self.get_queryset(request).filter(pk=pk).first()
        if message is None or not isinstance(request.user, User):
            raise Http404
        if not may(request, _right_to_send(message)):
            return HttpResponse(status=403)
        again = outbox.retry(message, actor=request.user.actor())
        if again is None:
            messages.warning(request, _("There is nothing to send again."))
            return redirect("admin:notifications_message_change", pk)
        messages.success(request, _("A new message is on its way."))
        return redirect("admin:notifications_message_change", again.pk)


def _right_to_send(message: Message) -> Right:
    is_sign_in = message.category == Category.SIGN_IN
    return Right.STAFF_WRITE if is_sign_in else Right.LINKS_WRITE


def _page(request: HttpRequest, message: Message) -> dict[str, Any]:
    """What the page of one message prints."""
    shown = contents.shown(message)
    about_url = _about_url(message)
    is_email = message.channel == ChannelName.EMAIL
    return {
        "title": shown.subject if shown and shown.subject else kind_title(message.kind),
        "message": message,
        "to": address_of(message, message.recipient),
        "kind_title": kind_title(message.kind),
        "state_color": STATE_COLORS[message.state],
        "shown": shown,
        "is_email": is_email,
        "is_captured": message.state == MessageState.CAPTURED,
        "channel_label": message.get_channel_display(),
        "bill": sms_bill.of(shown.text)
        if shown and message.channel == ChannelName.SMS
        else None,
        "attempts": message.attempts.order_by("-id"),
        "events": message.delivery_events.order_by("-id"),
        "about_url": about_url,
        "recall_url": f"{about_url}?act=recall#acts-title"
        if about_url
        and message.category in ASKING_CATEGORIES
        and may(request, Right.LINKS_WRITE)
        else "",
        "can_send_again": message.state in outbox.RETRIABLE
        and may(request, _right_to_send(message)),
    }


def _about_url(message: Message) -> str:
    """Where staff find what the message is about, if that has a page."""
    try:
        return kinds.get(message.kind).admin_url(message)
    except (kinds.UnknownKind, ObjectDoesNotExist, NoReverseMatch):
        return ""


def _notes() -> list[str]:
    """What staff must know before they wonder why nothing arrives."""
    notes = [
        _("%(channel)s rests for a moment: %(reason)s")
        % {"channel": ChannelName(pause.channel).label, "reason": pause.reason}
        for pause in ChannelPause.objects.filter(until__gt=clock.database_now())
    ]
    kept = [
        str(channel.label)
        for channel in ChannelName
        if get_channel(channel).is_captured()
    ]
    if kept:
        notes.append(
            _("%(channels)s: messages are kept here and not sent.")
            % {"channels": ", ".join(kept)}
        )
    return notes
