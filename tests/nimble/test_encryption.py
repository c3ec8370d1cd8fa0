"""Secrets at rest: found in clear nowhere, and never readable with the wrong key."""

import io
from pathlib import Path

import pytest
from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialLogin, SocialToken
from cryptography.fernet import Fernet
from django.contrib.auth import get_user_model
from django.contrib.sessions.backends.db import SessionStore
from django.core import serializers
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db import connection as database
from django.test import RequestFactory

from nimble import encryption
from nimble.provider import NimbleProvider
from nimble.registration import differs_from_environment, social_app

ACCESS = "canary-access-5b1f"
REFRESH = "canary-refresh-77ac"
SECRET = "canary-secret-0d3e"
CANARIES = (ACCESS, REFRESH, SECRET)


@pytest.fixture
def token(db) -> SocialToken:
    app = SocialApp.objects.create(provider="nimble", name="Nimble", client_id="client", secret=SECRET)
    user = get_user_model().objects.create_user("someone")
    account = SocialAccount.objects.create(user=user, provider="nimble", uid="u1")
    return SocialToken.objects.create(app=app, account=account, token=ACCESS, token_secret=REFRESH)


def stored() -> list[str]:
    """What the database holds, past our fields."""
    with database.cursor() as cursor:
        cursor.execute("SELECT token, token_secret FROM socialaccount_socialtoken")
        values = [value for row in cursor.fetchall() for value in row]
        cursor.execute("SELECT secret FROM socialaccount_socialapp")
        return values + [row[0] for row in cursor.fetchall()]


def test_secrets_come_back_and_are_stored_encrypted(token):
    token.refresh_from_db()
    assert (token.token, token.token_secret, token.app.secret) == CANARIES
    assert SocialToken.objects.values_list("token", "token_secret").get() == (ACCESS, REFRESH)
    raw = stored()
    assert len(raw) == 3
    assert all(value.startswith("gAAAA") for value in raw)


def test_update_and_bulk_operations_encrypt(token):
    SocialToken.objects.update(token="another")
    SocialToken.objects.bulk_update([token], ["token_secret"])
    assert "another" not in stored()
    assert all(value.startswith("gAAAA") for value in stored())


def test_empty_secret_stays_empty(token):
    SocialToken.objects.update(token_secret="")
    assert "" in stored()
    assert SocialToken.objects.get().token_secret == ""


def test_no_migration_appears(db):
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


def test_wrong_key_raises(token, settings):
    settings.TOKEN_KEYS = [Fernet.generate_key().decode()]
    with pytest.raises(encryption.Undecipherable):
        SocialToken.objects.get()
    with pytest.raises(encryption.Undecipherable):
        SocialApp.objects.values_list("secret", flat=True).get()


def test_clear_text_in_the_database_raises(token):
    with database.cursor() as cursor:
        cursor.execute("UPDATE socialaccount_socialtoken SET token = 'in clear'")
    with pytest.raises(encryption.Undecipherable):
        SocialToken.objects.get()


@pytest.mark.parametrize("keys", [[], ["not a key"], [""]])
def test_without_keys_nothing_is_stored(db, settings, keys):
    settings.TOKEN_KEYS = keys
    with pytest.raises(ImproperlyConfigured):
        SocialApp.objects.create(provider="nimble", client_id="c", secret=SECRET)


def test_keys_are_rotated(token, settings):
    [old] = settings.TOKEN_KEYS
    new = Fernet.generate_key().decode()
    settings.TOKEN_KEYS = [new, old]
    assert SocialToken.objects.get().token == ACCESS
    call_command("rotate_keys", stdout=io.StringIO())
    settings.TOKEN_KEYS = [new]
    token.refresh_from_db()
    assert (token.token, token.token_secret, SocialApp.objects.get().secret) == CANARIES
    settings.TOKEN_KEYS = [old]
    with pytest.raises(encryption.Undecipherable):
        SocialToken.objects.get()


def test_secret_that_would_not_fit_is_refused_with_the_reason(db):
    SocialApp.objects.create(provider="nimble", client_id="c", secret="x" * 79)
    with pytest.raises(encryption.TooLong, match="there is room for 191"):
        SocialApp.objects.create(provider="nimble", client_id="d", secret="x" * 80)


@pytest.mark.parametrize("kind", ["json", "jsonl", "xml"])
@pytest.mark.parametrize("model", ["socialaccount.socialtoken", "socialaccount.socialapp"])
def test_dumpdata_refuses(token, model, kind):
    out = io.StringIO()
    with pytest.raises(CommandError, match="is not exported"):
        call_command("dumpdata", model, format=kind, stdout=out)
    assert not any(canary in out.getvalue() for canary in CANARIES)


def test_dumpdata_of_all_the_rest_holds_no_secret(token):
    out = io.StringIO()
    exclude = ["socialaccount.socialtoken", "socialaccount.socialapp"]
    call_command("dumpdata", exclude=exclude, stdout=out)
    assert "someone" in out.getvalue()
    assert not any(canary in out.getvalue() for canary in CANARIES)


def test_serializers_refuse(token):
    with pytest.raises(serializers.base.SerializationError):
        serializers.serialize("json", SocialToken.objects.all())


def test_sign_in_kept_in_the_session_is_encrypted(token):
    """allauth puts an unfinished sign-in there, with its tokens."""
    request = RequestFactory().get("/")
    request.session = SessionStore()
    sociallogin = SocialLogin(
        user=get_user_model()(username="new"),
        account=SocialAccount(provider="nimble", uid="u2"),
        provider=NimbleProvider(request, app=token.app),
    )
    sociallogin.token = SocialToken(token=ACCESS, token_secret=REFRESH)
    request.session["socialaccount_sociallogin"] = sociallogin.serialize()
    request.session.save()
    with database.cursor() as cursor:
        cursor.execute("SELECT session_data FROM django_session")
        [[data]] = cursor.fetchall()
    kept = SessionStore(request.session.session_key)["socialaccount_sociallogin"]
    assert not any(canary in data + str(kept) + str(SessionStore().decode(data)) for canary in CANARIES)
    back = get_adapter().deserialize_instance(SocialToken, kept["token"])
    assert (back.token, back.token_secret) == (ACCESS, REFRESH)


@pytest.mark.django_db(transaction=True)
def test_database_files_hold_no_secret(token):
    SocialToken.objects.update(token=ACCESS, token_secret=REFRESH)
    held = files_of_the_database()
    assert b"someone" in held
    assert not any(canary.encode() in held for canary in CANARIES)


def files_of_the_database() -> bytes:
    """All bytes, of SQLite's file and its log, or of PostgreSQL's tables."""
    if database.vendor == "sqlite":
        name = Path(database.settings_dict["NAME"])
        return b"".join(path.read_bytes() for path in name.parent.glob(name.name + "*"))
    with database.cursor() as cursor:
        cursor.execute("CHECKPOINT")
        cursor.execute(
            "SELECT pg_read_binary_file(pg_relation_filepath(c.oid)) FROM pg_class c "
            "WHERE c.relkind IN ('r', 't', 'i') AND c.relname NOT LIKE 'pg_%%' OR c.relkind = 't'"
        )
        return b"".join(bytes(row[0]) for row in cursor.fetchall())


class TestRegistration:
    def test_environment_makes_the_app_once(self, db, settings):
        settings.NIMBLE_CLIENT_ID, settings.NIMBLE_CLIENT_SECRET = "from-env", SECRET
        app = social_app()
        assert (app.client_id, app.secret, app.provider) == ("from-env", SECRET, "nimble")
        settings.NIMBLE_CLIENT_ID = "changed-later"
        assert social_app() == app
        assert SocialApp.objects.count() == 1
        assert differs_from_environment(app)

    def test_without_environment_there_is_none(self, db, settings):
        settings.NIMBLE_CLIENT_ID = settings.NIMBLE_CLIENT_SECRET = ""
        assert social_app() is None
        with pytest.raises(CommandError, match="NIMBLE_CLIENT_ID"):
            call_command("ensure_app")

    def test_command_says_which_and_no_secret(self, db, settings):
        settings.NIMBLE_CLIENT_ID, settings.NIMBLE_CLIENT_SECRET = "from-env", SECRET
        out = io.StringIO()
        call_command("ensure_app", stdout=out, stderr=out)
        assert "from-env" in out.getvalue()
        assert SECRET not in out.getvalue()

    def test_command_refuses_a_secret_that_is_too_long(self, db, settings):
        settings.NIMBLE_CLIENT_ID, settings.NIMBLE_CLIENT_SECRET = "from-env", "x" * 100
        with pytest.raises(CommandError, match="room for 191"):
            call_command("ensure_app")
