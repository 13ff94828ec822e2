"""What a report says of the data that it was measured on."""

import numpy as np

from recsys.config import Config
from recsys.counts import counted
from recsys.data.dataset import Dataset


def facts_of(dataset: Dataset, config: Config) -> dict[str, str]:
    """Name -> fact about these data, or about the configuration under which they are ranked, in words for readers."""
    log = dataset.log
    names = {name: int(np.count_nonzero(log.events == code)) for code, name in enumerate(log.event_names)}
    profiles = {}
    if dataset.profiles:
        users, groups = counted(len(dataset.profiles), "user"), counted(len(dataset.profiles.groups), "group")
        profiles = {"profiles": f"{users}, in {groups}"}
    return {
        "items": f"{len(dataset.catalogue):,}",
        "users": f"{log.n_users:,}",
        **profiles,
        "events": ", ".join(f"{count:,} {name}" for name, count in names.items() if count),
        "seen items": {
            "exclude": "are left out: only items new to the user count",
            "demote": "are listed behind items new to the user",
            "keep": "may be listed again: people come back to items here",
        }.get(config.policy.seen, config.policy.seen),
        **(
            {"hardly known items": f"come forward in these lists: policy.discovery is {config.policy.discovery}"}
            if config.policy.discovery
            else {}
        ),
        "request": "one user at one moment, or the events with one request_id, with what follows on the same items "
        "within the hour; every item is ranked",
        "candidates": f"{config.candidates.n} from {', '.join(config.candidates.sources)}",
    }
