"""Second factors at rest: their secrets are found in clear nowhere, and still work."""

import importlib
import io
import json

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value, yield_hotp_counters_from_time
from allauth.mfa.utils import decrypt
from cryptography.fernet import Fernet
from django.apps import apps
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import connection as database

from nimble.encryption import Undecipherable

# Another one than other tests have: a code counts once in its half minute, for whoever has this number.
SECRET = "KRSXG5CTMVRXEZLU"


@pytest.fixture
def totp(db) -> TOTP:
    operator = get_user_model().objects.create_superuser("root", "", "a long password of theirs")
    RecoveryCodes.activate(operator)
    return TOTP.activate(operator, SECRET)


def stored() -> str:
    """What the database holds."""
    with database.cursor() as cursor:
        cursor.execute("SELECT data FROM mfa_authenticator")
        return json.dumps([row[0] for row in cursor.fetchall()])


def secret() -> str:
    """As allauth reads it."""
    return decrypt(Authenticator.objects.get(type="totp").data["secret"])


def code() -> str:
    return format_hotp_value(hotp_value(SECRET, next(iter(yield_hotp_counters_from_time()))))


def test_secret_is_stored_encrypted_and_its_codes_work(totp: TOTP):
    assert SECRET not in stored()
    assert stored().count("gAAAA") == 2
    assert totp.validate_code(code())
    assert not totp.validate_code("000000" if code() != "000000" else "111111")


def test_recovery_codes_stay_the_same(totp: TOTP):
    codes = RecoveryCodes(Authenticator.objects.get(type="recovery_codes")).generate_codes()
    call_command("rotate_keys", stdout=io.StringIO())
    assert RecoveryCodes(Authenticator.objects.get(type="recovery_codes")).generate_codes() == codes


def test_keys_are_rotated(totp: TOTP, settings):
    [old] = settings.TOKEN_KEYS
    new = Fernet.generate_key().decode()
    settings.TOKEN_KEYS = [new, old]
    call_command("rotate_keys", stdout=io.StringIO())
    settings.TOKEN_KEYS = [new]
    assert secret() == SECRET
    settings.TOKEN_KEYS = [old]
    with pytest.raises(Undecipherable):
        secret()


def test_secret_that_was_stored_in_clear_is_encrypted_by_the_upgrade(totp: TOTP):
    Authenticator.objects.filter(type="totp").update(data={"secret": SECRET})
    migration = importlib.import_module("nimble.migrations.0003_seal_second_factors")
    for _ in range(2):
        migration.seal(apps, None)
        assert SECRET not in stored()
        assert secret() == SECRET
