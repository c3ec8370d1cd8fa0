"""What `manage.py check` and `manage.py claim` say."""

import io

import pytest
from django.core.management import CommandError, call_command

from nimble import checks
from nimble.models import Claim, Workspace


@pytest.mark.parametrize(
    ("base_url", "public_url", "debug", "found"),
    [
        ("https://app.nimble.com", "https://crm.example.test", False, []),
        ("http://app.nimble.com", "https://crm.example.test", False, ["nimble.E001"]),
        ("https://u:p@app.nimble.com", "https://crm.example.test", False, ["nimble.E001"]),
        ("http://127.0.0.1:8770", "https://crm.example.test", False, ["nimble.E002"]),
        ("https://localhost:8770", "https://crm.example.test", False, ["nimble.E002"]),
        ("http://127.0.0.1:8770", "http://crm.example.test", False, ["nimble.E002"]),
        ("http://127.0.0.1:8770", "https://crm.example.test", True, []),
        ("http://127.0.0.1:8770", "http://127.0.0.1:8000", False, []),
    ],
)
def test_base_url(settings, base_url, public_url, debug, found):
    settings.NIMBLE_BASE_URL, settings.PUBLIC_URL, settings.DEBUG = base_url, public_url, debug
    assert [message.id for message in checks.check_base_url(None)] == found


@pytest.mark.parametrize(("keys", "found"), [([], ["nimble.E003"]), (["short"], ["nimble.E003"])])
def test_token_keys(settings, keys, found):
    assert checks.check_token_keys(None) == []
    settings.TOKEN_KEYS = keys
    messages = checks.check_token_keys(None)
    assert [message.id for message in messages] == found
    assert "short" not in str(messages)


def test_checks_are_registered(settings):
    settings.TOKEN_KEYS = []
    with pytest.raises(CommandError, match=r"nimble\.E003"):
        call_command("check")


def claim(**options) -> str:
    out = io.StringIO()
    call_command("claim", stdout=out, **options)
    return out.getvalue().strip()


def test_claim_prints_a_link_that_works(db, client, settings):
    link = claim()
    assert link.startswith(settings.PUBLIC_URL + "/claim/")
    assert client.get(link.removeprefix(settings.PUBLIC_URL)).status_code == 200


def test_claim_of_a_claimed_installation_needs_force(db):
    Workspace.objects.create(company_id="c1")
    with pytest.raises(CommandError, match="--force"):
        claim()
    assert not Claim.objects.exists()
    assert "/claim/" in claim(force=True)
