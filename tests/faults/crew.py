"""Real workers on a test's own database and broker, which can be killed at a failpoint and started again."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection, connections

from crmportal.supervisor import worker
from sync import tasks
from tests.failpoints import points
from tests.processes import ROOT, wait_for

BELLS = {"push": tasks.ring, "pull": tasks.pull_due}


def database_url() -> str:
    """Where this test's own database is, for other programs."""
    values = connections["default"].settings_dict
    if connection.vendor == "postgresql":
        return f"postgres://{values['USER']}@/{values['HOST']}/{values['NAME']}"
    return f"sqlite:///{values['NAME']}"


class Worker:
    """The worker of one queue, as the supervisor starts it. `nimble` is the sandbox's address."""

    def __init__(self, queue: str, folder: Path, nimble: str) -> None:
        self.queue = queue
        self.points = folder / "failpoints"
        self.output = folder / f"{queue}.log"
        self.environment = {
            **os.environ,
            **points.environment(self.points),
            "DJANGO_SETTINGS_MODULE": "crmportal.settings",
            "ENV_FILE": os.devnull,
            "VAR_DIR": str(settings.BROKER_DIR.parent),
            "DATABASE_URL": database_url(),
            "NIMBLE_BASE_URL": nimble,
            "NIMBLE_CLIENT_ID": "sandbox-client",
            "NIMBLE_CLIENT_SECRET": "sandbox-secret",
        }
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts it, as the supervisor does after a death, and returns once it hears the bell."""
        for name in ("queue", "control"):
            shutil.rmtree(settings.BROKER_DIR / name, ignore_errors=True)
            (settings.BROKER_DIR / name).mkdir(parents=True)
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, *worker(self.queue, 4).arguments],
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        wait_for(lambda: "ready." in self.said() or self.died(), "the worker starts", timeout=60)
        assert not self.died(), self.said()

    def running(self) -> None:
        """Starts it unless it runs, with no order left from another test."""
        for order in self.points.glob("*"):
            order.unlink()
        if self.process is None or self.died():
            self.start()

    def arm(self, point: str, *, nth: int = 1, how: signal.Signals = signal.SIGKILL) -> None:
        """See `points.arm`."""
        points.arm(self.points, point, nth=nth, how=how)

    def died(self) -> bool:
        return self.process is not None and self.process.poll() is not None

    def dies(self) -> None:
        """Rings until the worker has been killed at the failpoint that is armed."""
        self.until(self.died, "the worker dies at its failpoint")
        assert self.process is not None
        assert self.process.returncode == -signal.SIGKILL, self.said()

    def until(self, condition: Callable[[], Any], what: str, timeout: float = 30) -> Any:
        """Rings as beat does until the condition holds; returns its value."""
        began = 0.0

        def rung() -> Any:
            nonlocal began
            if time.monotonic() - began > 1:
                began = time.monotonic()
                BELLS[self.queue].apply_async(expires=10, retry=False)
            return condition()

        return wait_for(rung, what, timeout=timeout)

    def said(self) -> str:
        return self.output.read_text(errors="replace")

    def end(self) -> None:
        if self.process is not None and not self.died():
            self.process.kill()
            self.process.wait(10)
