from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import requests

from tests.sandbox.conftest import ADA
from tests.sandboxes import SandboxServer

REDIRECT = "http://127.0.0.1:9/callback"
CLIENT = {"client_id": "sandbox-client", "client_secret": "sandbox-secret", "redirect_uri": REDIRECT}


def authorize_url(sandbox: SandboxServer, **changes: str) -> str:
    parameters = {"client_id": "sandbox-client", "redirect_uri": REDIRECT, "response_type": "code"}
    parameters |= {"scope": "basic,contacts,deals", "state": "s1"} | changes
    return f"{sandbox.url}/oauth/authorize?{urlencode(parameters)}"


def token(sandbox: SandboxServer, **form: str) -> requests.Response:
    return sandbox.session.post(f"{sandbox.url}/api/oauth/token", data={**CLIENT, **form}, timeout=10)


def query_of(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


def test_consent_page_lists_everyone_and_runs_no_script(sandbox: SandboxServer) -> None:
    page = sandbox.session.get(authorize_url(sandbox), timeout=10)
    assert [email for email in sandbox.users if email not in page.text] == []
    assert "<script" not in page.text
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "form-action 'self' http://127.0.0.1:9" in policy


def test_allow_comes_back_with_a_code_and_the_state(sandbox: SandboxServer) -> None:
    answered = query_of(sandbox.consent(authorize_url(sandbox), ADA))
    assert set(answered) == {"code", "state"}
    assert answered["state"] == "s1"


def test_deny_comes_back_as_access_denied(sandbox: SandboxServer) -> None:
    answered = query_of(sandbox.consent(authorize_url(sandbox), ADA, "deny"))
    assert answered == {"error": "access_denied", "error_description": "User denied access", "state": "s1"}


@pytest.mark.parametrize("changes", [{"response_type": "token"}, {"scope": ""}, {"scope": "everything"}])
def test_a_wrong_request_comes_back_as_invalid_request(sandbox: SandboxServer, changes: dict[str, str]) -> None:
    page = sandbox.session.get(authorize_url(sandbox, **changes), allow_redirects=False, timeout=10)
    answered = query_of(page.headers["Location"])
    assert (answered["error"], answered["state"]) == ("invalid_request", "s1")


@pytest.mark.parametrize("changes", [{"client_id": "other"}, {"redirect_uri": "https://evil.test/"}])
def test_an_unknown_client_or_redirect_is_sent_nowhere(sandbox: SandboxServer, changes: dict[str, str]) -> None:
    page = sandbox.session.get(authorize_url(sandbox, **changes), allow_redirects=False, timeout=10)
    assert page.status_code == 400
    assert "Location" not in page.headers


def test_a_registered_redirect_must_match_exactly() -> None:
    sandbox = SandboxServer(contacts=0, deals=0, redirect_uri=[REDIRECT])
    try:
        page = sandbox.session.get(authorize_url(sandbox), timeout=10)
        other = sandbox.session.get(authorize_url(sandbox, redirect_uri=REDIRECT + "/"), timeout=10)
        assert (page.status_code, other.status_code) == (200, 400)
    finally:
        sandbox.close()


def test_a_code_is_good_for_one_pair(sandbox: SandboxServer) -> None:
    code = sandbox.code(authorize_url(sandbox), ADA)
    first = token(sandbox, grant_type="authorization_code", code=code)
    assert set(first.json()) == {"access_token", "token_type", "expires_in", "refresh_token", "scope"}
    assert first.json()["expires_in"] == 599
    headers = {"Authorization": f"Bearer {first.json()['access_token']}"}
    me = sandbox.session.get(f"{sandbox.url}/api/v1/myself", headers=headers, timeout=10).json()
    assert (me["email"], me["company_size"]) == (ADA, 5)
    second = token(sandbox, grant_type="authorization_code", code=code)
    assert (second.status_code, second.json()["error"]) == (400, "invalid_grant")


def test_a_code_tried_with_another_redirect_is_spent(sandbox: SandboxServer) -> None:
    code = sandbox.code(authorize_url(sandbox), ADA)
    wrong = token(sandbox, grant_type="authorization_code", code=code, redirect_uri=REDIRECT + "2")
    right = token(sandbox, grant_type="authorization_code", code=code)
    assert (wrong.status_code, right.status_code) == (400, 400)


def test_a_refresh_token_works_once(sandbox: SandboxServer) -> None:
    pair = sandbox.pair_for(ADA, redirect_uri=REDIRECT)
    fresh = token(sandbox, grant_type="refresh_token", refresh_token=pair["refresh_token"]).json()
    assert set(fresh) == {"access_token", "expires_in", "refresh_token"}
    assert fresh["refresh_token"] != pair["refresh_token"]
    again = token(sandbox, grant_type="refresh_token", refresh_token=pair["refresh_token"])
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    assert token(sandbox, grant_type="refresh_token", refresh_token=fresh["refresh_token"]).status_code == 200


def test_a_refresh_token_stays_where_rotation_is_off(sandbox: SandboxServer) -> None:
    sandbox.switch(rotation="off")
    pair = sandbox.pair_for(ADA, redirect_uri=REDIRECT)
    for _ in range(2):
        fresh = token(sandbox, grant_type="refresh_token", refresh_token=pair["refresh_token"])
        assert fresh.json()["refresh_token"] == pair["refresh_token"]


@pytest.mark.parametrize("missing", ["client_id", "client_secret", "redirect_uri", "grant_type"])
def test_both_grants_need_every_parameter(sandbox: SandboxServer, missing: str) -> None:
    pair = sandbox.pair_for(ADA, redirect_uri=REDIRECT)
    form = {**CLIENT, "grant_type": "refresh_token", "refresh_token": pair["refresh_token"]}
    form.pop(missing)
    answer = sandbox.session.post(f"{sandbox.url}/api/oauth/token", data=form, timeout=10)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


def test_a_wrong_secret_is_refused(sandbox: SandboxServer) -> None:
    pair = sandbox.pair_for(ADA, redirect_uri=REDIRECT)
    form = {"grant_type": "refresh_token", "refresh_token": pair["refresh_token"], "client_secret": "no"}
    answer = token(sandbox, **form)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_a_refresh_with_another_redirect_is_refused(sandbox: SandboxServer) -> None:
    pair = sandbox.pair_for(ADA, redirect_uri=REDIRECT)
    form = {"grant_type": "refresh_token", "refresh_token": pair["refresh_token"], "redirect_uri": REDIRECT + "2"}
    assert token(sandbox, **form).json()["error"] == "invalid_grant"


@pytest.mark.parametrize(("position", "status"), [("403", 403), ("401", 401)])
def test_a_dead_token_is_refused(sandbox: SandboxServer, position: str, status: int) -> None:
    sandbox.switch(dead_token=position)
    headers = {"Authorization": f"Bearer {sandbox.token_for(ADA)}"}
    sandbox.expire(ADA)
    answer = sandbox.session.get(f"{sandbox.url}/api/v1/myself", headers=headers, timeout=10)
    assert (answer.status_code, answer.json()) == (status, {"message": "Can't authenticate request"})


def test_a_token_in_the_url_is_not_taken(sandbox: SandboxServer) -> None:
    url = f"{sandbox.url}/api/v1/myself?access_token={sandbox.token_for(ADA)}"
    assert sandbox.session.get(url, timeout=10).status_code == 403


def test_revoking_kills_both_tokens(sandbox: SandboxServer) -> None:
    pair = sandbox.pair_for(ADA, redirect_uri=REDIRECT)
    sandbox.revoke(ADA)
    headers = {"Authorization": f"Bearer {pair['access_token']}"}
    assert sandbox.session.get(f"{sandbox.url}/api/v1/myself", headers=headers, timeout=10).status_code == 403
    refreshed = token(sandbox, grant_type="refresh_token", refresh_token=pair["refresh_token"])
    assert refreshed.json()["error"] == "invalid_grant"


def test_a_grant_without_deals_reads_no_deals(sandbox: SandboxServer) -> None:
    pair = sandbox.pair_for(ADA, scope="basic contacts")
    headers = {"Authorization": f"Bearer {pair['access_token']}"}
    refused = sandbox.session.get(f"{sandbox.url}/api/v2/deals/pipelines", headers=headers, timeout=10)
    assert refused.status_code == 403
    assert sandbox.session.get(f"{sandbox.url}/api/v1/contacts", headers=headers, timeout=10).status_code == 200
