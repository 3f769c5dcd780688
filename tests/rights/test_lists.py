"""What lists offer beside their pages: acts on ticked rows, autocompletes, the search.

All of them come from the admin's registry.
"""

import json
from collections.abc import Iterator

import pytest
from django.apps import apps
from django.contrib import admin
from django.db.models import Field, Model
from django.urls import reverse

from merchant_portal.staff.roles import Right

from .asking import Visitor, ask
from .table import ACTIONS, OF_OWNER, SCREENS, rights
from .world import World

pytestmark = [pytest.mark.django_db, pytest.mark.once]
ELSEWHERE = {
    "links.PaymentLink": rights(Right.LINKS_READ),
    "links.Shift": rights(Right.REPORTS_READ),
}
"""Who sees the rows of a model that has no screen of Django's five pages."""


def label_of(screen: "admin.ModelAdmin[Model]") -> str:
    return screen.model._meta.label


def changelist(label: str) -> str:
    return reverse(f"admin:{label.replace('.', '_').lower()}_changelist")


def test_every_act_on_ticked_rows_is_declared() -> None:
    found = {
        (label_of(screen), str(getattr(act, "__name__", act)))
        for screen in admin.site._registry.values()
        for act in (
            *(screen.actions or ()),
            *getattr(screen, "actions_submit_line", ()),
        )
    }

    assert found == set(ACTIONS)


@pytest.mark.parametrize("act", sorted(ACTIONS))
def test_an_act_on_ticked_rows_needs_its_right(
    world: World, visitors: dict[str, Visitor], act: tuple[str, str]
) -> None:
    label, name = act
    for side in (world.own, world.foreign):
        ticked = {"action": name, "_selected_action": str(side.objects[label].pk)}
        for visitor in visitors.values():
            seen = ask(visitor, "POST", changelist(label), ticked)
            is_visible = side is world.own or visitor.sees_all()
            is_done = visitor.may(ACTIONS[act]) and is_visible
            assert bool(seen.changed) is is_done, (visitor.name, side.name)


def autocompletes() -> Iterator[tuple[str, str, str]]:
    """Model, field and remote model of every relation that Django would complete."""
    for model in apps.get_models():
        for field in model._meta.get_fields():
            remote = field.related_model
            is_forward = isinstance(field, Field) and field.is_relation
            if not is_forward or not isinstance(remote, type):
                continue
            screen = admin.site._registry.get(remote)
            if screen is not None and screen.search_fields:
                yield model._meta.label, field.name, remote._meta.label


@pytest.mark.parametrize(("label", "field", "of"), sorted(autocompletes()))
def test_an_autocomplete_answers_as_the_list_of_what_it_completes(
    world: World, visitors: dict[str, Visitor], label: str, field: str, of: str
) -> None:
    app, model = label.lower().split(".")
    url = reverse("admin:autocomplete")
    asked = f"{url}?app_label={app}&model_name={model}&field_name={field}&term="
    screen = SCREENS.get(of)
    needed = screen.see if screen is not None else ELSEWHERE[of]
    for visitor in visitors.values():
        seen = ask(visitor, "GET", asked, {})
        if visitor.role is None:
            assert seen.what == "sign in"
        elif not visitor.may(needed):
            assert seen.what == "refused", visitor.name
        elif of in OF_OWNER and not visitor.sees_all():
            found = {row["id"] for row in json.loads(seen.response.content)["results"]}
            assert str(world.foreign.objects[of].pk) not in found, visitor.name


def test_the_list_of_an_app_is_for_who_sees_something_of_it(
    visitors: dict[str, Visitor],
) -> None:
    for app in {label_of(s).split(".")[0] for s in admin.site._registry.values()}:
        needs = [s.see for label, s in SCREENS.items() if label.startswith(f"{app}.")]
        for visitor in visitors.values():
            seen = ask(visitor, "GET", reverse("admin:app_list", args=[app]), {})
            if visitor.role is None:
                assert seen.what == "sign in"
            elif not any(visitor.may(needed) for needed in needs):
                assert seen.what in {"gone", "refused"}, (app, visitor.name)
