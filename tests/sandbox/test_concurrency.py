"""Many at once: each request is whole, and nobody gets a second pair for one refresh token."""

from concurrent.futures import ThreadPoolExecutor

import requests

from tests.sandbox.conftest import ADA
from tests.sandboxes import SandboxServer


def test_one_of_eight_refreshes_wins(sandbox: SandboxServer) -> None:
    redirect = "http://127.0.0.1:9/cb"
    pair = sandbox.pair_for(ADA, redirect_uri=redirect)
    form = {"grant_type": "refresh_token", "refresh_token": pair["refresh_token"], "redirect_uri": redirect}
    form |= {"client_id": "sandbox-client", "client_secret": "sandbox-secret"}

    def refresh(_: int) -> int:
        return requests.post(f"{sandbox.url}/api/oauth/token", data=form, timeout=30).status_code

    with ThreadPoolExecutor(8) as pool:
        statuses = sorted(pool.map(refresh, range(8)))
    assert statuses == [200, *[400] * 7]


def test_edits_and_listings_at_once(sandbox: SandboxServer) -> None:
    headers = {"Authorization": f"Bearer {sandbox.token_for(ADA)}"}
    made = sandbox.edit(ADA, "deal", set={"name": "Busy", "amount": 0})
    before = sandbox.state()["counts"]["deal"]

    def work(number: int) -> list[int]:
        with requests.Session() as session:
            session.headers.update(headers)
            body = {"fields_values": {"amount": [{"value": str(number)}]}}
            asked = [
                session.put(f"{sandbox.url}/api/v2/deals/{made['id']}", json=body, timeout=30),
                session.get(f"{sandbox.url}/api/v2/deals?sort=updated:desc&limit=100", timeout=30),
                session.get(f"{sandbox.url}/api/v1/contacts?sort=updated:asc&per_page=100", timeout=30),
            ]
            return [answer.status_code for answer in asked]

    with ThreadPoolExecutor(8) as pool:
        statuses = {status for some in pool.map(work, range(40)) for status in some}
    assert statuses == {200}
    puts = [one for one in sandbox.writes() if one["method"] == "PUT"]
    assert len(puts) == 40
    assert sandbox.object("deal", made["id"])["amount"] in range(40)
    assert sandbox.state()["counts"]["deal"] == before
