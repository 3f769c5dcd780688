"""Every address of the product, as its resolver has them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from django.urls import URLPattern, URLResolver, get_resolver

_PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>|\(\?P<(\w+)>")


@dataclass(frozen=True, slots=True)
class Address:
    """`key`: its name with the namespace, or its route where it has no name."""

    route: str
    key: str

    @property
    def parameters(self) -> tuple[str, ...]:
        return tuple(one or other for one, other in _PARAMETER.findall(self.route))


def every() -> list[Address]:
    return list(_walk(get_resolver(), "", ""))


def of_the_admin() -> list[Address]:
    return [found for found in every() if found.route.startswith("admin/")]


def outside() -> list[Address]:
    """Neither the admin's nor the API's."""
    return [
        found for found in every() if not found.route.startswith(("admin/", "api/"))
    ]


def _walk(resolver: URLResolver, route: str, space: str) -> Iterator[Address]:
    for pattern in resolver.url_patterns:
        below = route + str(pattern.pattern)
        if isinstance(pattern, URLPattern):
            yield Address(below, f"{space}{pattern.name}" if pattern.name else below)
        else:
            inner = f"{space}{pattern.namespace}:" if pattern.namespace else space
            yield from _walk(pattern, below, inner)
