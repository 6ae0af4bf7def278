"""The one settings file. Sections mirror the rooms; every value comes through `config.env` and fails loudly."""

from datetime import timedelta
from pathlib import Path
from secrets import token_urlsafe
from typing import Any

from django.templatetags.static import static
from django.urls import reverse_lazy
from psycopg.conninfo import conninfo_to_dict

from config import env
from config.embedded import runtime

BASE_DIR = Path(__file__).resolve().parent.parent

# ── where we run ─────────────────────────────────────────────────────────────────────────────────────────
ENV = env.choice("COUNTERFOIL_ENV", "development", ("development", "test", "production"))
PRODUCTION = ENV == "production"
DEBUG = env.boolean("DEBUG", False)
SECRET_KEY = env.text("SECRET_KEY", None if PRODUCTION else "")
if not SECRET_KEY:
    # The running family's own, or one for commands that sign nothing and end soon.
    SECRET_KEY = runtime.secret_key() or token_urlsafe(48)
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", "" if PRODUCTION else "127.0.0.1,localhost,testserver")
PUBLIC_URL = env.text("PUBLIC_URL", None if PRODUCTION else "") or runtime.public_url() or "http://127.0.0.1:8000"
STATE_DIR = Path(env.text("COUNTERFOIL_STATE", str(BASE_DIR / ".counterfoil")))

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
TIME_ZONE = "UTC"
USE_TZ = True
LANGUAGE_CODE = "en"
FORMAT_MODULE_PATH = ["config.formats"]
USE_I18N = True
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
LOGIN_URL = reverse_lazy("admin:login")
LOGIN_REDIRECT_URL = reverse_lazy("admin:index")

INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.filters",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "djmoney",
    "operations",
    "ledger",
    "payments",
    "payouts",
    "reconciliation",
    "config",
]

MIDDLEWARE = [
    "config.middleware.ConnectionMiddleware",
    "config.middleware.RequestIdMiddleware",
    "config.middleware.ContentPolicyMiddleware",
    "config.middleware.NoCacheMiddleware",
    "config.patience.PatienceMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

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
            ]
        },
    }
]

STATIC_URL = "/static/"
# Collected for production only; elsewhere each file is served from where it lies.
STATIC_ROOT = BASE_DIR / "staticfiles" if PRODUCTION else None
WHITENOISE_USE_FINDERS = not PRODUCTION
# A test's client makes a handler of its own, which would look at every file there is.
WHITENOISE_AUTOREFRESH = ENV == "test"

CSRF_FAILURE_VIEW = "config.refusals.form_too_old"

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
]

if ENV == "test":
    # Slow on purpose is right for passwords, and wrong for a thousand tests that need a person.
    PASSWORD_HASHERS = [
        "django.contrib.auth.hashers.MD5PasswordHasher",
        "django.contrib.auth.hashers.PBKDF2PasswordHasher",
    ]

# ── transport security: on in production, where TLS ends in front of us ───────────────────────────────────
SECURE_SSL_REDIRECT = PRODUCTION
TRUST_PROXY = env.boolean("TRUST_PROXY", False)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUST_PROXY else None
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if PRODUCTION else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = PRODUCTION
SECURE_HSTS_PRELOAD = PRODUCTION
SESSION_COOKIE_SECURE = PRODUCTION
CSRF_COOKIE_SECURE = PRODUCTION
SESSION_COOKIE_AGE = int(timedelta(hours=8).total_seconds())
CSRF_TRUSTED_ORIGINS = env.words("CSRF_TRUSTED_ORIGINS")
X_FRAME_OPTIONS = "DENY"

# ── database ─────────────────────────────────────────────────────────────────────────────────────────────


def _database() -> dict[str, Any]:
    """Turn DATABASE_URL (or the running embedded family's) into Django's form."""
    url = env.text("DATABASE_URL", None if PRODUCTION else "")
    if not url and not PRODUCTION:
        # No family runs: commands that need no database still work, the others say what to start.
        url = (
            runtime.database_url()
            or "postgresql://counterfoil@127.0.0.1:1/no-database-run-make-run-or-set-DATABASE_URL"
        )
    parts = {key: str(value) for key, value in conninfo_to_dict(url).items()}
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.pop("dbname", ""),
        "USER": parts.pop("user", ""),
        "PASSWORD": parts.pop("password", ""),
        "HOST": parts.pop("host", ""),
        "PORT": parts.pop("port", ""),
        "CONN_MAX_AGE": 60,
        # Not by a query before each use: operations/database.py looks whether the server has ended the connection.
        "CONN_HEALTH_CHECKS": False,
        "OPTIONS": {
            **parts,
            # A stuck statement must not hold a worker, a lock or a row for ever.
            "options": "-c statement_timeout=30000 -c lock_timeout=5000 -c idle_in_transaction_session_timeout=30000",
            "connect_timeout": 5,
        },
        "TEST": {"NAME": env.text("TEST_DATABASE_NAME", "test_counterfoil")},
    }


DATABASES = {"default": _database()}

# ── broker: a hint, never the queue ──────────────────────────────────────────────────────────────────────
BROKER_URL = env.text("BROKER_URL", None if PRODUCTION else "") or runtime.broker_url() or "redis://127.0.0.1:1/0"

# ── operations ───────────────────────────────────────────────────────────────────────────────────────────
SWITCHBOARD = "config.wiring"
# Failpoints crash the process on purpose: they need this setting *and* an environment variable.
FAILPOINTS_ALLOWED = ENV == "test"
HINTS_ENABLED = ENV != "test"
IDEMPOTENCY_KEY_LIFE = timedelta(hours=24)

# From when on people are asked (docs/operations.md). Counts and percentages are whole numbers.
ALERT_ORDER_MINUTES = env.integer("ALERT_ORDER_MINUTES", 30, minimum=1, maximum=24 * 60)
ALERT_JOB_MINUTES = env.integer("ALERT_JOB_MINUTES", 10, minimum=1, maximum=24 * 60)
ALERT_DEAD_LETTERS = env.integer("ALERT_DEAD_LETTERS", 1, minimum=1, maximum=1_000_000)
ALERT_ACCEPTANCE_DROP = env.integer("ALERT_ACCEPTANCE_DROP", 20, minimum=1, maximum=100)
ALERT_ACCEPTANCE_LEAST = env.integer("ALERT_ACCEPTANCE_LEAST", 20, minimum=1, maximum=1_000_000)
ALERT_UNANSWERED_PERCENT = env.integer("ALERT_UNANSWERED_PERCENT", 25, minimum=1, maximum=100)
ALERT_UNANSWERED_LEAST = env.integer("ALERT_UNANSWERED_LEAST", 10, minimum=1, maximum=1_000_000)
ALERT_WEBHOOKS_PARKED = env.integer("ALERT_WEBHOOKS_PARKED", 20, minimum=1, maximum=1_000_000)
ALERT_WEBHOOKS_MISSED = env.integer("ALERT_WEBHOOKS_MISSED", 5, minimum=1, maximum=1_000_000)
# With it a monitor may GET /statusz; without it only people who are signed in to the console.
STATUS_TOKEN = env.text("STATUS_TOKEN", "")

# ── the books ────────────────────────────────────────────────────────────────────────────────────────────
# Up to which sum of debits one person is enough for a manual journal, in minor units by currency. None: never.
MANUAL_JOURNAL_LIMIT_MINOR = env.amounts("MANUAL_JOURNAL_LIMIT_MINOR")

# ── payments: the provider ───────────────────────────────────────────────────────────────────────────────
STRIPE_API_KEY = env.text("STRIPE_API_KEY", None if PRODUCTION else "") or "sk_test_sandbox"
SANDBOX_URL = env.text("SANDBOX_URL", "") or runtime.sandbox_url() or ""
# With a key of one's own the provider is Stripe; without, it is the stand-in.
STRIPE_API_BASE = env.text("STRIPE_API_BASE", "") or (SANDBOX_URL if STRIPE_API_KEY == "sk_test_sandbox" else "")
STRIPE_WEBHOOK_SECRETS = env.words("STRIPE_WEBHOOK_SECRET", None if PRODUCTION else "") or [
    runtime.webhook_secret() or "whsec_unset"
]
# In which currencies the account at Stripe settles: in them alone is certain how little may be charged.
STRIPE_SETTLEMENT_CURRENCIES = env.words("STRIPE_SETTLEMENT_CURRENCIES", "EUR,GBP,JPY,USD")
MOLLIE_API_KEY = env.text("MOLLIE_API_KEY", "")
MOLLIE_API_BASE = env.text("MOLLIE_API_BASE", "")
# What proves that a webhook of Mollie, which signs nothing, came to an address that we gave it.
MOLLIE_WEBHOOK_SECRET = env.text("MOLLIE_WEBHOOK_SECRET", "")
# Through which providers (config/wiring.py) new checkouts are paid, by preference: of a storefront in a currency
# (acme/EUR), of a storefront (acme), in a currency (*/EUR), and of all others (*). The narrowest entry counts alone.
PSP_ROUTES = env.routes("PSP_ROUTES", "*=stripe")
env.gone("DEFAULT_PSP", instead="PSP_ROUTES=*=…")
env.gone("PSP_BY_STOREFRONT", instead="PSP_ROUTES=storefront=…")
# After so many calls in a row without an answer none is made for a while; 0 switches that off. Tests plan silence.
PSP_BREAKER_FAILURES = env.integer("PSP_BREAKER_FAILURES", 0 if ENV == "test" else 5, minimum=0, maximum=1000)
PSP_BREAKER_REST_S = env.integer("PSP_BREAKER_REST_S", 15, minimum=1, maximum=3600)
# Of one process; fewer than its threads, so that a slow provider cannot hold them all.
PSP_CALLS_AT_ONCE = env.integer("PSP_CALLS_AT_ONCE", 50 if ENV == "test" else 3, minimum=1, maximum=1000)
CHECKOUT_LIFE = timedelta(hours=env.integer("CHECKOUT_LIFE_HOURS", 23, minimum=1, maximum=23))
# Where the buyer pays: on the provider's own page (redirect), or on one of ours that embeds the provider's form.
CHECKOUT_PAGE = env.choice("CHECKOUT_PAGE", "redirect", ("redirect", "embedded"))
STRIPE_PUBLISHABLE_KEY = env.text("STRIPE_PUBLISHABLE_KEY", "") or "pk_test_sandbox"
# Stripe.js comes in trains, like the API; this one belongs to the API version of the SDK.
STRIPE_JS_TRAIN = "endive"
STRIPE_JS_URL = f"{STRIPE_API_BASE or 'https://js.stripe.com'}/{STRIPE_JS_TRAIN}/stripe.js"
STRIPE_FRAME_ORIGINS = "" if STRIPE_API_BASE else "https://hooks.stripe.com"
STRIPE_CONNECT_ORIGINS = STRIPE_API_BASE or "https://api.stripe.com"
# Above which amount a refund waits for a second person, in minor units by currency. Without an entry: none does.
REFUND_APPROVAL_LIMIT_MINOR = env.amounts("REFUND_APPROVAL_LIMIT_MINOR")
# What a charge is expected to cost while the provider has not said it: hundredths of a percent, and minor units.
PROVIDER_FEE_RATES = env.rates("PROVIDER_FEE_RATES", "EUR=290+30,USD=290+30,GBP=290+20,BRL=399+39")
# Who bears a lost dispute, unless a seller agreed to something else, and who bears the provider's fee for it.
DISPUTES_BORNE_BY = env.choice("DISPUTES_BORNE_BY", "seller", ("seller", "platform"))
DISPUTE_FEES_BORNE_BY = env.choice("DISPUTE_FEES_BORNE_BY", "platform", ("seller", "platform"))
# How long an event of the provider's is kept on which nothing here depends.
IGNORED_EVENT_LIFE = timedelta(days=env.integer("IGNORED_EVENT_DAYS", 90, minimum=1, maximum=3650))
# How long before evidence is due the storefront is warned.
DISPUTE_WARNING = timedelta(days=env.integer("DISPUTE_WARNING_DAYS", 3, minimum=0, maximum=60))
# How long before a reservation lapses the storefront is told.
AUTHORIZATION_WARNING = timedelta(hours=env.integer("AUTHORIZATION_WARNING_HOURS", 24, minimum=1, maximum=24 * 6))
# Which check (config/wiring.py) looks at a payment before the provider hears of it, and what "lists" goes by.
RISK_CHECK = env.text("RISK_CHECK", "accept")
RISK_BLOCKED_NAMES = [name.strip() for name in env.text("RISK_BLOCKED_NAMES", "").split(";") if name.strip()]
RISK_BLOCKED_COUNTRIES = env.words("RISK_BLOCKED_COUNTRIES", "")
RISK_REVIEW_ABOVE_MINOR = env.amounts("RISK_REVIEW_ABOVE_MINOR") or {}
COMMISSION_BPS = env.integer("COMMISSION_BPS", 1000, minimum=0, maximum=10_000)

# ── ledger ───────────────────────────────────────────────────────────────────────────────────────────────
# Where the head of the chain of seals goes each day, besides the log; best on another machine's disk.
CHAIN_HEADS_FILE = Path(found) if (found := env.text("CHAIN_HEADS_FILE", "")) else None

# ── payments: messages to storefronts ─────────────────────────────────────────────────────────────────────
# Only where the shop runs on the same machine: elsewhere an endpoint is a public https address.
WEBHOOK_PRIVATE_ADDRESSES = env.boolean("WEBHOOK_PRIVATE_ADDRESSES", ENV == "development")
# An endpoint that took nothing for so long is disabled, and its storefront told.
WEBHOOK_DISABLE_AFTER = timedelta(hours=env.integer("WEBHOOK_DISABLE_AFTER_HOURS", 120, minimum=1, maximum=24 * 90))
# How many messages may be under way at once, of all workers together: fewer than the workers have threads, so that
# shops that answer slowly cannot hold them all. One shop has all of these places but one.
WEBHOOK_SENDS_AT_ONCE = env.integer("WEBHOOK_SENDS_AT_ONCE", 5, minimum=1, maximum=1000)

# ── payouts ──────────────────────────────────────────────────────────────────────────────────────────────
# In development what is delivered may be paid out the same day, so that a day of trade shows everything.
HOLD_DAYS = env.integer("HOLD_DAYS", 0 if ENV == "development" else 7, minimum=0, maximum=365)
# How long a seller is paid nothing after the bank account was changed: time for the seller to object.
PAYOUT_CHANGED_BANK_HOURS = env.integer("PAYOUT_CHANGED_BANK_HOURS", 24, minimum=0, maximum=24 * 30)
PAYOUT_MINIMUM_MINOR = env.integer("PAYOUT_MINIMUM_MINOR", 100, minimum=1, maximum=10**9)

# ── API ──────────────────────────────────────────────────────────────────────────────────────────────────
# Requests of one API key: so many a second for ever, and as many as fill so many seconds at once.
API_RATES = {
    "read": env.integer("API_READS_PER_SECOND", 200, minimum=1, maximum=100_000),
    "write": env.integer("API_WRITES_PER_SECOND", 100, minimum=1, maximum=100_000),
}
API_BURST_S = env.integer("API_BURST_SECONDS", 10, minimum=1, maximum=3600)
# Requests without a living key from one address: so many a minute for ever (0: no limit), and so many at once.
API_UNAUTHORIZED_PER_MINUTE = env.integer("API_UNAUTHORIZED_PER_MINUTE", 10, minimum=0, maximum=100_000)
API_UNAUTHORIZED_BURST = env.integer("API_UNAUTHORIZED_BURST", 100, minimum=1, maximum=100_000)
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["operations.api.authentication.ApiKeyAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_THROTTLE_CLASSES": ["operations.api.throttling.ApiKeyThrottle"],
    "DEFAULT_PARSER_CLASSES": ["operations.api.parsers.StrictJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "config.problems.problem_response",
    "UNAUTHENTICATED_USER": None,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Counterfoil",
    "DESCRIPTION": "The payment system of a marketplace. Amounts are strings in major units; errors are problems of "
    "RFC 9457 with a stable `code`; lists are pages by cursor. `docs/api.md` is the guide.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "LICENSE": {"name": "MIT", "identifier": "MIT"},
    # Of the host that serves the document, which every installation has its own of.
    "SERVERS": [{"url": "/"}],
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PUBLIC": True,
    "SCHEMA_PATH_PREFIX": "/v1/",
    "SORT_OPERATIONS": False,
    "POSTPROCESSING_HOOKS": ["config.openapi.complete"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
}

# ── the console ──────────────────────────────────────────────────────────────────────────────────────────
UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Counterfoil",
    "SITE_HEADER": "Counterfoil",
    "SITE_SUBHEADER": "Finance console",
    "SITE_SYMBOL": "receipt_long",
    "SITE_URL": None,
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": False,
    "LOGIN": {"form": "config.log_in.LogInForm"},
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("console/icon.svg")}],
    "STYLES": [lambda request: static("console/console.css")],
    "ENVIRONMENT": "config.console.environment_label",
    "DASHBOARD_CALLBACK": "config.console.dashboard",
    "SIDEBAR": {
        "show_search": False,
        "show_all_applications": False,
        "navigation": "config.console.navigation",
    },
    # Ink blue: white text on 600 passes WCAG AA.
    "COLORS": {
        "primary": {
            "50": "oklch(97.5% .012 250)",
            "100": "oklch(94.5% .028 250)",
            "200": "oklch(89.5% .055 250)",
            "300": "oklch(82% .09 251)",
            "400": "oklch(72% .13 252)",
            "500": "oklch(63% .155 254)",
            "600": "oklch(53% .16 256)",
            "700": "oklch(46% .145 257)",
            "800": "oklch(40% .12 258)",
            "900": "oklch(35% .095 258)",
            "950": "oklch(27% .07 259)",
        },
    },
}

# ── logging: one readable line a fact, to stderr ─────────────────────────────────────────────────────────
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"request_id": {"()": "config.logs.RequestIdFilter"}},
    "formatters": {"line": {"()": "config.logs.OneLineFormatter"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["request_id"]}},
    "root": {
        "handlers": ["stderr"],
        "level": env.choice("LOG_LEVEL", "INFO", ("DEBUG", "INFO", "WARNING", "ERROR")),
    },
    "loggers": {
        "django.server": {"level": "WARNING"},
        "kombu": {"level": "WARNING"},
        # Two lines for every hint say nothing that the jobs table does not say better; what goes wrong is still told.
        "celery.worker.strategy": {"level": "WARNING"},
        "celery.app.trace": {"level": "WARNING"},
        "stripe": {"level": "WARNING"},
    },
}
