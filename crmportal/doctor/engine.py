"""How the engine fares: who is silent, what waits, what is held, what needs a person."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.conf import settings

from crmportal.doctor.finding import Finding, counted
from crmportal.readiness import WAITING_SECONDS
from crmportal.supervisor import Control
from nimble.models import Connection
from nimble.pace import status
from sync import health, newest, registry
from sync.clock import database_now
from sync.models import NEEDS_PERSON, Brake, Edit, Line, Quarantined, State, Stream

# Beat rings every 2 s for edits, and every 15 s for what is due from Nimble; it gives its own sign every 5 s.
LATE_SECONDS = {"beat": 15, "push": 10, "pull": 30}
PROGRAMS = {"beat": "beat", "push": "worker-push", "pull": "worker-pull"}
FAILURES = 3


def backup() -> Iterator[Finding]:
    """Whether the database is an older copy of itself, and what is left to do after one was restored."""
    if newest.is_behind():
        yield Finding(
            "the database is older than what was sent from here: a backup was restored",
            "./run manage restored, before the workers start",
        )
    asked = Edit.objects.filter(state=State.AMBIGUOUS, error__reason="restored").count()
    if asked:
        at = Line.objects.values_list("restored_at", flat=True).first()
        yield Finding(
            f"{counted(asked, 'edit', 'edits')} may have been sent since the backup that was restored{on(at)}",
            f"their authors say whether it is in Nimble, at {settings.PUBLIC_URL}/sync/",
        )


def on(at: datetime | None) -> str:
    return f" on {at:%Y-%m-%d %H:%M} UTC" if at else ""


def processes() -> Iterator[Finding]:
    """Whether everything runs, by the supervisor where there is one, and does something, by its signs of life."""
    control = Control(settings.VAR_DIR)
    states = control.states() if control.running() else {}
    for name, state in states.items():
        if state != "RUNNING":
            yield Finding(f"{name} is {state.lower()}", f"./run start {name}, and ./run logs {name} for why")
    seen, now = health.seen(), database_now()
    late = {
        name: name not in seen or now - seen[name] > timedelta(seconds=seconds)
        for name, seconds in LATE_SECONDS.items()
    }
    for name, program in PROGRAMS.items():
        if states.get(program, "RUNNING") != "RUNNING":
            continue  # told already, and what it last said counts no more
        if not late[name]:
            yield Finding(f"{program} is alive")
        elif name == "beat" or (not late["beat"] and states.get("beat", "RUNNING") == "RUNNING"):
            yield silent(program, seen.get(name), running=program in states)
        # Else nobody rings, and that is told already.


def silent(program: str, seen: datetime | None, *, running: bool) -> Finding:
    since = f"since {seen:%Y-%m-%d %H:%M:%S} UTC" if seen else "so far"
    if not running:
        return Finding(f"no sign of life of {program} {since}", f"./run status; ./run start {program}")
    what = "runs, and has not ticked" if program == "beat" else "runs, and does not hear the bell"
    again = f"./run stop {program}; ./run start {program}"
    return Finding(f"{program} {what} {since}", f"{again}; it is restarted by itself where ./run started it")


def outage() -> Iterator[Finding]:
    """Whether nothing is sent because Nimble answers nobody."""
    found = status.health()
    if found.since and found.next_probe:
        yield Finding(
            f"Nimble answers nothing since {found.since:%Y-%m-%d %H:%M:%S} UTC, so nothing is sent but probes",
            f"wait: it is asked again at {found.next_probe:%H:%M:%S} UTC, and all goes on when it answers",
        )


def waiting() -> Iterator[Finding]:
    """Edits that could go out and do not."""
    long = database_now() - timedelta(seconds=WAITING_SECONDS)
    late = Edit.objects.filter(
        state__in=[State.PENDING, State.RETRYING, State.SENDING],
        connection__state=Connection.State.ACTIVE,
        created_at__lt=long,
    )
    number = late.count()
    if number:
        first = late.order_by("created_at").values_list("pk", flat=True)[0]
        yield Finding(
            f"{counted(number, 'edit has', 'edits have')} waited for more than {WAITING_SECONDS // 60} minutes",
            f"./run manage edit {first} tells the oldest one's story; ./run manage deliver sends them now",
        )


def streams() -> Iterator[Finding]:
    """What does not come in: held back until a person has looked, or failing."""
    for brake in Brake.objects.filter(state=Brake.State.HELD).select_related("stream__connection"):
        yield Finding(
            f"{brake.missing} of {brake.known} records vanished at once for {brake.stream.connection}; all are kept",
            f"look in Nimble, then approve or refuse at {settings.PUBLIC_URL}/sync/",
        )
    failing = Stream.objects.filter(failures__gte=FAILURES, connection__in=Connection.objects.active())
    for stream in failing.select_related("connection"):
        yield Finding(
            f"{registry.stream(stream.name).label} of {stream.connection}: failed {stream.failures} times in a row",
            f"{settings.PUBLIC_URL}/sync/ says why, and ./run logs worker-pull",
        )


def people() -> Iterator[Finding]:
    """Who has to do something before their edits arrive."""
    for each in Connection.objects.filter(state=Connection.State.RECONNECT).select_related("workspace"):
        yield Finding(
            f"{each} in {each.workspace} is no longer let in by Nimble", "they sign in through Nimble once more"
        )
    waiting = Edit.objects.filter(state__in=NEEDS_PERSON).count()
    if waiting:
        yield Finding(
            counted(waiting, "edit needs a person", "edits need a person"),
            f"their authors see them at {settings.PUBLIC_URL}/sync/",
        )
    quarantined = Quarantined.objects.count()
    if quarantined:
        text = counted(quarantined, "record", "records")
        yield Finding(f"{text} of Nimble's could not be stored", f"counted by cause at {settings.PUBLIC_URL}/sync/")
