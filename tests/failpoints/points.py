"""The failpoints: named places in the product where a test can have a program die, or stand still.

The product knows nothing of them. A program that is started with `environment(folder)` imports `sitecustomize` beside
this, which wraps the functions below as their modules are loaded. Nothing happens there until `arm` is called; the
first program that comes by then takes the order, once.
"""

import json
import os
import signal
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent


class Point(NamedTuple):
    """`when` a call of `function` of `module` is met: before it begins, or after it returned."""

    module: str
    function: str
    when: str


POINTS = {
    # The way out.
    "committed": Point("sync.bell", "_publish", "before"),  # the edit is saved, nobody is told yet
    "claimed": Point("sync.lines", "claim", "after"),
    "leaving": Point("sync.lines", "going_out", "after"),  # written down that a request leaves; it has not left
    "answered": Point("sync.endings", "confirm", "before"),  # Nimble has done it, and we have not written that down
    "confirmed": Point("sync.endings", "confirm", "after"),
    # The way in.
    "read": Point("sync.store", "save_page", "before"),
    "written": Point("sync.store", "_save_batch", "after"),  # inside the transaction of a page
    "stored": Point("sync.store", "save_page", "after"),
    # Tokens.
    "rotated": Point("nimble.tokens", "_store", "before"),  # the old pair is dead, the new one in memory only
}


def environment(folder: Path) -> dict[str, str]:
    """What a program needs in its environment to have failpoints, with their orders in this folder."""
    folder.mkdir(parents=True, exist_ok=True)
    return {"FAILPOINTS": str(folder), "PYTHONPATH": str(HERE)}


def arm(folder: Path, name: str, *, nth: int = 1, how: signal.Signals = signal.SIGKILL) -> None:
    """The next program that comes by for the nth time gets the signal: SIGKILL, or SIGSTOP to stand still."""
    assert name in POINTS
    order = folder / f"{name}.new"
    order.write_text(json.dumps({"left": nth, "signal": how.value}))
    order.rename(folder / name)


def armed(folder: Path, name: str) -> bool:
    """Whether nobody has come by yet."""
    return (folder / name).exists()


def passed(folder: Path, name: str) -> None:
    """In the program: somebody comes by. Takes the order, if there is one."""
    order = folder / name
    try:
        asked = json.loads(order.read_text())
        if asked["left"] > 1:
            order.write_text(json.dumps({**asked, "left": asked["left"] - 1}))
            return
        order.unlink()
    except FileNotFoundError:
        return
    os.kill(os.getpid(), asked["signal"])
