"""Which text vectors stay on disk after a training."""

from collections.abc import Sequence

from recsys.errors import BundleError, StoreError
from recsys.pipeline.recommender.bundle import Bundle
from recsys.progress import Progress
from recsys.registry import Registry
from recsys.text.cache import VectorCache


def keep_vectors_of(registry: Registry, bundles: Sequence[Bundle], progress: Progress) -> None:
    """Drop the text vectors of encoders that other trainings have tuned: each has its own of the whole catalogue.

    A failure is reported and not raised: this is housekeeping.
    """
    interests = [bundle.sources.interest for bundle in bundles if bundle.sources.interest is not None]
    kept = [one.encoder_version for one in interests]
    try:
        for interest in interests:
            VectorCache(registry.vectors_file).drop_tuned(interest.base_encoder_version, kept)
    except (StoreError, BundleError) as error:
        progress(f"vectors of earlier encoders are still there: {error}")
