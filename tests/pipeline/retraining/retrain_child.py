"""Retrains and kills itself when the progress says so; run by test_retraining.py.

Arguments: registry, folder of the data, the words at which to die.
"""

import os
import signal
import sys

from recsys.config import parse_config
from recsys.data.loading import load_dataset
from recsys.pipeline.retraining.retrain import retrain
from recsys.registry import Registry

if __name__ == "__main__":
    registry, words = Registry(sys.argv[1]), sys.argv[3]
    dataset = load_dataset(sys.argv[2], parse_config(registry.manifest(registry.resolve(None)).config))

    def progress(message: str) -> None:
        if words in message:
            os.kill(os.getpid(), signal.SIGKILL)

    with registry.retraining():
        retrain(registry, dataset, progress=progress)
