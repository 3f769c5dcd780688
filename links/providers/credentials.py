"""Which keys each provider is used with now: the one place that answers.

The environment of the installation wins; where it names nothing of a provider, what an
owner entered holds. What was entered is kept by `services/keyring.py`, which adapters
may not import: it gives its answer here once, when the product starts.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from django.conf import settings

from merchant_portal.provider_keys import KEY_SETS, setting_of

# The first says that a provider is set up.
FIELDS = {slug: keys.fields for slug, keys in KEY_SETS.items()}


@dataclass(frozen=True, slots=True)
class Keys:
    """What one provider is used with. All of `values` are blank where nothing is set.

    `base`: address of its API; blank for the provider's own of real money.
    """

    slug: str
    is_live: bool
    base: str
    values: Mapping[str, str] = field(repr=False)

    def __getitem__(self, name: str) -> str:
        return self.values[name]

    def __bool__(self) -> bool:
        return bool(self.values[FIELDS[self.slug][0]])


Entered = Callable[[], Mapping[str, Keys]]
_source: list[Entered] = []


def entered_by(source: Entered) -> None:
    """Ask `source` from now on for what owners entered: slug → keys."""
    _source[:] = [source]


def api_base(slug: str) -> str:
    """Another host for this provider's API, as the environment says; blank for none."""
    base: str = getattr(settings, setting_of(slug, "api_base"))
    return base


def page_hosts(slug: str, *pages: str) -> tuple[str, ...]:
    """Where the form of a pay page may lead: the provider's own `pages`, like
    https://pay.example, and the stand-in's where the environment names another host."""
    if not (base := api_base(slug)):
        return pages
    parts = urlsplit(base)
    return (*pages, f"{parts.scheme}://{parts.netloc}")


def of_environment(slug: str) -> Keys | None:
    """What the environment says; None if it names none of this provider's keys."""
    names = FIELDS[slug]
    values = {name: str(getattr(settings, setting_of(slug, name))) for name in names}
    if not any(values.values()):
        return None
    test = KEY_SETS[slug].test
    is_live = slug in settings.LIVE_KEYS or (
        bool(test) and not values[names[0]].startswith(test)
    )
    return Keys(slug, is_live, api_base(slug), values)


def of(slug: str, entered: Mapping[str, Keys] | None = None) -> Keys:
    """The keys to use now; false where nothing is set. No query for those of the
    environment. `entered`: what owners entered, if the caller has it at hand."""
    found = of_environment(slug)
    if found is not None:
        return found
    if entered is None:
        entered = _source[0]() if _source else {}
    nothing = Keys(slug, False, api_base(slug), dict.fromkeys(FIELDS[slug], ""))
    return entered.get(slug, nothing)
