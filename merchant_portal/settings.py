"""All configuration, read from the environment; a bad value stops the start.

Nothing else in the product reads the environment. `.env.example` lists every
variable with its meaning.
"""

from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from csp.constants import NONCE, NONE, SELF

from . import environment as env
from . import logs, mail_services, provider_keys
from .admin_theme import UNFOLD as UNFOLD  # re-exported: Django reads it here
from .lib import languages

env.read_file()
BASE_DIR = env.BASE_DIR
TESTING = env.TESTING
VAR_DIR = Path(env.text("VAR_DIR", str(BASE_DIR / "var")))

# --- database ---------------------------------------------------------------

_database = env.database(f"sqlite:///{VAR_DIR / 'portal.sqlite3'}")
ON_SQLITE = _database["ENGINE"].endswith("sqlite3")
if ON_SQLITE:
    _database["OPTIONS"] = {
        # Measured with 8 writers: no "database is locked"; deferred mode gave thousands.
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL",
    }
else:
    _database["CONN_MAX_AGE"] = env.integer("DATABASE_CONN_MAX_AGE_SECONDS", 60)
    _database["CONN_HEALTH_CHECKS"] = True
    _database["OPTIONS"] = {
        "connect_timeout": 5,
        # A stuck statement or a forgotten transaction must not stop the shop.
        "options": "-c statement_timeout=30000 -c lock_timeout=10000"
        " -c idle_in_transaction_session_timeout=60000",
        **_database.get("OPTIONS", {}),  # sslmode and the like, from the address
    }
DATABASES: dict[str, dict[str, Any]] = {"default": {**_database}}
# None: what must hold in every process, and be remembered, is in rows.
CACHES = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = env.url("REDIS_URL", "", {"redis", "rediss", "unix"})
# Embedded: SQLite or no Redis; worker and beat run as threads of the web process.
EMBEDDED = not REDIS_URL

# --- keys -------------------------------------------------------------------

_keys = env.Keys(VAR_DIR, may_generate=ON_SQLITE)
SECRET_KEY = _keys.secret("SECRET_KEY")
SECRET_KEY_FALLBACKS = env.names("SECRET_KEY_FALLBACKS")
LINK_TOKEN_KEYS = _keys.versioned("LINK_TOKEN_KEYS")
FIELD_KEYS = _keys.versioned("FIELD_KEYS")
AUDIT_KEYS = _keys.versioned("AUDIT_KEYS")

# --- addresses --------------------------------------------------------------

DEBUG = env.boolean("DEBUG", default=False)
WEB_BIND = env.bind("WEB_BIND", "127.0.0.1:8000")
_port = WEB_BIND.rpartition(":")[2]
PUBLIC_URL = env.origin("PUBLIC_URL", f"http://127.0.0.1:{_port}")
IS_HTTPS = PUBLIC_URL.startswith("https://")
_host = urlsplit(PUBLIC_URL).hostname or ""
_LOOPBACK_HOSTS = ["127.0.0.1", "localhost", "[::1]"]
ALLOWED_HOSTS: list[str] = [
    _host,
    *env.names("ALLOWED_HOSTS"),
    *(_LOOPBACK_HOSTS if _host in _LOOPBACK_HOSTS or DEBUG else []),
]
if DEBUG and IS_HTTPS:
    env.stop("DEBUG", "is on for a shop on the internet", "Set DEBUG=false.")
if "*" in ALLOWED_HOSTS:
    env.stop("ALLOWED_HOSTS", "is '*'", "Name the hosts that this product answers to.")
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]
# The header is believed only when the operator says that a proxy of theirs sets it.
BEHIND_TLS_PROXY = env.boolean("BEHIND_TLS_PROXY", default=False)
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
    "allauth.usersessions",
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
    "merchant_portal.staff.screen_language.ScreenLanguageMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "merchant_portal.staff.middleware.session_limits",
    "allauth.account.middleware.AccountMiddleware",
    "merchant_portal.staff.middleware.second_factor",
    "merchant_portal.staff.middleware.no_nul",
    "merchant_portal.staff.middleware.business_time",
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
    "models.W040",  # SQLite leaves out what an index only carries along
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
ACCOUNT_RATE_LIMITS = MFA_RATE_LIMITS = False  # ours: staff/services/tries.py
ACCOUNT_FORMS = {"change_password": "merchant_portal.staff.forms.ChangePasswordForm"}
MFA_FORMS = {
    "authenticate": "merchant_portal.staff.forms.AuthenticateForm",
    "reauthenticate": "merchant_portal.staff.forms.ReauthenticateForm",
    "add_webauthn": "merchant_portal.staff.forms.AddPasskeyForm",
    "login_webauthn": "merchant_portal.staff.forms.SignInWithPasskeyForm",
    "authenticate_webauthn": "merchant_portal.staff.forms.UsePasskeyForm",
    "reauthenticate_webauthn": "merchant_portal.staff.forms.UsePasskeyAgainForm",
}
PASSWORD_RESET_TIMEOUT = int(timedelta(days=1).total_seconds())
MFA_ADAPTER = "merchant_portal.account_adapter.MFAAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
# A finger, a face or a PIN each time: so a passkey alone is two factors.
MFA_WEBAUTHN_USER_VERIFICATION = "required"
MFA_TOTP_ISSUER = "Merchant portal"
MFA_ALLOW_UNVERIFIED_EMAIL = True  # staff were invited there; nobody signs up
MFA_TOTP_TOLERANCE = 1  # one step of 30 s either way, for clocks that differ
STAFF_MFA_REQUIRED = env.boolean("STAFF_MFA_REQUIRED", default=True)
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
LANGUAGES = languages.OF_CUSTOMERS
SCREEN_LANGUAGES = languages.OF_SCREENS
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
CLOCK_OFFSET_SECONDS = env.integer("CLOCK_OFFSET", 0, least=-(10**9), most=10**9)

# --- telling people ---------------------------------------------------------

DEFAULT_FROM_EMAIL = env.mail_sender("DEFAULT_FROM_EMAIL", "shop@localhost.example")
# Unset means capture: mail is kept in the product and shown as "kept here, not sent".
_mail = mail_services.read(PUBLIC_URL)
_email = _mail.smtp
# The mail service whose HTTP API takes the mail; empty: an SMTP server does.
EMAIL_ESP = _mail.esp
ANYMAIL: dict[str, Any] = _mail.anymail
EMAIL_CAPTURED = not (_email or EMAIL_ESP)
EMAIL_HOST: str = _email.get("EMAIL_HOST") or "localhost"
EMAIL_PORT: int = _email.get("EMAIL_PORT") or 25
EMAIL_HOST_USER: str = _email.get("EMAIL_HOST_USER") or ""
EMAIL_HOST_PASSWORD: str = _email.get("EMAIL_HOST_PASSWORD") or ""
EMAIL_USE_TLS = bool(_email.get("EMAIL_USE_TLS", False))
EMAIL_USE_SSL = bool(_email.get("EMAIL_USE_SSL", False))
EMAIL_TIMEOUT = 20  # seconds; below the lease of a claimed message
TWILIO_ACCOUNT_SID = env.text("TWILIO_ACCOUNT_SID")
TWILIO_AUTH_TOKEN = env.text("TWILIO_AUTH_TOKEN")
TWILIO_FROM = env.text("TWILIO_FROM")
TWILIO_API_BASE = env.url("TWILIO_API_BASE", "", {"http", "https"})
TWILIO_WHATSAPP_FROM = env.text("TWILIO_WHATSAPP_FROM").removeprefix("whatsapp:")
_twilio = [TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN, TWILIO_FROM or TWILIO_WHATSAPP_FROM]
if any(_twilio) and not all(_twilio):
    env.stop(
        "TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN and TWILIO_FROM",
        "are set only in part",
        "Set all three to send SMS (TWILIO_WHATSAPP_FROM for WhatsApp), or none to keep"
        " messages in the product.",
    )
SMS_CAPTURED, WHATSAPP_CAPTURED = not TWILIO_FROM, not TWILIO_WHATSAPP_FROM
# What one part of an SMS costs, to show beside a text before it goes; blank: not shown.
SMS_PRICE_MINOR = env.decimal("SMS_PRICE_MINOR")
SMS_PRICE_CURRENCY = env.currency(
    "SMS_PRICE_CURRENCY", is_needed=SMS_PRICE_MINOR is not None
)
# How many reminders may leave in a minute, so that an outage ends in no burst; 0 = all.
PER_MINUTE = {
    "email": env.integer("EMAIL_PER_MINUTE", 0, most=100_000),
    "sms": env.integer("SMS_PER_MINUTE", 0, most=100_000),
    "whatsapp": env.integer("WHATSAPP_PER_MINUTE", 0, most=100_000),
}
# Empty means every country; a list stops paid texts to far places (SMS pumping).
SMS_COUNTRIES: list[str] = [code.upper() for code in env.names("SMS_COUNTRIES")]
if not all(len(code) == 2 and code.isalpha() for code in SMS_COUNTRIES):
    env.stop(
        "SMS_COUNTRIES",
        "holds something that is no country code",
        "Write two letters each, like SMS_COUNTRIES=US,CA,GB",
    )

# --- providers --------------------------------------------------------------

_given = provider_keys.read(PUBLIC_URL)
globals().update(_given.settings)  # STRIPE_SECRET_KEY, STRIPE_API_BASE and so on
# Who signs the certificates of a stand-in for PayPal on this machine; tests only.
PAYPAL_CA_FILE = env.text("PAYPAL_CA_FILE")
# The settings that can move real money, by provider.
LIVE_KEYS = _given.live
HAS_LIVE_KEYS = bool(LIVE_KEYS)
# The rehearsal provider is offered only while no real money can move.
HAS_PROVIDER_KEYS = _given.has_any
TRAINING_ENABLED = env.boolean("TRAINING_ENABLED", default=not HAS_PROVIDER_KEYS)
if HAS_LIVE_KEYS and (EMAIL_CAPTURED or CLOCK_OFFSET_SECONDS or TRAINING_ENABLED):
    env.stop(
        ", ".join(LIVE_KEYS.values()),
        "is a live key, but mail is captured, the clock is moved or training is on",
        "Set EMAIL_URL, remove CLOCK_OFFSET and set TRAINING_ENABLED=false first.",
    )
if HAS_LIVE_KEYS and not IS_HTTPS:
    env.stop(
        "PUBLIC_URL",
        f"does not start with https:// though {', '.join(LIVE_KEYS.values())} is live",
        "Example: PUBLIC_URL=https://pay.example.com",
    )

# How many calls a second the looks and sweeps of all workers together make to one
# account; a payer's click is never held up.
PROVIDER_CALLS_PER_SECOND = env.integer(
    "PROVIDER_CALLS_PER_SECOND", 10, least=1, most=1000
)

# Whether nothing that is sent can leave this machine; rehearsals ask it.
ONLY_LOOPBACK = all(
    host in {"127.0.0.1", "localhost", "::1"}
    for host in (
        (urlsplit(_mail.base).hostname or "") if EMAIL_ESP else EMAIL_HOST,
        urlsplit(TWILIO_API_BASE or "http://localhost").hostname,
    )
) and (not TWILIO_ACCOUNT_SID or bool(TWILIO_API_BASE))

# --- Celery -----------------------------------------------------------------

CELERY_BROKER_URL = REDIS_URL or "memory://localhost"
# In memory: every entry is a sweep that runs again within seconds of a start, so a
# file of last runs would only be one more thing to damage.
CELERY_BEAT_SCHEDULER = "celery.beat:Scheduler"
CELERY_BEAT_SCHEDULE: dict[str, dict[str, Any]] = {
    "comparisons": {"task": "links.tasks.compare_accounts", "schedule": 60.0},
    "links-sweep": {"task": "links.tasks.sweep", "schedule": 10.0},
    "audit-head": {"task": "notifications.tasks.keep_audit_head", "schedule": 600.0},
    "messages": {"task": "notifications.tasks.sweep", "schedule": 5.0},
}

# --- web server -------------------------------------------------------------

# How long pages may go on with what the merchant has set before it is read again.
KEPT_SECONDS = 0 if TESTING else 1
WEB_WORKERS = env.integer("WEB_WORKERS", 1 if EMBEDDED else 2, least=1, most=64)
WEB_THREADS = env.integer("WEB_THREADS", 8, least=1, most=256)
if EMBEDDED and WEB_WORKERS != 1:
    env.stop(
        "WEB_WORKERS",
        f"is {WEB_WORKERS}, but without REDIS_URL one process does everything",
        "Remove WEB_WORKERS, or set REDIS_URL and start Celery's worker and beat.",
    )

# --- API --------------------------------------------------------------------

API_REQUESTS_PER_MINUTE = env.integer("API_REQUESTS_PER_MINUTE", 120, least=1)
# of one network, to the public pages of one process; 0 takes the brake off
PAY_PAGE_LIMIT_PER_MINUTE = env.integer("PAY_PAGE_LIMIT_PER_MINUTE", 60)

# --- logs -------------------------------------------------------------------

LOG_LEVEL = env.one_of("LOG_LEVEL", ["INFO", "DEBUG", "WARNING", "ERROR"])
# plain: for a person at a terminal, one line a warning
LOG_FORMAT = env.one_of("LOG_FORMAT", ["json", "plain"])
# Everything as JSON, beside what the console shows; for one process only.
LOG_FILE = env.text("LOG_FILE")
LOGGING = logs.configuration(LOG_LEVEL, LOG_FORMAT, LOG_FILE)

# A named place in the code where the process kills itself; for proofs only.
CRASH_POINT = env.text("CRASH_POINT")
