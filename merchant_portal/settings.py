"""All configuration, read from the environment; a bad value stops the start.

Nothing else in the product reads the environment. `.env.example` lists every
variable with its meaning.
"""

import json
import os
import secrets
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlsplit

import environ
from csp.constants import NONCE, NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _

from . import logs
from .admin_theme import UNFOLD as UNFOLD  # re-exported: Django reads it here

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = Path(os.environ.get("VAR_DIR", BASE_DIR / "var"))

env = environ.Env()
TESTING = "pytest" in sys.modules
# Tests and the demo must never meet the keys of the real shop.
_env_file = os.environ.get("ENV_FILE", "" if TESTING else str(BASE_DIR / ".env"))
if _env_file:
    environ.Env.read_env(_env_file)


def _stop(name: str, problem: str, cure: str) -> NoReturn:
    raise ImproperlyConfigured(f"{name} {problem}. {cure}")


def _integer(name: str, default: int) -> int:
    value = env.str(name, default="") or str(default)
    try:
        return int(value)
    except ValueError:
        _stop(name, f"is not a whole number: {value!r}", f"Example: {name}={default}")


def _one_of(name: str, choices: list[str]) -> str:
    """The first one is the default."""
    value: str = env.str(name, default="") or choices[0]
    if value not in choices:
        _stop(name, f"is unknown: {value!r}", f"Use {' or '.join(choices)}.")
    return value


def _boolean(name: str, *, default: bool) -> bool:
    value = (env.str(name, default="") or str(default)).strip().lower()
    if value in {"1", "true", "yes", "on"}:
        return True
    if value in {"0", "false", "no", "off"}:
        return False
    _stop(name, f"is neither true nor false: {value!r}", f"Example: {name}=true")


def _url(name: str, default: str, schemes: set[str]) -> str:
    value: str = env.str(name, default="") or default
    parts = urlsplit(value)
    if value and (parts.scheme not in schemes or not parts.netloc):
        wanted = " or ".join(f"{scheme}://…" for scheme in sorted(schemes))
        _stop(name, "is not an address of the right kind", f"It starts with {wanted}")
    return value


# --- database ---------------------------------------------------------------

_DEFAULT_DATABASE = f"sqlite:///{VAR_DIR / 'portal.sqlite3'}"
try:
    _database = env.db_url("DATABASE_URL", default=_DEFAULT_DATABASE)
except (ValueError, ImproperlyConfigured):
    _stop(
        "DATABASE_URL",
        "cannot be understood",
        "Example: DATABASE_URL=postgres://user:password@host:5432/portal",
    )
if _database.get("ENGINE") not in {
    "django.db.backends.sqlite3",
    "django.db.backends.postgresql",
}:
    _stop(
        "DATABASE_URL",
        "names a database this product does not run on",
        "Use postgres://… or sqlite:///…, or leave it out for the built-in SQLite.",
    )
ON_SQLITE = _database["ENGINE"].endswith("sqlite3")
if ON_SQLITE:
    _database["OPTIONS"] = {
        # Measured with 8 writers: no "database is locked"; deferred mode gave thousands.
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL",
    }
else:
    _database["CONN_MAX_AGE"] = _integer("DATABASE_CONN_MAX_AGE_SECONDS", 60)
    _database["CONN_HEALTH_CHECKS"] = True
    _database["OPTIONS"] = {
        "connect_timeout": 5,
        # A stuck statement or a forgotten transaction must not stop the shop.
        "options": "-c statement_timeout=30000 -c lock_timeout=10000"
        " -c idle_in_transaction_session_timeout=60000",
    }
DATABASES: dict[str, dict[str, Any]] = {"default": {**_database}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CACHES = {
    # In the database, because sign-in limits and used codes must hold in every
    # process and survive an emptied Redis.
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "portal_cache",
        # enough that nobody makes room for more tries by filling it
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    }
}

REDIS_URL = _url("REDIS_URL", "", {"redis", "rediss", "unix"})
# Embedded: SQLite or no Redis; worker and beat run as threads of the web process.
EMBEDDED = not REDIS_URL

# --- keys -------------------------------------------------------------------


def _generated(name: str) -> str:
    """A key kept under VAR_DIR; made on first use, on the embedded default only."""
    path = VAR_DIR / "keys.json"
    if path.exists():
        keys: dict[str, str] = json.loads(path.read_text())
    else:
        keys = {}
    if name not in keys:
        VAR_DIR.mkdir(parents=True, exist_ok=True)
        value = secrets.token_urlsafe(48)
        keys[name] = value if name == "SECRET_KEY" else f"v1:{value}"
        fresh = path.with_name(f"keys.json.{os.getpid()}")
        fresh.touch(mode=0o600)
        fresh.write_text(json.dumps(keys, indent=1))
        fresh.replace(path)
    return keys[name]


def _key(name: str) -> str:
    value: str = env.str(name, default="")
    if value:
        return value
    if ON_SQLITE:
        return _generated(name)
    _stop(
        name,
        "is not set",
        "Make one with: python -c 'import secrets; print(secrets.token_urlsafe(48))'"
        + ("" if name == "SECRET_KEY" else f" and write it as {name}=v1:<that value>"),
    )


def _versioned_keys(name: str) -> dict[str, str]:
    """`v2:new,v1:old` as {"v2": "new", "v1": "old"}; the first one is used to write."""
    keys: dict[str, str] = {}
    for part in _key(name).split(","):
        version, colon, value = part.strip().partition(":")
        if not colon or not version or len(value) < 32 or version in keys:
            _stop(
                name,
                "is malformed",
                f"Write {name}=v1:<at least 32 characters>; newer keys go in front,"
                " separated by commas.",
            )
        keys[version] = value
    return keys


SECRET_KEY = _key("SECRET_KEY")
if len(SECRET_KEY) < 32:
    _stop("SECRET_KEY", "is shorter than 32 characters", "Make a longer, random one.")
SECRET_KEY_FALLBACKS: list[str] = env.list("SECRET_KEY_FALLBACKS", default=[])
LINK_TOKEN_KEYS = _versioned_keys("LINK_TOKEN_KEYS")
FIELD_KEYS = _versioned_keys("FIELD_KEYS")
AUDIT_KEYS = _versioned_keys("AUDIT_KEYS")

# --- addresses --------------------------------------------------------------

DEBUG = _boolean("DEBUG", default=False)
PUBLIC_URL = _url("PUBLIC_URL", "http://127.0.0.1:8000", {"http", "https"}).rstrip("/")
IS_HTTPS = PUBLIC_URL.startswith("https://")
_host = urlsplit(PUBLIC_URL).hostname or ""
_LOOPBACK_HOSTS = ["127.0.0.1", "localhost", "[::1]"]
ALLOWED_HOSTS: list[str] = [
    _host,
    *env.list("ALLOWED_HOSTS", default=[]),
    *(_LOOPBACK_HOSTS if _host in _LOOPBACK_HOSTS or DEBUG else []),
]
if "*" in ALLOWED_HOSTS:
    _stop("ALLOWED_HOSTS", "is '*'", "Name the hosts that this product answers to.")
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]
# The header is believed only when the operator says that a proxy of theirs sets it.
BEHIND_TLS_PROXY = _boolean("BEHIND_TLS_PROXY", default=False)
if BEHIND_TLS_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

# --- applications -----------------------------------------------------------

INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.filters",
    "unfold.contrib.forms",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "csp",
    "django_structlog",
    "phonenumber_field",
    "merchant_portal.audit",
    "merchant_portal.business",
    "merchant_portal.staff",
    "customers",
    "notifications",
    "links",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.gzip.GZipMiddleware",
    "django_structlog.middlewares.RequestMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "merchant_portal.staff.middleware.session_limits",
    "allauth.account.middleware.AccountMiddleware",
    "merchant_portal.staff.middleware.second_factor",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
]
ROOT_URLCONF = "merchant_portal.urls"
WSGI_APPLICATION = "merchant_portal.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "merchant_portal.staff.context.account_pages",
            ],
        },
    },
]

# --- sign-in ----------------------------------------------------------------

AUTH_USER_MODEL = "staff.User"
SILENCED_SYSTEM_CHECKS = [
    "auth.W004",  # the address is unique through a constraint on its lower case
    "security.W005",  # subdomains of the shop's domain are not ours to bind
    "security.W008",  # the proxy redirects to https; the API must never
    "security.W021",  # the preload list is the domain owner's decision
]
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS: list[dict[str, Any]] = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 15},
    },
    {
        "NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "merchant_portal.staff.passwords.MaximumLengthValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "admin:index"
LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_ADAPTER = "merchant_portal.account_adapter.AccountAdapter"
ACCOUNT_DEFAULT_HTTP_PROTOCOL = "https" if IS_HTTPS else "http"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False  # mails to strangers are nobody's wish
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_SESSION_REMEMBER = False  # the cookie ends with the browser
ACCOUNT_REAUTHENTICATION_TIMEOUT = 300
ACCOUNT_RATE_LIMITS = {
    "login": "60/15m/ip",
    "login_failed": "20/15m/ip,5/15m/key",
    "reset_password": "20/1h/ip,3/1h/key",
    "reset_password_from_key": "20/1h/ip",
    "change_password": "5/15m/user",
    "reauthenticate": "5/15m/user",
}
# Without it every visitor behind the proxy would share one limit.
ALLAUTH_TRUSTED_PROXY_COUNT = 1 if BEHIND_TLS_PROXY else 0
PASSWORD_RESET_TIMEOUT = int(timedelta(days=1).total_seconds())
MFA_ADAPTER = "merchant_portal.account_adapter.MFAAdapter"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_TOTP_ISSUER = "Merchant portal"
MFA_TOTP_TOLERANCE = 1  # one step of 30 s either way, for clocks that differ
STAFF_MFA_REQUIRED = _boolean("STAFF_MFA_REQUIRED", default=True)
SESSION_COOKIE_AGE = int(timedelta(hours=12).total_seconds())
SESSION_IDLE_SECONDS = int(timedelta(minutes=30).total_seconds())
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = IS_HTTPS
SESSION_COOKIE_NAME = "__Host-session" if IS_HTTPS else "session"
CSRF_COOKIE_NAME = "__Host-csrf" if IS_HTTPS else "csrf"
CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"

# --- headers ----------------------------------------------------------------

SECURE_SSL_REDIRECT = False  # the proxy redirects; the API must never
SECURE_HSTS_SECONDS = 31_536_000 if IS_HTTPS else 0
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY: dict[str, Any] = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF, NONCE],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "frame-src": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
        "object-src": [NONE],
    },
}
# A link page with forty lines posts more than Django's default of 1,000 fields allows
# for ten thousand selected rows; the body itself stays bounded.
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_048_576
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2_000

# --- language, time, static files -------------------------------------------

LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("de", _("German")), ("fr", _("French"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
TIME_ZONE = "UTC"
USE_TZ = True
STATIC_URL = "/static/"
STATIC_ROOT = VAR_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if TESTING or DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = WHITENOISE_AUTOREFRESH = TESTING or DEBUG
# The database's clock plus this; for demos and tests, refused with live keys.
CLOCK_OFFSET_SECONDS = _integer("CLOCK_OFFSET", 0)

# --- telling people ---------------------------------------------------------

DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="shop@localhost.example")
# Unset means capture: mail is kept in the product and shown as "kept here, not sent".
EMAIL_CAPTURED = not env.str("EMAIL_URL", default="")
try:
    _email = {} if EMAIL_CAPTURED else env.email_url("EMAIL_URL")
except (ValueError, KeyError, ImproperlyConfigured):
    _stop(
        "EMAIL_URL",
        "cannot be understood",
        "Example: EMAIL_URL=smtp+tls://user:password@mail.example.com:587",
    )
EMAIL_HOST: str = _email.get("EMAIL_HOST") or "localhost"
EMAIL_PORT: int = _email.get("EMAIL_PORT") or 25
EMAIL_HOST_USER: str = _email.get("EMAIL_HOST_USER") or ""
EMAIL_HOST_PASSWORD: str = _email.get("EMAIL_HOST_PASSWORD") or ""
EMAIL_USE_TLS = bool(_email.get("EMAIL_USE_TLS", False))
EMAIL_USE_SSL = bool(_email.get("EMAIL_USE_SSL", False))
EMAIL_TIMEOUT = 20  # seconds; below the lease of a claimed message
TWILIO_ACCOUNT_SID = env.str("TWILIO_ACCOUNT_SID", default="")
TWILIO_AUTH_TOKEN = env.str("TWILIO_AUTH_TOKEN", default="")
TWILIO_FROM = env.str("TWILIO_FROM", default="")
TWILIO_API_BASE = _url("TWILIO_API_BASE", "", {"http", "https"})
_twilio = [TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN, TWILIO_FROM]
if any(_twilio) and not all(_twilio):
    _stop(
        "TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN and TWILIO_FROM",
        "are set only in part",
        "Set all three to send SMS, or none to keep SMS in the product.",
    )
SMS_CAPTURED = not TWILIO_ACCOUNT_SID

# --- providers --------------------------------------------------------------

STRIPE_SECRET_KEY = env.str("STRIPE_SECRET_KEY", default="")
STRIPE_WEBHOOK_SECRET = env.str("STRIPE_WEBHOOK_SECRET", default="")
STRIPE_API_BASE = _url("STRIPE_API_BASE", "", {"http", "https"})
if STRIPE_SECRET_KEY and not STRIPE_WEBHOOK_SECRET:
    _stop(
        "STRIPE_WEBHOOK_SECRET",
        "is not set though STRIPE_SECRET_KEY is",
        "Copy the signing secret (whsec_…) of the endpoint"
        f" {PUBLIC_URL}/webhooks/stripe/ from Stripe's dashboard.",
    )
HAS_LIVE_KEYS = STRIPE_SECRET_KEY.startswith(("sk_live_", "rk_live_"))
# The rehearsal provider is offered only while no real money can move.
TRAINING_ENABLED = _boolean("TRAINING_ENABLED", default=not STRIPE_SECRET_KEY)
if HAS_LIVE_KEYS and (EMAIL_CAPTURED or CLOCK_OFFSET_SECONDS or TRAINING_ENABLED):
    _stop(
        "STRIPE_SECRET_KEY",
        "is a live key, but mail is captured, the clock is moved or training is on",
        "Set EMAIL_URL, remove CLOCK_OFFSET and set TRAINING_ENABLED=false first.",
    )

# --- Celery -----------------------------------------------------------------

CELERY_BROKER_URL = REDIS_URL or "memory://localhost"
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_SOFT_TIME_LIMIT = 40
CELERY_TASK_TIME_LIMIT = 50
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_PUBLISH_RETRY = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, Any] = (
    {"polling_interval": 0.05}
    if EMBEDDED
    else {
        "socket_timeout": 2,
        "socket_connect_timeout": 1,
        # one try a wake-up: kombu else waits 2 and 4 s and tries again
        "max_retries": 0,
        "visibility_timeout": 120,
        # kombu looks for lost tasks only about every 100 s by default
        "unacked_restore_interval": 10,
        "unacked_restore_throttle": 1,
    }
)
CELERY_BEAT_SCHEDULE: dict[str, dict[str, Any]] = {
    "links-sweep": {"task": "links.tasks.sweep", "schedule": 10.0},
}

# --- web server -------------------------------------------------------------

WEB_BIND = env.str("WEB_BIND", default="") or "127.0.0.1:8000"
WEB_WORKERS = _integer("WEB_WORKERS", 1 if EMBEDDED else 2)
WEB_THREADS = _integer("WEB_THREADS", 8)
if EMBEDDED and WEB_WORKERS != 1:
    _stop(
        "WEB_WORKERS",
        f"is {WEB_WORKERS}, but without REDIS_URL one process does everything",
        "Remove WEB_WORKERS, or set REDIS_URL and start Celery's worker and beat.",
    )

# --- API --------------------------------------------------------------------

API_REQUESTS_PER_MINUTE = _integer("API_REQUESTS_PER_MINUTE", 120)
if API_REQUESTS_PER_MINUTE < 1:
    _stop("API_REQUESTS_PER_MINUTE", "is below one", "The usual value is 120 a key.")

# --- logs -------------------------------------------------------------------

LOG_LEVEL = _one_of("LOG_LEVEL", ["INFO", "DEBUG", "WARNING", "ERROR"])
# plain: for a person at a terminal, one line a warning
LOG_FORMAT = _one_of("LOG_FORMAT", ["json", "plain"])
# Everything as JSON, beside what the console shows; for one process only.
LOG_FILE = env.str("LOG_FILE", default="")
LOGGING = logs.configuration(LOG_LEVEL, LOG_FORMAT, LOG_FILE)

# A named place in the code where the process kills itself; for proofs only.
CRASH_POINT = env.str("CRASH_POINT", default="")
