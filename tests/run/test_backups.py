"""Yesterday's backup, with real processes: nothing that was sent since is sent twice, and nothing is lost."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests import servers
from tests.people import ADA
from tests.processes import ROOT, Portal, wait_for
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
found = Edit.objects.order_by("pk")
print(json.dumps({f"{e.kind} {e.operation}": [e.state, e.error.get("reason", "")] for e in found}))
"""


# The note on the deal cannot be looked up.
FOUND = {
    "contact_note create": ["confirmed", ""],
    "deal_note create": ["ambiguous", "restored"],
    "deal update": ["confirmed", ""],
}


def states(portal: Portal) -> dict[str, list[str]]:
    return dict(json.loads(portal.shell(STATES).splitlines()[-1]))


def written(portal: Portal, since: int) -> list[str]:
    """What Nimble was told, and did."""
    return sorted(f"{one['method']} {'/'.join(one['path'].split('/')[:4])}" for one in portal.sandbox.writes(since))


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


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_backup_from_before_the_sending_sends_nothing_twice(database: str, tmp_path: Path):
    environment = {"DATABASE_URL": servers.needed(servers.new_database)} if database == "postgresql" else {}
    with Portal(tmp_path, "--contacts", "20", "--deals", "40", environment=environment) as portal:
        visitor = Visitor(portal, ADA)
        wait_for(lambda: len(visitor.cards()) > 10, "the workers fill the board", timeout=90)
        portal.stop("worker")
        portal.shell(RECORD)
        backup = tmp_path / "backup"
        portal.manage("backup", str(backup))
        assert backup.stat().st_mode & 0o077 == 0
        assert "there already" in refused(portal, "backup", str(backup))

        # From here on the pair of tokens in the backup is used up.
        portal.sandbox.expire(ADA)
        since = portal.sandbox.state()["log"]["last"]
        portal.start("worker")
        wait_for(lambda: {state for state, _ in states(portal).values()} == {"confirmed"}, "all are in Nimble")
        assert written(portal, since) == ["POST /api/v1/contacts", "POST /api/v2/deals", "PUT /api/v2/deals"]

        assert "is running" in refused(portal, "restore", str(backup))
        for restore in [by_command, *([by_hand] if database == "sqlite" else [])]:
            portal.end()
            restore(portal, backup)
            assert states(portal)["deal_note create"] == ["ambiguous", "restored"]
            wait_for(lambda: reconnect(portal), "they are asked to sign in again", timeout=60)
            Visitor(portal, ADA)
            wait_for(lambda: states(portal) == FOUND, "what can be looked up is found", timeout=60)
            # The sandbox, which started with the rest, remembers its world, and begins its log anew.
            assert written(portal, 0) == [], "nothing went out twice"


def refused(portal: Portal, *command: str) -> str:
    """What a command says that does not do it."""
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
