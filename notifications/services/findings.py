"""What the doctor says: one sentence for people about one field."""

from dataclasses import dataclass
from typing import Literal

Place = Literal["subject", "body", "text", "sms", ""]


@dataclass(frozen=True, slots=True)
class Finding:
    """`place`: the field it is about, empty where it is about all of them."""

    severity: Literal["refuse", "warn"]
    place: Place
    message: str

    @property
    def is_refusal(self) -> bool:
        return self.severity == "refuse"


def refuse(place: Place, message: str) -> Finding:
    return Finding("refuse", place, message)


def warn(place: Place, message: str) -> Finding:
    return Finding("warn", place, message)
