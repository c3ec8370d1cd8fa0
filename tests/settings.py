"""The settings that ship, for the tests: in a folder of their own, with keys of their own, deaf to any `.env`.

`TEST_DATABASE=postgresql pytest …` runs on a private PostgreSQL instead of an SQLite file.
"""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

from tests import servers

folder = tempfile.mkdtemp(prefix="crmportal-tests-")
Path(folder, "static").mkdir()
atexit.register(shutil.rmtree, folder, ignore_errors=True)

for name in (
    "CELERY_BROKER_URL",
    "CACHE_URL",
    "DATABASE_URL",
    "DJANGO_ALLOWED_HOSTS",
    "EMAIL_URL",
    "NIMBLE_COMPANY_ID",
):
    os.environ.pop(name, None)
os.environ.update(
    ENV_FILE=os.devnull,
    VAR_DIR=folder,
    DJANGO_DEBUG="false",
    DJANGO_SECRET_KEY="only-for-tests-" * 4,
    TOKEN_KEYS="dGVzdHMtdGVzdHMtdGVzdHMtdGVzdHMtdGVzdHMtdGU=",
    PORT="8000",
    PUBLIC_URL="http://127.0.0.1:8000",
    NIMBLE_BASE_URL="http://127.0.0.1:1",
    NIMBLE_CLIENT_ID="test-client",
    NIMBLE_CLIENT_SECRET="test-secret",
)
if os.environ.get("TEST_DATABASE") == "postgresql":
    os.environ["DATABASE_URL"] = servers.postgres().url

from crmportal.settings import *  # noqa: E402, F403
from crmportal.settings import DATABASES  # noqa: E402

if "DATABASE_URL" not in os.environ:
    # A file, as in production: in memory, several connections see neither locks nor each other.
    DATABASES["default"]["TEST"] = {"NAME": str(Path(folder, "test.sqlite3"))}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
