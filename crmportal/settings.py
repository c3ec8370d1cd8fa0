"""All settings, in one file, from the environment or from the `.env` beside `manage.py`.

Every variable is documented in `docs/settings.md`; a test holds the two together.
"""

import os
import sys
from pathlib import Path
from urllib.parse import urlsplit

import environ
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _

from crmportal.logs import logging_config

BASE_DIR = Path(__file__).resolve().parent.parent

env = environ.FileAwareEnv()
environ.Env.read_env(env.str("ENV_FILE", str(BASE_DIR / ".env")))

LOOPBACK = {"127.0.0.1", "localhost", "::1"}


def listed(name: str) -> list[str]:
    """A comma-separated variable as a list without empty items."""
    return [item.strip() for item in env.str(name, "").split(",") if item.strip()]


# --- where it lives -------------------------------------------------------------------------------------------------

DEBUG = env.bool("DJANGO_DEBUG", False)
SECRET_KEY = env.str("DJANGO_SECRET_KEY", "")
if not SECRET_KEY:
    raise ImproperlyConfigured("DJANGO_SECRET_KEY is not set: run ./run once, it writes a .env with fresh keys.")

VAR_DIR = Path(env.str("VAR_DIR", str(BASE_DIR / "var")))
VAR_DIR.mkdir(parents=True, exist_ok=True)

PORT = env.int("PORT", 8000)
PUBLIC_URL = env.str("PUBLIC_URL", "").rstrip("/") or f"http://127.0.0.1:{PORT}"
_public = urlsplit(PUBLIC_URL)
if _public.scheme not in ("http", "https") or not _public.hostname or _public.path:
    raise ImproperlyConfigured(f"PUBLIC_URL must look like https://crm.example.com, not {PUBLIC_URL!r}.")
HTTPS = _public.scheme == "https"

ALLOWED_HOSTS = listed("DJANGO_ALLOWED_HOSTS") or [_public.hostname]
if _public.hostname in LOOPBACK:
    ALLOWED_HOSTS = sorted({*ALLOWED_HOSTS, "127.0.0.1", "localhost", "[::1]"})
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]

ROOT_URLCONF = "crmportal.urls"
WSGI_APPLICATION = "crmportal.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Nimble ---------------------------------------------------------------------------------------------------------

NIMBLE_BASE_URL = env.str("NIMBLE_BASE_URL", "https://app.nimble.com").rstrip("/")
NIMBLE_CLIENT_ID = env.str("NIMBLE_CLIENT_ID", "")
NIMBLE_CLIENT_SECRET = env.str("NIMBLE_CLIENT_SECRET", "")
NIMBLE_COMPANY_ID = env.str("NIMBLE_COMPANY_ID", "")
NIMBLE_SCOPES = env.str("NIMBLE_SCOPES", "basic,contacts,deals")
NIMBLE_TIMEOUT = (5.0, env.float("NIMBLE_TIMEOUT", 30.0))
TOKEN_KEYS = listed("TOKEN_KEYS")
# The name of the environment in the sidebar's badge: a loopback Nimble can only be the sandbox.
SANDBOX = urlsplit(NIMBLE_BASE_URL).hostname in LOOPBACK

# --- apps -----------------------------------------------------------------------------------------------------------

INSTALLED_APPS = [
    "crmportal.apps.Portal",
    "team",
    "reports",
    "deals",
    "contacts",
    "sync",
    "nimble",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.humanize",
    "whitenoise.runserver_nostatic",
    "crmportal.apps.StaticFiles",
    "crmportal.apps.Admin",
    "allauth",
    "allauth.account",
    "allauth.socialaccount",
    "allauth.mfa",
    "allauth.usersessions",
    "django_celery_beat",
    "django_htmx",
    "template_partials",
    "csp",
]

MIDDLEWARE = [
    "crmportal.logs.RequestLog",
    "sync.polls.ConditionalPolls",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "team.middleware.Preferences",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "crmportal.htmx.HtmxResponses",
    "allauth.account.middleware.AccountMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "sync.middleware.Looking",
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
                "team.context.shell",
            ],
        },
    },
]

# --- database, cache, broker ----------------------------------------------------------------------------------------

DATABASES = {"default": env.db("DATABASE_URL", f"sqlite:///{VAR_DIR / 'db.sqlite3'}")}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # IMMEDIATE: a transaction that will write waits for its turn at BEGIN, instead of failing half-way.
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 30,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-32000;",
    }
else:
    DATABASES["default"]["CONN_MAX_AGE"] = 60
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
    # PostgreSQL takes longer to compile a board's statements than to run them.
    _options = DATABASES["default"].setdefault("OPTIONS", {})
    _options["options"] = f"-c jit=off {_options.get('options', '')}".strip()

CACHES = {"default": env.cache("CACHE_URL", f"filecache://{VAR_DIR / 'cache'}")}

BROKER_DIR = VAR_DIR / "broker"
CELERY_BROKER_URL = env.str("CELERY_BROKER_URL", "filesystem://")
if CELERY_BROKER_URL.startswith("filesystem"):
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "data_folder_in": str(BROKER_DIR / "queue"),
        "data_folder_out": str(BROKER_DIR / "queue"),
        "control_folder": str(BROKER_DIR / "control"),
        "polling_interval": 0.1,
    }
    for _folder in ("queue", "control"):
        (BROKER_DIR / _folder).mkdir(parents=True, exist_ok=True)
else:
    CELERY_BROKER_TRANSPORT_OPTIONS = {"socket_timeout": 5, "socket_connect_timeout": 2}
if CELERY_BROKER_URL.startswith("amqp"):
    # Replicated where RabbitMQ has several nodes; classic queues are lost with theirs.
    CELERY_TASK_DEFAULT_QUEUE_TYPE = CELERY_TASK_CREATE_MISSING_QUEUE_TYPE = "quorum"
    CELERY_BROKER_TRANSPORT_OPTIONS = {"connect_timeout": 2}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# A dead broker must not hold up the request that rings the bell.
CELERY_TASK_PUBLISH_RETRY = False
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_DEFAULT_QUEUE = "pull"
CELERY_TASK_ROUTES = {"sync.tasks.ring": {"queue": "push"}}
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULER = "sync.beat:Scheduler"
CELERY_BEAT_SCHEDULE = {
    # Every broker may lose every message, so beat rings: whatever waits is found by looking at the table.
    "deliver": {"task": "sync.tasks.ring", "schedule": 2.0, "options": {"expires": 2.0}},
    "pull": {"task": "sync.tasks.pull_due", "schedule": 5.0, "options": {"expires": 5.0}},
    # Either kind of worker can tell people of the other's silence.
    "tell": {"task": "team.tasks.tell", "schedule": 30.0, "options": {"queue": "push", "expires": 30.0}},
    "tell, too": {"task": "team.tasks.tell", "schedule": 30.0, "options": {"queue": "pull", "expires": 30.0}},
}

# --- people ---------------------------------------------------------------------------------------------------------

AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
LOGIN_REDIRECT_URL = "/"
LOGIN_URL = "account_login"
ACCOUNT_ADAPTER = "nimble.adapters.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_DEFAULT_HTTP_PROTOCOL = _public.scheme
ACCOUNT_RATE_LIMITS = {"login_failed": "10/5m/ip,5/5m/key"}
SOCIALACCOUNT_ADAPTER = "nimble.adapters.SocialAccountAdapter"
SOCIALACCOUNT_STORE_TOKENS = True
SOCIALACCOUNT_EMAIL_VERIFICATION = "none"
SOCIALACCOUNT_EMAIL_AUTHENTICATION = False
SOCIALACCOUNT_AUTO_SIGNUP = True
SOCIALACCOUNT_LOGIN_ON_GET = False
SOCIALACCOUNT_REQUESTS_TIMEOUT = 5
USERSESSIONS_TRACK_ACTIVITY = False
MFA_ADAPTER = "nimble.mfa.MFAAdapter"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

# --- language and time ----------------------------------------------------------------------------------------------

LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("de", _("German"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True

# --- static files ---------------------------------------------------------------------------------------------------

STATIC_URL = "/static/"
STATIC_ROOT = VAR_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
TESTING = "pytest" in sys.modules
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG or TESTING
        else "crmportal.storage.StaticFiles"
    },
}
WHITENOISE_USE_FINDERS = DEBUG or TESTING

# --- e-mail ---------------------------------------------------------------------------------------------------------

vars().update(env.email_url("EMAIL_URL", "consolemail://"))
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", "crmportal@localhost")

# --- doors that stay shut -------------------------------------------------------------------------------------------

SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_AGE = 14 * 24 * 3600
SECURE_SSL_REDIRECT = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^(healthz|readyz)$"]
SECURE_HSTS_SECONDS = 31536000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CSRF_FAILURE_VIEW = "team.views.csrf_failure"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "object-src": [NONE],
        "img-src": [SELF, "data:"],
        # The sign-in form is answered with a redirect to Nimble's consent page.
        "form-action": [SELF, NIMBLE_BASE_URL],
    },
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 12 * 1024 * 1024
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"

# --- logs and metrics -----------------------------------------------------------------------------------------------

# A worker, or beat, that gives no sign of life for so long is told of, and soon after started anew.
SILENT_SECONDS = env.int("SILENT_SECONDS", 20)
# Megabytes: with less left, doctor says so.
DISK_ALERT_MB = env.int("DISK_ALERT_MB", 500)
METRICS_TOKEN = env.str("METRICS_TOKEN", "")
METRICS_DIR = VAR_DIR / "metrics"
METRICS_DIR.mkdir(exist_ok=True)
# prometheus_client reads it when it is imported; who counts in which file there: `crmportal.slots`.
os.environ |= {"PROMETHEUS_MULTIPROC_DIR": str(METRICS_DIR)}

LOGGING = logging_config(env.str("LOG_LEVEL", "INFO"), json=env.bool("LOG_JSON", not DEBUG))
