"""What sending takes and answers over the API, and taking a planned send back."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any

from django.http import HttpRequest
from ninja import Router
from ninja.responses import Status
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    WithJsonSchema,
)

from merchant_portal.lib.api_schemas import NullIsLeftOut, PathId, one_of
from merchant_portal.lib.problems import Problem, not_found
from merchant_portal.staff.api_auth import Guard, actor_of, idempotent, key_of
from merchant_portal.staff.roles import Right
from notifications.api import MessageOut
from notifications.models import ChannelName

from ..models import PlannedSend, PlanState
from ..services import later
from .access import find

router = Router(tags=["links"])
_MOMENT = re.compile(
    r"\A[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?"
    r"(?:Z|[+-][0-9]{2}:[0-9]{2})?\Z"
)


def _moment(value: Any) -> Any:
    """Aware in UTC, or without an offset for the clock of the customer."""
    if isinstance(value, str) and _MOMENT.match(value):
        try:
            at = datetime.fromisoformat(value)
            return at if at.tzinfo is None else at.astimezone(UTC)
        except (ValueError, OverflowError) as exc:
            raise ValueError("There is no such moment.") from exc
    raise ValueError(
        "Write the moment like 2026-12-31T09:00:00Z; without an offset it is the"
        " customer's time."
    )


class SendIn(NullIsLeftOut):
    """`send_at`: left out, now; without an offset, by the customer's clock."""

    channels: Annotated[
        list[Annotated[str, AfterValidator(one_of(ChannelName.values))]],
        Field(min_length=1, max_length=10),
    ]
    send_at: (
        Annotated[
            datetime,
            BeforeValidator(_moment),
            WithJsonSchema({"type": "string", "examples": ["2026-12-31T09:00:00"]}),
        ]
        | None
    ) = None


class PlannedOut(BaseModel):
    """A send that waits: `state` is waiting, gone, taken, dropped or failed."""

    id: str
    channels: list[str]
    send_at: datetime
    state: str
    link: str

    @classmethod
    def of(cls, row: PlannedSend, link_id: str) -> "PlannedOut":
        return cls(
            id=row.public_id,
            channels=row.channels,
            send_at=row.due_at,
            state=row.state,
            link=link_id,
        )


class Sent(BaseModel):
    """Accepted: `messages` are on their way and listed under messages from now on;
    `planned` waits for its moment."""

    messages: list[MessageOut]
    planned: PlannedOut | None = None


@router.post(
    "/{link_id}/send/{send_id}/cancel",
    auth=Guard(Right.LINKS_WRITE),
    response=PlannedOut,
)
@idempotent()
def cancel_planned_send(
    request: HttpRequest, link_id: PathId, send_id: PathId
) -> Status[PlannedOut]:
    """Take a planned send back; 409 when it has left already."""
    link = find(key_of(request), link_id)
    row = link.planned_sends.filter(public_id=send_id).first()
    if row is None:
        raise not_found("There is no planned send with this id.")
    done = later.take_back(row, actor=actor_of(request))
    row.refresh_from_db()
    if not done and row.state != PlanState.TAKEN_BACK:
        raise Problem(
            409, "conflict", "It has left already, or is not wanted any more."
        )
    return Status(200, PlannedOut.of(row, link.public_id))
