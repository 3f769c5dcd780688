"""Visitors that are programs and say so: previews, scanners, crawlers, prefetches.

Only what a visitor tells of itself is used, so whoever hides is taken for a person. It
decides about nothing but whether a form that arrives is a person's.
"""

import re
from collections.abc import Mapping

_AHEAD = ("Sec-Purpose", "Purpose", "X-Purpose", "X-Moz")
# Headers of fetches that a browser makes before anybody asked.
_AHEAD_WORDS = ("prefetch", "prerender", "preview")
_AGENTS = re.compile(
    r"(?<!cu)bots?\b|crawl|spider|slurp|preview|linkexpanding"  # Cubot makes phones
    r"|facebookexternalhit|facebookcatalog|meta-externalagent|whatsapp/"
    r"|safelinks|ms-office|microsoft office|office existence discovery"
    r"|barracuda|proofpoint|mimecast|urlscan|virustotal|trendmicro|fortinet|symantec"
    r"|googleimageproxy|google-safety|yahoomailproxy|iframely|embedly|mediapartners",
    re.IGNORECASE,
)


def is_machine(headers: Mapping[str, str]) -> bool:
    """Whether the visitor says that no person asked for this just now."""
    ahead = " ".join(headers.get(name, "") for name in _AHEAD).lower()
    if any(word in ahead for word in _AHEAD_WORDS):
        return True
    return bool(_AGENTS.search(headers.get("User-Agent", "")[:500]))


def is_from_elsewhere(headers: Mapping[str, str]) -> bool:
    """Whether a browser says that a page of somebody else's sent this form."""
    return headers.get("Sec-Fetch-Site", "") == "cross-site"
