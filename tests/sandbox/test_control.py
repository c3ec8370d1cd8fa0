from collections.abc import Callable
from typing import Any

import pytest

from tests.sandbox.conftest import ADA, EVE, Ask
from tests.sandboxes import SandboxServer

Everyones = Callable[..., dict[str, Any]]


@pytest.mark.parametrize("headers", [{}, {"X-Sandbox-Key": "guess"}])
def test_the_control_api_wants_its_key(sandbox: SandboxServer, headers: dict[str, str]) -> None:
    answer = sandbox.session.get(f"{sandbox.url}/_sandbox/state", headers=headers, timeout=10)
    assert answer.status_code == 403


@pytest.mark.parametrize("path", ["/api/v1/myself", "/_sandbox/state", "/oauth/authorize"])
def test_another_host_is_refused(sandbox: SandboxServer, path: str) -> None:
    headers = {"Host": "evil.test", "X-Sandbox-Key": sandbox.key}
    assert sandbox.session.get(sandbox.url + path, headers=headers, timeout=10).status_code == 403


def test_an_edit_is_someone_elses(sandbox: SandboxServer, ada: Ask, everyones: Everyones) -> None:
    one = everyones("deal")
    pipeline = sandbox.object("pipeline", one["pipeline_id"])
    goal = next(stage for stage in pipeline["stages"] if stage["id"] != one["stage_id"])
    sandbox.edit(EVE, "deal", one["id"], set={"amount": 77, "stage_id": goal["id"]})
    view = ada("GET", f"/api/v2/deals/{one['id']}").json()
    assert view["fields_values_with_names"]["amount"][0]["value"] == "77"
    assert view["updated_by"] == sandbox.users[EVE]["user_id"]
    latest = view["stage_transitions"]["transitions"][0]
    assert (latest["who"]["email"], latest["to_stage"]["stage_id"]) == (EVE, goal["id"])


def test_a_contacts_fields_are_merged_by_name(sandbox: SandboxServer, ada: Ask, everyones: Everyones) -> None:
    one = everyones("contact", record_type="company")
    title = [{"value": "D", "modifier": "", "field_id": "0" * 24}]
    sandbox.edit(EVE, "contact", one["id"], set={"fields": {"description": title}})
    fields = ada("GET", f"/api/v1/contact/{one['id']}").json()["resources"][0]["fields"]
    assert fields == one["fields"] | {"description": title}


def test_objects_are_created_and_deleted_as_someone(sandbox: SandboxServer, ada: Ask) -> None:
    made = sandbox.edit(EVE, "deal", set={"name": "By Eve", "amount": 5})
    assert ada("GET", f"/api/v2/deals/{made['id']}").json()["creator"]["email"] == EVE
    sandbox.edit(EVE, "deal", made["id"], delete=True)
    assert ada("GET", f"/api/v2/deals/{made['id']}").status_code == 404


def test_silence_and_times_of_ones_own(sandbox: SandboxServer, everyones: Everyones) -> None:
    one = everyones("contact")
    sandbox.edit(EVE, "contact", one["id"], set={"tags": ["quiet"]}, silent=True)
    assert sandbox.object("contact", one["id"])["updated"] == one["updated"]
    sandbox.edit(EVE, "contact", one["id"], set={"updated": "2020-02-02T00:00:00Z"})
    assert sandbox.object("contact", one["id"])["updated"] == 1_580_601_600_000_000


def test_the_log_says_who_did_what(sandbox: SandboxServer, ada: Ask, everyones: Everyones) -> None:
    path = f"/api/v2/deals/{everyones('deal')['id']}"
    ada("GET", path)
    ada("PUT", path, {"tags": ["x"]})
    ada("PUT", path, {"tags": 5})
    me = sandbox.users[ADA]["user_id"]
    shown = [(one["method"], one["user_id"], one["status"], one["applied"], one["body"]) for one in sandbox.log()]
    assert shown == [
        ("GET", me, 200, False, None),
        ("PUT", me, 200, True, {"tags": ["x"]}),
        ("PUT", me, 409, False, {"tags": 5}),
    ]
    assert [one["n"] for one in sandbox.log(since=sandbox.log()[1]["n"])] == [sandbox.log()[2]["n"]]
    assert len(sandbox.writes()) == 1


def test_reset_brings_back_the_world_as_it_was(sandbox: SandboxServer, ada: Ask) -> None:
    before = sandbox.objects("contact")
    sandbox.fault(path="x", status=500, times=0)
    sandbox.switch(dead_token="401")
    sandbox.edit(ADA, "contact", before[0]["id"], delete=True)
    sandbox.reset()
    assert sandbox.objects("contact") == before
    assert sandbox.control("GET", "faults") == {"faults": []}
    assert ada("GET", "/api/v1/myself").status_code == 403
    assert len(sandbox.log()) == 1


def test_the_world_survives_a_restart_and_a_kill() -> None:
    sandbox = SandboxServer(contacts=5, deals=5)
    try:
        sandbox.switch(rotation="off")
        pair = sandbox.pair_for(ADA)
        made = sandbox.edit(ADA, "contact", set={"fields": {}})["id"]
        sandbox.restart()
        assert sandbox.object("contact", made)["id"] == made
        sandbox.kill()
        sandbox.start()
        assert sandbox.object("contact", made)["id"] == made
        assert sandbox.state()["switches"]["rotation"] == "off"
        headers = {"Authorization": f"Bearer {pair['access_token']}"}
        assert sandbox.session.get(f"{sandbox.url}/api/v1/myself", headers=headers, timeout=10).status_code == 200
    finally:
        sandbox.close()


def test_the_clock_can_stand_apart(sandbox: SandboxServer, everyones: Everyones) -> None:
    one = everyones("contact")["id"]
    sandbox.set(clock_offset=3600)
    ahead = sandbox.edit(EVE, "contact", one, set={"tags": []})["updated"]
    sandbox.reset()
    now = sandbox.edit(EVE, "contact", one, set={"tags": []})["updated"]
    assert 3590 < (ahead - now) / 1e6 < 3610


def test_two_edits_are_never_at_one_moment(sandbox: SandboxServer, everyones: Everyones) -> None:
    one = everyones("contact")["id"]
    stamps = [sandbox.edit(EVE, "contact", one, set={"tags": []})["updated"] for _ in range(20)]
    assert stamps == sorted(set(stamps))
