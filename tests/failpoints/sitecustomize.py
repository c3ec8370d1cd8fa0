"""Loaded by Python itself in every program that has this folder on its path: puts the failpoints in place."""

import functools
import importlib.abc
import importlib.machinery
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from points import POINTS, passed

FOLDER = Path(os.environ["FAILPOINTS"])
MODULES = {point.module for point in POINTS.values()}
lock = threading.Lock()


def come_by(name: str) -> None:
    with lock:
        passed(FOLDER, name)


def wrapped(name: str, when: str, function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def meet(*arguments: Any, **options: Any) -> Any:
        if when == "before":
            come_by(name)
        value = function(*arguments, **options)
        if when == "after":
            come_by(name)
        return value

    return meet


def place(module: ModuleType) -> None:
    for name, point in POINTS.items():
        if point.module == module.__name__:
            setattr(module, point.function, wrapped(name, point.when, getattr(module, point.function)))


class Finder(importlib.abc.MetaPathFinder):
    """Finds the modules with failpoints where they are, and wraps their functions once they are executed."""

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        if fullname not in MODULES:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is None or spec.loader is None:
            return spec
        execute = spec.loader.exec_module

        def exec_module(module: ModuleType) -> None:
            execute(module)
            place(module)

        spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


sys.meta_path.insert(0, Finder())
