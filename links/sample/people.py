"""The customers and wares of the sample shop; every address is on an example domain."""

import random
import unicodedata
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Country:
    code: str
    language: str
    time_zones: tuple[str, ...]
    currency: str
    given: tuple[str, ...]
    family: tuple[str, ...]
    phone: str  # a mobile number set aside for stories, if the country has such


COUNTRIES: tuple[tuple[int, Country], ...] = (
    (
        24,
        Country(
            "US",
            "en",
            ("America/New_York", "America/Chicago", "America/Los_Angeles"),
            "USD",
            ("Olivia", "Liam", "Emma", "Noah", "Ava", "Mateo", "Grace", "Ethan"),
            ("Johnson", "Garcia", "Nguyen", "O'Brien", "Washington", "Kim", "Patel"),
            "+14155550{:03d}",
        ),
    ),
    (
        32,
        Country(
            "DE",
            "de",
            ("Europe/Berlin",),
            "EUR",
            ("Anna", "Jonas", "Lea", "Felix", "Jürgen", "Käthe", "Mehmet", "Sofie"),
            ("Müller", "Schröder", "Weiß", "Yildiz", "Becker", "Großmann", "Vogel"),
            "+491713920{:03d}",
        ),
    ),
    (
        15,
        Country(
            "GB",
            "en",
            ("Europe/London",),
            "GBP",
            ("Amelia", "Oliver", "Isla", "Harry", "Priya", "Callum", "Zoë", "Imran"),
            ("Smith", "Taylor", "MacDonald", "Khan", "Evans", "Hughes", "Singh"),
            "",
        ),
    ),
    (
        20,
        Country(
            "FR",
            "fr",
            ("Europe/Paris",),
            "EUR",
            ("Chloé", "Hugo", "Léa", "Gabriel", "Inès", "Théo", "Noémie", "Loïc"),
            ("Martin", "Lefèvre", "Dubois", "Garnier", "Benoît", "Haddad", "Moreau"),
            "",
        ),
    ),
    (
        10,
        Country(
            "JP",
            "en",
            ("Asia/Tokyo",),
            "JPY",
            ("Haruto", "Yui", "Sota", "Aoi", "Ren", "Hina"),
            ("Sato", "Suzuki", "Tanaka", "Watanabe", "Ito"),
            "",
        ),
    ),
)

WARES: tuple[tuple[str, int], ...] = (
    # what it is, and its price in cents of a dollar
    ("Birthday cake, two tiers", 8900),
    ("Wedding cake, deposit", 25000),
    ("Cupcakes, box of 24", 5400),
    ("Office breakfast for ten", 14500),
    ("Sourdough subscription, one month", 3200),
    ("Macarons, box of 36", 6100),
    ("Baking class for two", 12000),
    ("Gluten-free party platter", 7400),
    ("Croissants, tray of 40", 8200),
    ("Christmas stollen, three", 4500),
)
# How many minor units of a currency are worth a cent of a dollar, in thousandths.
PER_CENT = {"USD": 1000, "EUR": 920, "GBP": 790, "JPY": 1500}


@dataclass(frozen=True, slots=True)
class Person:
    name: str
    email: str
    phone: str
    country: Country
    time_zone: str


def make_person(rng: random.Random, number: int) -> Person:
    """The customer of that number; the number keeps addresses apart."""
    (country,) = rng.choices(
        [country for _weight, country in COUNTRIES],
        [weight for weight, _country in COUNTRIES],
    )
    given, family = rng.choice(country.given), rng.choice(country.family)
    plain = unicodedata.normalize("NFKD", f"{given}.{family}".lower())
    local = "".join(c for c in plain if c.isascii() and (c.isalpha() or c == "."))
    has_phone = rng.random() < 0.6 and bool(country.phone)
    return Person(
        name=f"{given} {family}",
        email=f"{local}.{number}@example.com",
        phone=country.phone.format(number % 100) if has_phone else "",
        country=country,
        time_zone=rng.choice(country.time_zones),
    )


def price_in(currency: str, cents: int) -> int:
    """A price of that many dollar cents as a tidy amount of minor units."""
    minor = cents * PER_CENT[currency] // 1000
    step = 10 if currency == "JPY" else 50
    return max(step, minor // step * step)
