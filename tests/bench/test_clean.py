"""How long notes take to clean that nobody would write by hand, beside writing them as JSON once. Nothing is quadratic.

With Nimble's latency a page of notes takes a twentieth of a second: a monstrous one may take a while, and no more.
"""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from sync import clean
from tests.faults.test_bad_records import BODIES

MOST = 60


def seconds(task: Callable[[], Any]) -> float:
    """Processor time, the best of three."""
    found = []
    for _ in range(3):
        began = time.process_time()
        task()
        found.append(time.process_time() - began)
    return min(found)


@pytest.mark.parametrize("body", BODIES)
def test_monstrous_note_against_writing_it_as_json(body: str, capsys):
    floor = seconds(lambda: json.dumps(BODIES[body]))
    cleaned = seconds(lambda: clean.html(BODIES[body]))
    assert cleaned / floor < MOST
    with capsys.disabled():
        print(f"\ncleaning, {body}: {cleaned / floor:.1f} × writing it as JSON ({cleaned * 1000:.0f} ms)")
