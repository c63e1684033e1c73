"""Settings, read top to bottom; every environment variable is read here."""

import sys
from pathlib import Path
from typing import Any

from config.env import env, flag, number, own_key, words

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = Path(env.str("WAYBILL_VAR_DIR", default=str(BASE_DIR / "var")))
PRODUCTION = flag("WAYBILL_PRODUCTION")
TESTING = "pytest" in sys.modules
# Workers show no pages: without the admin they are 10 MB smaller.
SHOWS_PAGES = sys.argv[1:2] != ["work"]

# Keys. WAYBILL_FIELD_KEYS encrypts credentials: newest first, older ones still read.
SECRET_KEY = own_key("SECRET_KEY", VAR_DIR, PRODUCTION)
SECRET_KEY_FALLBACKS = words("SECRET_KEY_FALLBACKS")
FIELD_KEYS = [
    key.strip() for key in own_key("WAYBILL_FIELD_KEYS", VAR_DIR, PRODUCTION).split(",")
]

DEBUG = flag("DEBUG")
ALLOWED_HOSTS = words("ALLOWED_HOSTS", [] if PRODUCTION else ["*"])
CSRF_TRUSTED_ORIGINS = words("CSRF_TRUSTED_ORIGINS")
SITE_URL = env.str("WAYBILL_SITE_URL", default="http://127.0.0.1:8000").rstrip("/")

INSTALLED_APPS = [
    "config.apps.ConsoleAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_q",
    "rest_framework",
    "csp",
    "errorqueue",
    "mappings",
    "integrations",
    "integrations.reconciliation",
]

MIDDLEWARE = [
    "config.middleware.RequestIds",
    "django.middleware.security.SecurityMiddleware",
    "config.middleware.SlimWay",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
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
# The admin takes our templates before its own.
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"
INSTALLED_APPS.append("django.forms")
if SHOWS_PAGES:
    INSTALLED_APPS.append("drf_spectacular")


def _database() -> dict[str, Any]:
    """SQLite tuned for many writers, or whatever DATABASE_URL names.

    SQLite as Django opens it refused 84 % of writes under load; write-ahead log,
    immediate transactions and a long wait made that none (docs/dependencies.md).
    Every commit reaches the disk (0.4 ms): what was acknowledged outlasts a power cut.
    """
    default = f"sqlite:///{VAR_DIR / 'waybill.sqlite3'}"
    found: dict[str, Any] = env.db("DATABASE_URL", default=default)
    found["CONN_MAX_AGE"] = number("CONN_MAX_AGE", 60)
    found["CONN_HEALTH_CHECKS"] = True
    if "sqlite" in found["ENGINE"]:
        VAR_DIR.mkdir(parents=True, exist_ok=True)
        found["OPTIONS"] = {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL;PRAGMA synchronous=FULL;",
        }
        found["TEST"] = {"NAME": str(VAR_DIR / "test.sqlite3")}
    elif "postgresql" in found["ENGINE"]:
        # A session left open in a transaction is ended, and nobody waits long for its
        # locks. Statements are short: to compile one, or to start helpers for it, costs
        # more than it saves. `?options=` of DATABASE_URL sets other limits.
        limits = {
            "idle_in_transaction_session_timeout": "60s",
            "lock_timeout": "15s",
            "statement_timeout": "10min",
            "jit": "off",
            "max_parallel_workers_per_gather": "0",
        }
        shown = " ".join(f"-c {name}={limit}" for name, limit in limits.items())
        options = found.setdefault("OPTIONS", {})
        options.setdefault("options", shown)
        # Django turns preparing off; models/statements.py asks for it by statement, and
        # nothing else is to be prepared however often it runs.
        options.setdefault("prepare_threshold", 1_000_000)
    return found


DATABASES = {"default": _database()}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "admin:login"

LANGUAGE_CODE = "en-gb"
TIME_ZONE = env.str("TIME_ZONE", default="UTC")
USE_I18N = True
USE_TZ = True

STATIC_URL = "static/"
STATIC_ROOT = VAR_DIR / "static"
STATIC_ROOT.mkdir(parents=True, exist_ok=True)
_STATIC_STORAGE = (
    "django.contrib.staticfiles.storage.StaticFilesStorage"
    if TESTING or DEBUG
    else "whitenoise.storage.CompressedManifestStaticFilesStorage"
)
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": _STATIC_STORAGE},
}

# Browser defences: nothing from elsewhere, nothing inline, no framing.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "object-src": ["'none'"],
        "base-uri": ["'none'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
    }
}
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_HTTPONLY = True
if PRODUCTION:
    SECURE_SSL_REDIRECT = flag("SECURE_SSL_REDIRECT", True)
    # The hook path answers as it is asked: a redirect would lose the delivery.
    SECURE_REDIRECT_EXEMPT = [r"^hooks/", r"^health", r"^readyz$", r"^metrics$"]
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_HSTS_SECONDS = number("SECURE_HSTS_SECONDS", 31_536_000)
    SECURE_HSTS_INCLUDE_SUBDOMAINS = flag("SECURE_HSTS_INCLUDE_SUBDOMAINS", True)
    SECURE_HSTS_PRELOAD = flag("SECURE_HSTS_PRELOAD", True)
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True

# Mail. Without EMAIL_URL messages are printed, so a laptop needs no mail server.
vars().update(env.email("EMAIL_URL", default="consolemail://"))
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="waybill@localhost")
ALERT_EMAILS = words("ALERT_EMAILS", [] if PRODUCTION else ["operators@example.com"])

# Intake. Django's own limit of 2.5 MiB would refuse large orders for ever.
HOOK_BODY_LIMIT = number("HOOK_BODY_LIMIT", 10 * 1024 * 1024)
DATA_UPLOAD_MAX_MEMORY_SIZE = HOOK_BODY_LIMIT
# A value table of thousands of rows is one form; the grid of a mapping packs its rows.
DATA_UPLOAD_MAX_NUMBER_FIELDS = 15_000

# Hosts that connections may call besides the vendors' own domains, for simulators
# and proxies. Outside production every host is accepted.
EXTRA_VENDOR_HOSTS = words("WAYBILL_EXTRA_VENDOR_HOSTS")
# Hosts inside this network that outgoing webhooks may call all the same.
EXTRA_WEBHOOK_HOSTS = words("WAYBILL_EXTRA_WEBHOOK_HOSTS")

# Work. One lease is how long a dead worker's record and slot stay taken.
LEASE_SECONDS = number("WAYBILL_LEASE_SECONDS", 20)
CALL_TIMEOUT_SECONDS = number("WAYBILL_CALL_TIMEOUT_SECONDS", 30)
DRAIN_SECONDS = number("WAYBILL_DRAIN_SECONDS", 45)
# A drain is one process: several share the slots of a large allowance.
DRAIN_SLOTS = number("WAYBILL_DRAIN_SLOTS", 16)
# A wake-up that nobody answered for so long is taken for lost and rung again.
BELL_SECONDS = number("WAYBILL_BELL_SECONDS", 10)
SWEEP_SECONDS = number("WAYBILL_SWEEP_SECONDS", 2)
# A cluster with an idle worker and no song for so long is ended and started again.
CANARY_SECONDS = number("WAYBILL_CANARY_SECONDS", 30)
# So long a vendor may still carry out a request that we gave up on; unset, each
# connector knows its vendor's limit.
LATE_SECONDS = number("WAYBILL_LATE_SECONDS", 0) or None
# The growing waits between tries of a connection that cannot be reached.
PROBE_SECONDS = [
    float(word) for word in words("WAYBILL_PROBE_SECONDS", ["5", "10", "30"])
]
# The growing waits between rounds of probes of a flow that its breaker put on hold.
BREAKER_SECONDS = [
    float(word)
    for word in words(
        "WAYBILL_BREAKER_SECONDS", ["60", "120", "300", "900", "1800", "3600"]
    )
]
WORKERS = number("WAYBILL_WORKERS", 2)
# Where the crash harness arms its strikes; refused in production.
FAILPOINTS = env.str("WAYBILL_FAILPOINTS", default="")

# django-q2 is the bell, our tables are the ledger (docs/architecture.md). A drain
# ends well before `timeout`, and `retry` is longer than a full queue can take:
# timeout x (1 + ceil((queue_limit + 1) / workers)) + 15.
Q_TIMEOUT = DRAIN_SECONDS + CALL_TIMEOUT_SECONDS + 45
Q_CLUSTER: dict[str, Any] = {
    "name": "waybill",
    "orm": "default",
    "workers": WORKERS,
    "queue_limit": WORKERS,
    "bulk": 1,
    "timeout": Q_TIMEOUT,
    "retry": Q_TIMEOUT * 3 + 15,
    "max_attempts": 1,
    "ack_failures": True,
    "save_limit": -1,
    "catch_up": False,
    "scheduler": False,  # our own is sync/schedules.py
    "guard_cycle": 0.5,
    "poll": 0.2,
    "recycle": 500,
    "label": "Queue",
}

REST_FRAMEWORK = {
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "rest_framework.authentication.SessionAuthentication"
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAdminUser"],
    "DEFAULT_SCHEMA_CLASS": "errorqueue.api.schema.Described",
}

# Calls a minute of one token, counted by each server process; `heavy` looks at many
# records, or at the target.
API_RATES = {"read": "600/min", "write": "120/min", "heavy": "30/min"}
SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "Waybill",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "COMPONENT_SPLIT_REQUEST": True,
    "SORT_OPERATIONS": False,
    "SCHEMA_PATH_PREFIX": "/api/v1/",
    # Names for programs where two things of the queue have a field of one name.
    "ENUM_NAME_OVERRIDES": {
        "FailureKindEnum": "errorqueue.api.shapes.KIND_CHOICES",
        "IncidentKindEnum": "errorqueue.models.Alert.Kind",
        "BulkStateEnum": "errorqueue.models.BulkRun.State",
        "IncidentStateEnum": "errorqueue.api.incident_shapes.STATES",
    },
}

# Probes and scrapes (docs/operations.md). Without either of the two settings there is
# no /metrics: who may ask, by the token it sends or by the network it is in.
METRICS_TOKEN = env.str("METRICS_TOKEN", default="").strip()
METRICS_ADDRESSES = words("METRICS_ADDRESSES")
# A database that has not answered a probe by then counts as away.
READY_SECONDS = number("WAYBILL_READY_SECONDS", 3)

# JSON for machines, or text for people.
LOG_FORMAT = env.str("LOG_FORMAT", default="json" if PRODUCTION else "text")
LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"()": "config.logs.Lines", "form": LOG_FORMAT}},
    "handlers": {
        "console": {"class": "errorqueue.lost_logs.Console", "formatter": "line"}
    },
    "root": {"handlers": ["console"], "level": env.str("LOG_LEVEL", default="INFO")},
    "loggers": {"django-q": {"level": "WARNING"}, "urllib3": {"level": "WARNING"}},
}
