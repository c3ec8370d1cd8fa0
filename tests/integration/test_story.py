"""The logs of real processes tell one edit's story, from the click to Nimble's echo of it."""

import json
from datetime import datetime
from typing import Any

import pytest

from tests.integration.test_workers import Move
from tests.people import ADA
from tests.processes import MakePortal, Portal, wait_for
from tests.visitors import Visitor


@pytest.fixture(scope="module")
def running(make_portal: MakePortal) -> Portal:
    return make_portal("--contacts", "20", "--deals", "40")


def logged(portal: Portal) -> list[dict[str, Any]]:
    """Every line of every program, in the order in which they happened."""
    found = []
    for path in (portal.var / "logs").glob("*.log"):
        for line in path.read_text(errors="replace").splitlines():
            if line.startswith("{"):
                found.append({**json.loads(line), "program": path.stem})
    return sorted(found, key=lambda line: datetime.fromisoformat(line["timestamp"]))


def test_one_id_leads_from_the_click_to_the_echo(running: Portal):
    visitor = Visitor(running, ADA)
    wait_for(lambda: len(visitor.cards()) > 10, "the workers fill the board", timeout=90)
    move = Move(visitor)
    name = running.shell(f"from deals.models import Deal; print(Deal.objects.get(pk={move.card['deal']}).name)")
    answer = visitor.post(f"/deals/{move.card['deal']}/move/", {"stage": move.stage}, allow_redirects=False)
    click = answer.headers["X-Request-ID"]
    move.arrives()
    running.shell("from sync import pull; from nimble.models import Connection as C; pull.sync_again(C.objects.get())")

    def told() -> list[dict[str, Any]]:
        return [line for line in logged(running) if line.get("request_id") == click]

    wait_for(lambda: "edit echoed" in {line["event"] for line in told()}, "Nimble brings it back", timeout=60)
    lines = told()
    steps = [(line["program"], line["event"]) for line in lines]
    exchanges = [line for line in lines if line["event"] == "nimble"]
    assert [
        step for step in steps if step[1] != "nimble" and step not in (("web", "bell rung"), ("web", "request"))
    ] == [
        ("web", "edit recorded"),
        ("worker-push", "edit claimed"),
        ("worker-push", "edit confirmed"),
        ("worker-pull", "edit echoed"),
    ]
    assert {("web", "bell rung"), ("web", "request")} <= set(steps)
    edit = lines[0]["edit"]
    assert {line["edit"] for line in lines if line["program"] != "web"} == {edit}

    seen = {one["request_id"]: one["method"] for one in running.sandbox.log(move.since)}
    assert [seen[line["nimble_request_id"]] for line in exchanges] == ["GET", "PUT"]

    story = running.manage("edit", str(edit))
    for word in (click, "recorded", "web: bell rung", "edit claimed", exchanges[-1]["nimble_request_id"], "In Nimble"):
        assert word in story
    assert name not in story
    assert running.setting("TOKEN_KEYS") not in story
