"""Users who asked to be forgotten leave the served version at once: they must not wait for a training."""

from collections.abc import Collection

from recsys.data.users.forget import user_digest
from recsys.pipeline.recommender.bundle import Bundle
from recsys.progress import Progress
from recsys.registry import Registry, VersionChange


def forget(registry: Registry, served: Bundle, digests: Collection[str], progress: Progress) -> str | None:
    """Replace the served version with itself without the events of some users.

    What the models learned from many users stays until the next training; no model holds a single user.

    Args:
        digests: `user_digest` of their ids.

    Returns:
        The version that is served now; None where this one holds none of them, or where another version was made
        current meanwhile: the next run clears that one.
    """
    profiles = served.sources.user_profiles
    known = (served.log.user_vocabulary, *([profiles.users] if profiles else []))
    if not any(user_digest(id_) in digests for users in known for id_ in users):
        return None
    cleared = served.without_users(digests)
    why = _why_cleared(served.version)
    progress(f"publishing {why}")
    version = registry.add(cleared, parent=served.version)
    is_served = registry.promote(version, why, over=served.version)
    registry.remove(served.version)
    if not is_served:
        current = f"version {registry.current()} was made current meanwhile"
        progress(f"{current}; it may hold forgotten users until the next run")
    return version if is_served else None


def finish_forgetting(registry: Registry, served: str) -> None:
    """Remove the version that an interrupted run had replaced by the served one, but had not yet removed."""
    parent = registry.manifest(served).parent
    why = [change.why for change in registry.history() if change.version == served]
    if parent is not None and parent in registry.versions() and _why_cleared(parent) in why:
        registry.remove(parent)


def is_clearing(change: VersionChange) -> bool:
    """Whether a version took the place of the same one with the events of forgotten users."""
    return change.previous is not None and change.why == _why_cleared(change.previous)


def _why_cleared(version: str) -> str:
    return f"version {version} without the events of users who were forgotten"
