import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox import switches
from sandbox.cli import DEFAULTS
from sandbox.population import names, populate
from sandbox.store import Store
from tests.sandboxes import ROOT, SandboxServer

EXPORT = Path(os.environ.get("CRM_EXPORT_DIR") or ROOT.parent / "shared" / "data")


def dump(path: Path, **size: int) -> list[str]:
    store = Store(str(path))
    populate(store, contacts=size.get("contacts", 80), deals=size.get("deals", 60), seed=size.get("seed", 7), data=None)
    store.close()
    with sqlite3.connect(path) as db:
        return [line for line in db.iterdump() if line.startswith("INSERT")]


def test_the_same_seed_and_size_make_the_same_world(tmp_path: Path) -> None:
    assert dump(tmp_path / "a") == dump(tmp_path / "b")


def test_another_seed_makes_another_world(tmp_path: Path) -> None:
    assert dump(tmp_path / "a") != dump(tmp_path / "b", seed=8)


def test_counts_are_as_asked(sandbox: SandboxServer) -> None:
    company = next(iter(sandbox.users.values()))["company_id"]
    assert len(sandbox.objects("contact", company_id=company)) == 60
    assert len(sandbox.objects("deal", company_id=company)) == 40


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Store:
    store = Store(str(tmp_path_factory.mktemp("world") / "state"))
    populate(store, seed=7, contacts=1500, deals=1200, data=None)
    return store


def test_contacts_are_of_every_kind(large: Store) -> None:
    docs = large.all("contact")
    fields = [doc["fields"] for doc in docs]
    assert {doc["record_type"] for doc in docs} == {"person", "company"}
    assert any(len(one.get("email", [])) > 2 for one in fields)
    assert any(len(one.get("phone", [])) > 2 for one in fields)
    addresses = [value["value"] for one in fields for value in one.get("address", [])]
    assert {text[:2] for text in addresses} == {'{"', "{'"}
    jobs = [json.loads(value["value"]) for one in fields for value in one.get("contact employment", [])]
    assert {job["is_present"] for job in jobs} == {True, False}
    assert all("end_date" not in job for job in jobs if job["is_present"])
    text = json.dumps(fields, ensure_ascii=False)
    missing = [one for one in names.HOSTILE if json.dumps(one, ensure_ascii=False)[1:-1] not in text]
    assert missing == []
    for script in ("Анна", "Ελένη", "محمد", "王", "山田", "김", "प्रिया", "สมชาย"):
        assert script in text


def test_deals_are_of_every_kind(large: Store) -> None:
    docs = large.all("deal")
    pipelines = {doc["id"]: doc for doc in large.all("pipeline")}
    roles = {stage["id"]: stage["role"] for doc in pipelines.values() for stage in doc["stages"]}
    archived = {stage["id"] for doc in pipelines.values() for stage in doc["stages"] if stage["archived_at"]}
    assert {roles[doc["stage_id"]] for doc in docs} == {"in_progress", "won", "lost"}
    assert any(doc["stage_id"] in archived for doc in docs)
    assert {doc["currency"] for doc in docs} >= {"EUR", "USD", "GBP", "JPY"}
    assert any(doc["amount"] is None for doc in docs)
    assert any(doc["amount"] == 0 for doc in docs)
    for doc in docs:
        moves = doc["transitions"]
        assert moves[-1]["to"] == doc["stage_id"]
        assert [move["when"] for move in moves] == sorted(move["when"] for move in moves)
        assert doc["created"] <= moves[-1]["when"] <= doc["updated"]


@pytest.mark.skipif(not (EXPORT / "sales_pipeline.csv").is_file(), reason=f"NO REAL EXPORT in {EXPORT}")
def test_a_real_export_keeps_its_sums() -> None:
    sandbox = SandboxServer(data=EXPORT)
    try:
        (pipeline,) = sandbox.objects("pipeline")
        agent = next(email for email in sandbox.users if email.startswith("moses"))
        path = f"/api/v2/deals/pipelines/{pipeline['id']}/deals?sort=updated:desc&limit=1"
        groups = sandbox.request("GET", path, agent).json()["stages"]
        totals = {group["stage"]["name"]: group["meta"]["total_amount"] for group in groups}
        assert totals["Won"] == [{"currency": "USD", "count": 10_005_534}]
        assert (totals["Engaging"], totals["Prospecting"]) == ([], [])
        counts = {
            stage["name"]: sandbox.control("GET", f"objects/deal?limit=1&stage_id={stage['id']}")["total"]
            for stage in pipeline["stages"]
        }
        assert counts == {"Prospecting": 500, "Engaging": 1589, "Won": 4238, "Lost": 2473}
        everything = sandbox.state()["counts"]
        assert (everything["contact"], everything["deal"]) == (85, 8800)
        assert sandbox.request("GET", "/api/v1/myself", agent).json()["name"] == "Moses Frase"
    finally:
        sandbox.close()


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sandbox", *arguments],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@pytest.mark.parametrize(
    ("arguments", "environment", "says"),
    [
        (["--host", "0.0.0.0"], {}, "not loopback"),
        ([], {"SANDBOX_HOST": "192.168.0.1"}, "not loopback"),
        (["--data", "/nonexistent"], {}, "no sales_pipeline.csv"),
        (["--switch", "dead_token=500"], {}, "must be one of 403, 401"),
    ],
)
def test_a_wrong_option_is_refused(arguments: list[str], environment: dict[str, str], says: str) -> None:
    done = run(*arguments, **environment)
    assert done.returncode != 0
    assert says in done.stderr


def test_options_come_from_the_environment_too(tmp_path: Path) -> None:
    environment = {"SANDBOX_PORT": "0", "SANDBOX_CONTACTS": "0", "SANDBOX_DEALS": "0"}
    environment |= {"SANDBOX_STATE": str(tmp_path / "state"), "SANDBOX_SWITCH": "dead_token=401 rotation=off"}
    process = subprocess.Popen(
        [sys.executable, "-m", "sandbox"],
        cwd=ROOT,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    process.terminate()
    _, errors = process.communicate(timeout=10)
    assert line.startswith("SANDBOX READY http://127.0.0.1:")
    assert errors.startswith("SANDBOX CONTROL KEY ")
    assert (tmp_path / "state").exists()


def test_every_option_and_switch_is_in_the_readme() -> None:
    readme = (ROOT / "sandbox" / "README.md").read_text()
    missing = [name for name in switches.POSITIONS if f"`{name}`" not in readme]
    missing += [name for name in DEFAULTS if name.upper() not in readme]
    assert missing == []
