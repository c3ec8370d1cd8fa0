import json
import time
import zlib
from collections.abc import Callable
from typing import Any

import pytest
import requests

from tests.sandbox.conftest import ADA, EVE, Ask
from tests.sandboxes import SandboxServer

PERSON = {"fields": {"last name": [{"value": "Doe"}]}}


def contacts(sandbox: SandboxServer) -> int:
    return int(sandbox.state()["counts"]["contact"])


def test_a_status_with_its_headers_and_nothing_applied(sandbox: SandboxServer, ada: Ask) -> None:
    before = contacts(sandbox)
    sandbox.fault(method="POST", path="/contact$", status=503, headers={"Retry-After": "86400"}, body={"message": "no"})
    failed = ada("POST", "/api/v1/contact", PERSON)
    assert (failed.status_code, failed.headers["Retry-After"], failed.json()) == (503, "86400", {"message": "no"})
    assert contacts(sandbox) == before
    assert ada("POST", "/api/v1/contact", PERSON).status_code == 200


@pytest.mark.parametrize(("when", "made"), [("before", 0), ("after", 1)])
def test_a_connection_cut_before_or_after_applying(sandbox: SandboxServer, ada: Ask, when: str, made: int) -> None:
    before = contacts(sandbox)
    sandbox.fault(method="POST", cut=when)
    with pytest.raises(requests.ConnectionError):
        ada("POST", "/api/v1/contact", PERSON)
    assert contacts(sandbox) - before == made
    entry = sandbox.log()[-1]
    assert (entry["status"], entry["applied"], entry["body"]) == (0, bool(made), PERSON)


def test_an_error_for_what_was_applied(sandbox: SandboxServer, ada: Ask) -> None:
    before = contacts(sandbox)
    sandbox.fault(method="POST", status=502, apply=True)
    assert ada("POST", "/api/v1/contact", PERSON).status_code == 502
    assert contacts(sandbox) == before + 1


def test_an_answer_that_hangs_after_applying(sandbox: SandboxServer) -> None:
    before = contacts(sandbox)
    headers = {"Authorization": f"Bearer {sandbox.token_for(ADA)}"}
    sandbox.fault(method="POST", hang_ms=1500)
    with pytest.raises(requests.ReadTimeout):
        sandbox.session.post(f"{sandbox.url}/api/v1/contact", json=PERSON, headers=headers, timeout=0.3)
    assert contacts(sandbox) == before + 1


def test_a_token_can_rotate_and_its_answer_be_lost(sandbox: SandboxServer) -> None:
    redirect = "http://127.0.0.1:9/cb"
    pair = sandbox.pair_for(ADA, redirect_uri=redirect)
    form = {"grant_type": "refresh_token", "refresh_token": pair["refresh_token"], "redirect_uri": redirect}
    form |= {"client_id": "sandbox-client", "client_secret": "sandbox-secret"}
    sandbox.fault(path="/oauth/token", cut="after")
    with pytest.raises(requests.ConnectionError):
        sandbox.session.post(f"{sandbox.url}/api/oauth/token", data=form, timeout=10)
    again = sandbox.session.post(f"{sandbox.url}/api/oauth/token", data=form, timeout=10)
    assert again.json()["error"] == "invalid_grant"
    assert pair["refresh_token"] not in json.dumps(sandbox.log())


def test_a_rule_matches_a_user_and_counts(sandbox: SandboxServer, ada: Ask, eve: Ask) -> None:
    sandbox.fault(path="myself", user=EVE, nth=2, times=2, status=500)
    assert [ada("GET", "/api/v1/myself").status_code for _ in range(3)] == [200, 200, 200]
    assert [eve("GET", "/api/v1/myself").status_code for _ in range(5)] == [200, 500, 500, 200, 200]


def test_a_rule_without_end_lasts_until_it_is_removed(sandbox: SandboxServer, ada: Ask) -> None:
    rule = sandbox.fault(path="myself", times=0, status=500)
    assert {ada("GET", "/api/v1/myself").status_code for _ in range(4)} == {500}
    sandbox.control("DELETE", f"faults/{rule['id']}")
    assert ada("GET", "/api/v1/myself").status_code == 200


def test_delay_and_latency(sandbox: SandboxServer, ada: Ask) -> None:
    sandbox.fault(path="myself", delay_ms=120)
    sandbox.set(latency_ms=60)
    took = []
    for _ in range(2):
        started = time.monotonic()
        ada("GET", "/api/v1/myself")
        took.append(time.monotonic() - started)
    assert took[0] >= 0.18
    assert 0.06 <= took[1] < 0.18


def test_html_and_truncated_json_with_200(sandbox: SandboxServer, ada: Ask) -> None:
    sandbox.fault(path="myself", html=True)
    sandbox.fault(path="myself", truncate=True)
    for _ in range(2):
        answer = ada("GET", "/api/v1/myself")
        assert answer.status_code == 200
        with pytest.raises(requests.JSONDecodeError):
            answer.json()


def test_an_empty_listing(sandbox: SandboxServer, ada: Ask) -> None:
    sandbox.fault(path="/contacts/ids", empty=True)
    assert ada("GET", "/api/v1/contacts/ids").json() == {
        "meta": {"page": 1, "pages": 0, "per_page": 30, "total": 0},
        "resources": [],
    }


def test_stale_pages_show_an_older_state(sandbox: SandboxServer, ada: Ask, everyones: Callable[..., Any]) -> None:
    one = everyones("contact", record_type="person")
    path = f"/api/v1/contact/{one['id']}"
    sandbox.fault(method="GET", path=path, stale=True, times=1)
    ada("PUT", path, {"fields": {"title": [{"value": "New"}]}})
    stale = ada("GET", path).json()["resources"][0]["fields"]
    fresh = ada("GET", path).json()["resources"][0]["fields"]
    assert stale == one["fields"]
    assert fresh["title"][0]["value"] == "New"


def test_pages_shift_between_reads(sandbox: SandboxServer, ada: Ask) -> None:
    sandbox.fault(path=r"/contacts\?.*page=1\b", shift={"delete": 2})
    listing = "/api/v1/contacts?sort=created:asc&per_page=5&page="
    everything = [one["id"] for one in ada("GET", "/api/v1/contacts?sort=created:asc&per_page=100").json()["resources"]]
    first = [one["id"] for one in ada("GET", f"{listing}1").json()["resources"]]
    second = [one["id"] for one in ada("GET", f"{listing}2").json()["resources"]]
    assert first == everything[:5]
    assert second == everything[7:12]


def test_more_than_anyone_should_read(sandbox: SandboxServer, ada: Ask) -> None:
    sandbox.fault(path="myself", pad=3_000_000)
    assert len(ada("GET", "/api/v1/myself").content) > 3_000_000
    sandbox.fault(path="myself", gzip_bomb=5_000_000)
    url = f"{sandbox.url}/api/v1/myself"
    headers = {"Authorization": f"Bearer {sandbox.token_for(ADA)}"}
    with sandbox.session.get(url, headers=headers, stream=True, timeout=10) as answer:
        raw = answer.raw.read(decode_content=False)
    assert len(raw) < 20_000
    assert len(zlib.decompress(raw, 31)) == 5_000_000


def test_someone_in_nimble_can_leave_nonsense(sandbox: SandboxServer, ada: Ask, everyones: Callable[..., Any]) -> None:
    one = everyones("contact")["id"]
    sandbox.edit(ADA, "contact", one, raw={"tags": None, "updated": "0001-01-01"}, raw_without=["fields"])
    listing = ada("GET", "/api/v1/contacts?per_page=100").json()["resources"]
    view = next(view for view in listing if view["id"] == one)
    assert "fields" not in view
    assert (view["tags"], view["updated"]) == (None, "0001-01-01")


def test_an_unknown_action_is_refused(sandbox: SandboxServer) -> None:
    with pytest.raises(RuntimeError, match="409"):
        sandbox.fault(path="x", explode=True)
