"""Which version answers whom."""

from collections.abc import Iterable, Mapping, Sequence

from recsys.config import VariantConfig
from recsys.errors import NotTrainedError
from recsys.pipeline.recommender.loaded_version import LoadedVersion
from recsys.pipeline.recommender.recommend import Recommender
from serving.versions.variants import assigned_variant, shadow_variants


class ServedVersions:
    """The version of each variant. Exchanged as a whole, so that readers need no lock.

    Args:
        variants: answer side by side; the first answers everything but lists.
    """

    def __init__(self, variants: Sequence[VariantConfig]) -> None:
        self.variants = tuple(variants)
        self._by_variant: Mapping[str, LoadedVersion] = {}

    @property
    def first(self) -> LoadedVersion | None:
        """The version of the first variant; None while it is loading."""
        return self._by_variant.get(self.variants[0].name)

    @property
    def known_offset(self) -> int:
        """Offset of the store's log that every version has come to."""
        return min((served.offset for served in self.each()), default=0)

    def require(self) -> LoadedVersion:
        """The version of the first variant.

        Raises:
            NotTrainedError: none is loaded yet.
        """
        served = self.first
        if served is None:
            raise NotTrainedError("no version is loaded yet; see /readyz")
        return served

    def recommender(self) -> Recommender:
        """The recommender of the first variant; a caller keeps it for the whole of one answer. Raises as `require`."""
        return self.require().recommender

    def of_variant(self, name: str) -> LoadedVersion | None:
        """The version of one variant; None while it is loading."""
        return self._by_variant.get(name)

    def of_unit(self, unit: str) -> tuple[str, LoadedVersion]:
        """The variant that answers a user, or whatever else is to stay with one, and its version.

        The first variant stands in for one whose version cannot be loaded. Raises as `require`.
        """
        name = assigned_variant(self.variants, unit).name
        served = self._by_variant.get(name)
        return (self.variants[0].name, self.require()) if served is None else (name, served)

    def shadows_of(self, answering: str, request_id: str) -> list[tuple[str, LoadedVersion]]:
        """The variants that make this list as well, unseen, and their versions."""
        chosen = [variant.name for variant in shadow_variants(self.variants, answering, request_id)]
        return [(name, served) for name in chosen if (served := self._by_variant.get(name)) is not None]

    def each(self) -> list[LoadedVersion]:
        """Each served version once."""
        return list({id(served): served for served in self._by_variant.values()}.values())

    def find(self, version: str) -> LoadedVersion | None:
        """A version that is served, by its name; None where it is not."""
        return next((served for served in self.each() if served.version == version), None)

    def variants_of(self, served: LoadedVersion) -> list[str]:
        """The variants that a version answers for."""
        return [name for name, own in self._by_variant.items() if own is served]

    def exchange(self, variants: Iterable[str], new: LoadedVersion) -> None:
        """Have some variants answer from another version. One caller at a time."""
        self._by_variant = {**self._by_variant, **dict.fromkeys(variants, new)}

    def names(self) -> dict[str, str]:
        """Variant -> the name of its version."""
        return {name: served.version for name, served in self._by_variant.items()}
