"""Yesterday's backup, with real processes: nothing that was sent since is sent twice, and nothing is lost."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests import servers
from tests.people import ADA
from tests.processes import Portal, wait_for
from tests.visitors import Visitor

pytestmark = pytest.mark.integration

# Three edits, which differ in how they can be looked up again: by an id of ours, not at all, by reading before.
RECORD = """
from contacts import actions as contacts
from contacts.models import Contact
from deals import actions as deals
from deals.models import Deal
from nimble.models import Connection
ada = Connection.objects.get()
contact = Contact.objects.filter(gone_at=None, record_type="person", is_private=False).order_by("pk")[0]
deal = Deal.objects.filter(gone_at=None, is_private=False).exclude(amount=None).order_by("pk")[0]
contacts.write_note(author=ada.user, contact=contact, text="On the contact")
deals.write_note(author=ada.user, deal=deal, title="T", body="On the deal")
deals.change(author=ada.user, deal=deal, field="amount", value="4711")
"""
STATES = """
import json
from sync.models import Edit
print(json.dumps({f"{e.kind} {e.operation}": [e.state, e.error.get("reason", "")] for e in Edit.objects.order_by("pk")}))
"""


def states(portal: Portal) -> dict[str, list[str]]:
    return dict(json.loads(portal.shell(STATES).splitlines()[-1]))


def written(portal: Portal, since: int) -> list[str]:
    """What Nimble was told, and did."""
    paths = [f"{one['method']} {one['path'].split('?')[0]}" for one in portal.sandbox.writes(since)]
    return sorted("/".join(path.split("/")[:5]) for path in paths)


def by_command(portal: Portal, backup: Path) -> None:
    told = portal.manage("restore", str(backup))
    assert "1 creates are looked up" in told
    assert "1 edits ask their author" in told
    portal.launch()


def by_hand(portal: Portal, backup: Path) -> None:
    """As somebody does who has not read how: the file's place is taken, and the portal has to find out."""
    for each in portal.var.glob("db.sqlite3*"):
        each.unlink()
    shutil.copy(backup, portal.var / "db.sqlite3")
    portal.launch()
    assert "A backup was restored" in portal.printed()


@pytest.mark.parametrize(
    ("database", "restore"),
    [("sqlite", by_command), ("sqlite", by_hand), ("postgresql", by_command)],
    ids=["sqlite", "sqlite by hand", "postgresql"],
)
def test_backup_from_before_the_sending_sends_nothing_twice(
    database: str, restore: Callable[[Portal, Path], None], tmp_path: Path
):
    environment = {"DATABASE_URL": servers.needed(servers.new_database)} if database == "postgresql" else {}
    with Portal(tmp_path, "--contacts", "20", "--deals", "40", environment=environment) as portal:
        visitor = Visitor(portal, ADA)
        wait_for(lambda: len(visitor.cards()) > 5, "the workers fill the board", timeout=90)
        portal.stop("worker")
        portal.shell(RECORD)
        backup = tmp_path / "backup"
        portal.manage("backup", str(backup))
        assert backup.stat().st_mode & 0o077 == 0
        assert "there already" in refused(portal, "backup", str(backup))

        since = portal.sandbox.state()["log"]["last"]
        # From here on the pair of tokens in the backup is used up.
        portal.sandbox.expire(ADA)
        portal.start("worker")
        sent = ["POST /api/v1/contacts/notes", "POST /api/v2/deals", "PUT /api/v2/deals"]
        wait_for(lambda: len(written(portal, since)) >= 3, "all three are in Nimble", timeout=60)
        wait_for(lambda: {state for state, _ in states(portal).values()} == {"confirmed"}, "and known to be")
        shapes = [path.split("/")[0] + "/" + "/".join(path.split("/")[1:4]) for path in written(portal, since)]
        assert shapes == sorted("/".join(each.split("/")[:4]) for each in sent)

        assert "is running" in refused(portal, "restore", str(backup))
        portal.end()
        restore(portal, backup)

        assert states(portal)["deal_note create"] == ["ambiguous", "restored"]
        wait_for(lambda: reconnect(portal), "they are asked to sign in again, once", timeout=60)
        before = written(portal, since)
        assert len(before) == 3
        Visitor(portal, ADA)
        wait_for(
            lambda: states(portal)
            == {
                "contact_note create": ["confirmed", ""],
                "deal_note create": ["ambiguous", "restored"],
                "deal update": ["confirmed", ""],
            },
            "what can be looked up is found",
            timeout=60,
        )
        assert written(portal, since) == before, "nothing went out twice"


def refused(portal: Portal, *command: str) -> str:
    """What a command says that does not do it."""
    import subprocess
    import sys

    from tests.processes import ROOT

    done: Any = subprocess.run(
        [sys.executable, "manage.py", *command],
        cwd=ROOT,
        env=portal.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stdout
    return str(done.stderr)


def reconnect(portal: Portal) -> bool:
    code = "from nimble.models import Connection; print(Connection.objects.get().state)"
    return portal.shell(code).splitlines()[-1] == "reconnect"
