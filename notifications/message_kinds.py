"""Kinds of this app's own: mails about signing in."""

from collections.abc import Mapping, Sequence

from django.urls import reverse

from merchant_portal.staff.models import User
from merchant_portal.staff.services import people

from . import kinds
from .kinds import Kind, Values
from .models import Category, ChannelName, Message
from .services import copies, rendering


def _users(messages: Sequence[Message]) -> dict[str, User]:
    references = {message.reference for message in messages}
    return {
        user.public_id: user
        for user in User.objects.filter(public_id__in=references, is_active=True)
    }


def _reset_context(messages: Sequence[Message]) -> Mapping[int, Values]:
    users = _users(messages)
    return {
        message.pk: {
            "greeting": rendering.greeting(
                users[message.reference].name, message.language
            )
        }
        for message in messages
        if message.reference in users
    }


def _reset_links(messages: Sequence[Message]) -> Mapping[int, str]:
    """Made anew from the person's present state, so that no reset key is ever stored."""
    users = _users(messages)
    links = {}
    for message in messages:
        user = users.get(message.reference)
        if user is not None:
            links[message.pk] = people.password_address(user)
    return links


def _given(messages: Sequence[Message]) -> Mapping[int, Values]:
    """Notices come with their words; nothing can be made up later."""
    return {}


def _staff_url(message: Message) -> str:
    return reverse("admin:notifications_message_change", args=[message.pk])


for _name in ("password_reset", "staff_invitation"):
    kinds.register(
        Kind(
            name=_name,
            category=Category.SIGN_IN,
            channels=frozenset({ChannelName.EMAIL}),
            placeholders=frozenset({"greeting"}),
            required=frozenset({"link_url"}),
            context=_reset_context,
            link_urls=_reset_links,
            admin_url=_staff_url,
            sample=lambda language: {"greeting": rendering.greeting("Ada", language)},
        )
    )
kinds.register(
    Kind(
        name="test_message",
        category=Category.NOTICE,
        channels=frozenset({ChannelName.EMAIL}),
        placeholders=frozenset(),
        context=_given,
        admin_url=_staff_url,
        sample=lambda language: {},
        is_given=True,
    )
)
kinds.register(
    Kind(
        name=copies.KIND,
        category=Category.NOTICE,
        channels=frozenset({ChannelName.EMAIL}),
        placeholders=frozenset(),
        context=_given,
        link_urls=copies.link_urls,
        attachments=copies.attachments,
        still_due=copies.still_due,
        admin_url=_staff_url,
        sample=lambda language: {},
        is_given=True,
    )
)
kinds.register(
    Kind(
        name="notice",
        category=Category.SIGN_IN,
        channels=frozenset({ChannelName.EMAIL}),
        placeholders=frozenset({"subject", "body"}),
        required=frozenset({"subject", "body"}),
        context=_given,
        admin_url=_staff_url,
        sample=lambda language: {"subject": "Sign-in", "body": "You have signed in."},
    )
)
