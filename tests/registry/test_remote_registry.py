"""Versions go to a registry at a URL and come from it whole, or not at all."""

from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest
from registry_child import publish

from recsys.errors import BundleError, StoreError
from recsys.registry import Registry
from recsys.registry.manifest import Manifest, manifest_bytes
from recsys.registry.remote import pull, push

URL = "memory://bucket/registry"


@pytest.fixture
def files() -> Iterator[fsspec.AbstractFileSystem]:
    """An empty memory file system, before and after."""
    memory = fsspec.filesystem("memory")
    memory.store.clear()
    yield memory
    memory.store.clear()


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    """With two versions."""
    registry = Registry(tmp_path / "here")
    publish(registry, "one")
    publish(registry, "two")
    return registry


def test_the_current_version_goes_and_comes(
    files: fsspec.AbstractFileSystem, registry: Registry, tmp_path: Path
) -> None:
    first, second = registry.versions()
    assert push(registry, None, URL) == second
    other = Registry(tmp_path / "there")
    assert pull(other, None, URL) == other.current() == second
    assert other.manifest(second) == registry.manifest(second)
    assert (other.path_of(second) / "cf" / "factors.npy").read_text() == "two"
    assert push(registry, first, URL) == first, "an earlier one can be served again"
    assert pull(other, None, URL) == other.current() == first
    assert pull(other, second, URL) == other.current() == second, "it is here already"
    assert [entry.why for entry in other.history()] == [f"pulled from {URL}"] * 3


def test_a_damaged_version_stays_where_it_is(
    files: fsspec.AbstractFileSystem, registry: Registry, tmp_path: Path
) -> None:
    version = push(registry, None, URL)
    files.pipe_file(f"/bucket/registry/versions/{version}/top.txt", b"other")
    other = Registry(tmp_path / "there")
    with pytest.raises(BundleError, match=r"top\.txt"):
        pull(other, None, URL)
    assert other.versions() == []
    assert other.current() is None


def test_a_manifest_cannot_name_files_elsewhere(
    files: fsspec.AbstractFileSystem, registry: Registry, tmp_path: Path
) -> None:
    path = f"/bucket/registry/versions/{push(registry, None, URL)}/manifest.json"
    changed = files.cat_file(path).replace(b'"top.txt"', b'"../../top.txt"')
    files.pipe_file(path, manifest_bytes(Manifest.model_validate_json(changed)))
    with pytest.raises(BundleError, match="outside of its version"):
        pull(Registry(tmp_path / "there"), None, URL)


def test_where_nothing_was_pushed(files: fsspec.AbstractFileSystem, tmp_path: Path) -> None:
    for url in (URL, str(tmp_path)):
        with pytest.raises(BundleError, match=f"^{url} has no file CURRENT; name a registry"):
            pull(Registry(tmp_path / "there"), None, url)
    assert not (tmp_path / "there").exists()


def test_where_no_name_of_a_version_is(files: fsspec.AbstractFileSystem, tmp_path: Path) -> None:
    files.pipe_file("/bucket/registry/CURRENT", b"\xff\xfe")
    with pytest.raises(BundleError, match="name a registry"):
        pull(Registry(tmp_path / "there"), None, URL)


def test_a_version_that_is_not_there_is_named(
    files: fsspec.AbstractFileSystem, registry: Registry, tmp_path: Path
) -> None:
    push(registry, None, URL)
    with pytest.raises(BundleError, match=r"has no file versions/v9/manifest\.json; .* a version that is in it"):
        pull(Registry(tmp_path / "there"), "v9", URL)


def test_a_registry_is_not_copied_over_itself(registry: Registry) -> None:
    for url in (str(registry.path), f"file://{registry.path}", f"{registry.path}/"):
        with pytest.raises(StoreError, match="is the registry that is to be copied"):
            push(registry, None, url)
    assert registry.is_whole(registry.resolve(None))


def test_what_is_damaged_here_is_mended(files: fsspec.AbstractFileSystem, registry: Registry) -> None:
    version = push(registry, None, URL)
    (registry.path / "versions" / version / "top.txt").write_text("other")
    assert not registry.is_whole(version)
    assert pull(registry, None, URL) == registry.current() == version
    assert registry.is_whole(version)
    assert len(registry.versions()) == 2
