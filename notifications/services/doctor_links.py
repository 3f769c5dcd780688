"""Where the links of somebody's words lead: to pages that are ours, or nowhere."""

import re
from collections.abc import Iterator
from urllib.parse import SplitResult, urlsplit

from django.conf import settings
from django.urls import Resolver404, resolve
from django.utils.translation import gettext as _

from . import markup
from .findings import Finding, Place, refuse, warn

_WRITTEN = re.compile(
    r"\b[a-z][a-z0-9+.-]{1,20}://[^\s<>\"')\]]*"
    r"|(?<![\w@.-])www\.[^\s<>\"')\]]+"
    r"|(?<![\w@./-])(?:[\w-]{1,63}\.){1,8}[^\W\d_]{2,24}/[^\s<>\"')\]]*",
    re.IGNORECASE,
)
_BARE = re.compile(
    r"(?<![\w@./-])(?:[a-z0-9-]{1,63}\.){1,8}"
    r"(?:com|net|org|info|biz|io|shop|store|online|site|app|me|ly|gl|link|top|xyz|click"
    r"|de|fr|uk|eu|us|es|it|nl|pl|pt|se|dk|tr|jp|cn|in|il|ru|ch|at|be)\b(?![/\w@-])",
    re.IGNORECASE,
)
# What mail programs make a link of, though nobody wrote `https://`.


def read(place: Place, piece: str, hosts: tuple[str, ...]) -> Iterator[Finding]:
    """What is wrong with each address in one text. `hosts`: where links may lead."""
    targets = markup.links_of(piece)
    for target in targets:
        if place != "body":
            said = _("“(%(target)s)” is a link in the e-mail only.")
            yield warn(place, said % {"target": target})
        elif not markup.is_address(target):
            said = _("“%(target)s” is not an address that can be opened.")
            yield refuse(place, said % {"target": target})
    for match in _WRITTEN.finditer(piece):
        yield from _address(place, match[0].rstrip(".,;:!?"), hosts)
    for match in _BARE.finditer(piece):
        if not is_own(match[0], hosts):
            said = _("Programs make a link of “%(target)s”, which is not yours.")
            yield warn(place, said % {"target": match[0]})


def _address(place: Place, url: str, hosts: tuple[str, ...]) -> Iterator[Finding]:
    parts = _split(url)
    if parts is None or not parts.hostname or "{" in url:
        said = _("“%(url)s” is not an address that can be opened.")
        yield refuse(place, said % {"url": url})
        return
    if "@" in parts.netloc or not is_own(parts.hostname, hosts):
        said = _("“%(url)s” leads to another place than your pages and your website.")
        yield refuse(place, said % {"url": url})
        return
    if parts.hostname == urlsplit(settings.PUBLIC_URL).hostname:
        yield from _ours(place, url, parts.path)
    if parts.scheme == "http" and settings.PUBLIC_URL.startswith("https"):
        yield warn(place, _("“%(url)s” is not encrypted: write https.") % {"url": url})


def _ours(place: Place, url: str, path: str) -> Iterator[Finding]:
    if path.startswith(("/p/", "/owed/")):
        said = _("“%(url)s” is the page of one customer: write {link_url}.")
        yield refuse(place, said % {"url": url})
        return
    try:
        resolve(path or "/")
    except Resolver404:
        yield refuse(place, _("There is no page at “%(url)s”.") % {"url": url})


def _split(url: str) -> SplitResult | None:
    try:
        return urlsplit(url if "://" in url else f"https://{url}")
    except ValueError:
        return None


def is_own(host: str, hosts: tuple[str, ...]) -> bool:
    """Whether it is one of the shop's hosts, or below one of them."""
    plain = host.lower().rstrip(".")
    return any(plain == own or plain.endswith(f".{own}") for own in hosts)


def hosts_of(*addresses: str) -> tuple[str, ...]:
    """Their hosts, without `www.`; what is no address is left out."""
    found = []
    for address in addresses:
        parts = _split(address) if address else None
        if parts is not None and parts.hostname:
            found.append(parts.hostname.lower().removeprefix("www."))
    return tuple(found)
