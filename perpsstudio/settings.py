"""Everything a deployment can set, read from the environment and judged by ``checks.py``.

``STATE`` names the folder that holds a local run's data. What ``make run`` started writes its addresses to
``$STATE/environment``, so that any ``manage.py`` command beside it talks to the same servers; real environment
variables win over that file.
"""

from pathlib import Path

import environ
from kombu.entity import Exchange, Queue

BASE_DIR = Path(__file__).resolve().parent.parent

env = environ.Env()
STATE = Path(env.str("STATE", default=str(BASE_DIR / ".state"))).resolve()
env.read_env(STATE / "environment", overwrite=False)

# Development's own key is refused by a system check as soon as DEBUG is off.
INSECURE_SECRET_KEY = "insecure-development-key"  # noqa: S105
DEBUG = env.bool("DEBUG", default=False)
SECRET_KEY = env.str("SECRET_KEY", default=INSECURE_SECRET_KEY)
CI = env.bool("CI", default=False)

# Hosts are decided by tenants.hosts against the Domain table, which knows more than a static list could.
ALLOWED_HOSTS = ["*"]
PLATFORM_HOST = env.str("PLATFORM_HOST", default="localhost")
HTTPS = env.bool("HTTPS", default=not DEBUG)

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_htmx",
    "perpsstudio",
    "tenants",
    "branding",
    "trading",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "tenants.middleware.OperatorMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "tenants.middleware.ReadOnlyRoleMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]

ROOT_URLCONF = "perpsstudio.urls"
WSGI_APPLICATION = "perpsstudio.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.jinja2.Jinja2",
        "DIRS": [BASE_DIR / "templates"],
        "OPTIONS": {
            "environment": "branding.jinja.environment",
            "context_processors": [
                "django.contrib.messages.context_processors.messages",
                "branding.context_processors.brand",
            ],
        },
    },
]

# Django's PostgreSQL backend, telling every connection which operator it serves (row-level security).
DATABASES = {"default": env.db_url("DATABASE_URL", default="postgres://perpsstudio@127.0.0.1:5432/perpsstudio")}
DATABASES["default"]["ENGINE"] = "tenants.postgres"
# A database that was away is there again within seconds, not after a pause as long as it was away, and one that went
# silent is given up: everybody in the process waits for whoever waits for it. What the address says besides, such as
# ``sslmode``, counts.
DATABASES["default"]["OPTIONS"] = DATABASES["default"].get("OPTIONS", {}) | {
    "pool": {"min_size": 1, "max_size": env.int("DATABASE_POOL", default=16), "timeout": 5, "reconnect_timeout": 2},
    "connect_timeout": 5,
    "tcp_user_timeout": 5000,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
}
# A connection that the server has dropped is replaced before it is used: without this, a restart of the database fails
# as many requests and tasks of each process as its pool holds.
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = env.str("REDIS_URL", default="redis://127.0.0.1:6379/0")
CACHES = {
    "default": {"BACKEND": "perpsstudio.cache.SharedCache", "LOCATION": REDIS_URL},
    "sessions": {"BACKEND": "perpsstudio.cache.SessionCache", "LOCATION": REDIS_URL},
}

AUTH_USER_MODEL = "tenants.User"
# auth.W004: an e-mail is unique per operator, and OperatorBackend looks inside one operator only. security.W005 and
# W021: HSTS stays with the host itself, see below.
SILENCED_SYSTEM_CHECKS = ["auth.W004", "security.W005", "security.W021"]
AUTHENTICATION_BACKENDS = ["tenants.authentication.OperatorBackend"]
CSRF_FAILURE_VIEW = "tenants.views.forbidden"
LOGIN_URL = "sign_in"
LOGIN_REDIRECT_URL = "home"
# Memory-hard, and quicker for us than a million rounds of PBKDF2.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.ScryptPasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
# The page Markets has three fields for each market of an operator's venues, and these list several hundred.
DATA_UPLOAD_MAX_NUMBER_FIELDS = 6000
SESSION_ENGINE = "tenants.sessions"
SESSION_CACHE_ALIAS = "sessions"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_NAME = "__Host-session" if HTTPS else "session"
CSRF_COOKIE_NAME = "__Host-csrf" if HTTPS else "csrf"
SECURE_SSL_REDIRECT = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^metrics$"]
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
# Operators bring names of their own: what lies below them, and whether browsers ship with them, is theirs to say.
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = False
# Only behind a proxy of ours, which sets X-Forwarded-Proto and adds the client to X-Forwarded-For.
TRUST_PROXY = env.bool("TRUST_PROXY", default=False)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUST_PROXY else None
SECURE_REFERRER_POLICY = "same-origin"

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "style-src": ["'self'"],
        "script-src": ["'self'"],
        "connect-src": ["'self'"],
        "font-src": ["'self'"],
        "frame-ancestors": ["'none'"],
        "base-uri": ["'none'"],
        "form-action": ["'self'"],
        "object-src": ["'none'"],
    },
}

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True

STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = DEBUG

# Venues, each named as in trading.venues.table; one without an address is not connected. The signing network is its own
# setting: it is never inferred from a URL.
HYPERLIQUID_URL = env.str("HYPERLIQUID_URL", default="https://api.hyperliquid.xyz")
HYPERLIQUID_NETWORK = env.str("HYPERLIQUID_NETWORK", default="mainnet")
HYPERLIQUID_DEXES = env.list("HYPERLIQUID_DEXES", default=[])
ASTER_URL = env.str("ASTER_URL", default="")
# The venue's websockets live on a host of their own (Aster 1.1); without it they are sought beside the API.
ASTER_STREAM_URL = env.str("ASTER_STREAM_URL", default="")
ASTER_NETWORK = env.str("ASTER_NETWORK", default="mainnet")
# Processes that reach the venues from one address share its budget there; each address has a name. 0: the venue's own.
EGRESS = env.str("EGRESS", default="one")
HYPERLIQUID_WEIGHT_PER_MINUTE = env.int("HYPERLIQUID_WEIGHT_PER_MINUTE", default=0)
ASTER_WEIGHT_PER_MINUTE = env.int("ASTER_WEIGHT_PER_MINUTE", default=0)
VENUE_CONNECT_TIMEOUT = env.float("VENUE_CONNECT_TIMEOUT", default=2.0)
VENUE_READ_TIMEOUT = env.float("VENUE_READ_TIMEOUT", default=5.0)
# First key encrypts, all keys decrypt: put a new one in front to rotate.
AGENT_KEY_SECRETS = env.list("AGENT_KEY_SECRETS", default=[])

CELERY_BROKER_URL = REDIS_URL
# Readings are dealt to the workers of one address of ours; whatever else, to any worker.
CELERY_TASK_QUEUES = [
    Queue(name, Exchange(name), routing_key=name)  # type: ignore[no-untyped-call]
    for name in ("celery", f"readings@{EGRESS}")
]
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TIMEZONE = "UTC"

# How old a number may be before the page says so, and before money buttons close.
STALE_AFTER_SECONDS = 5
CLOSED_AFTER_SECONDS = 15

# Who sends this as a bearer token to the platform's host may read /metrics; without it only this machine may.
METRICS_TOKEN = env.str("METRICS_TOKEN", default="")

# Recorded venue payloads that the tests read.
VENUE_DATA = Path(env.str("VENUE_DATA", default=str(BASE_DIR.parent / "shared" / "venues")))

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "plain": {
            "class": "tenants.logs.SecretFormatter",
            "format": "{asctime} {levelname} {name} {message}",
            "style": "{",
        }
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"handlers": ["console"], "level": env.str("LOG_LEVEL", default="INFO")},
}
