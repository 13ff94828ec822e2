"""Writers that die at every single step to the disk; run by test_registry_crash.py.

Each writer is a fork that works on its own copy of a registry and kills itself before its n-th sync or rename. Prints
how many died, and so how many steps there are.
"""

import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from registry_child import publish

from recsys.registry import Check, Registry

CHECKS = (Check("quality", True, "fine"),)


def work(registry: Registry) -> None:
    """What a retraining does to a registry: publish, refuse; publish, promote; forget; prune."""
    registry.refuse(publish(registry, "worse", promote=False), "it is worse", CHECKS)
    served = publish(registry, "better", promote=False)
    registry.promote(served, "it is better", CHECKS)
    publish(registry, "the same without a user")
    registry.remove(served)
    registry.prune(1)
    registry.rollback("look back")


def dying_at(step: int, action: Callable[..., Any], taken: list[int]) -> Callable[..., Any]:
    def counted(*arguments: Any) -> Any:
        taken[0] += 1
        if taken[0] == step:
            os.kill(os.getpid(), signal.SIGKILL)
        return action(*arguments)

    return counted


def die(registry: Registry, step: int) -> None:
    taken = [0]
    os.fsync = dying_at(step, os.fsync, taken)
    Path.rename = dying_at(step, Path.rename, taken)  # type: ignore[method-assign]
    Path.replace = dying_at(step, Path.replace, taken)  # type: ignore[method-assign]
    work(registry)


if __name__ == "__main__":
    folder, step = Path(sys.argv[1]), 0
    seed = Registry(folder / "seed")
    for content in ("one", "two"):
        publish(seed, content)
    while True:
        step += 1
        shutil.copytree(seed.path, folder / f"{step:03d}")
        child = os.fork()
        if not child:
            die(Registry(folder / f"{step:03d}"), step)
            os._exit(0)
        if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0:
            break
    print(step - 1)
