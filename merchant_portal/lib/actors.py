"""Who acts: a person, a key, the payer or the product itself."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Actor:
    """`id`: public id (usr_…, key_…) or a plain word; `user_pk`: of a member of staff."""

    id: str
    name: str = ""
    user_pk: int | None = None


SYSTEM = Actor("system")
PAYER = Actor("payer")
