"""`python -m crmportal.web HOST PORT`: the web server, granian over plain WSGI."""

import ctypes
import importlib
import os
import signal
import sys
from typing import Any

from granian.constants import Interfaces
from granian.server import Server

from crmportal.prepare import free

PR_SET_PDEATHSIG = 1


def load() -> Any:
    """The application, in a worker process that ends with its parent: one left behind would keep the port."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    return importlib.import_module("crmportal.wsgi").application


def main(host: str, port: str) -> None:
    # Its workers share the port with whoever lets them, so it would start beside another server of this user's.
    if not free(int(port), host):
        sys.exit(f"Port {port} is taken.")
    server = Server(
        "crmportal.wsgi:application",
        address=host,
        port=int(port),
        interface=Interfaces.WSGI,
        workers=int(os.environ.get("WEB_WORKERS", "2")),
        blocking_threads=int(os.environ.get("WEB_THREADS", "4")),
        websockets=False,
        respawn_failed_workers=True,
        respawn_interval=1,
        workers_kill_timeout=5,
    )
    server.serve(target_loader=load, wrap_loader=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
