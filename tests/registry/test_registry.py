"""Versions are published whole, verified on the way in and out, promoted and rolled back."""

import errno
import fcntl
import json
import os
import re
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest
from registry_child import DESCRIPTION, publish
from safetensors import SafetensorError
from safetensors.numpy import save_file

from recsys.errors import BundleError, DataError
from recsys.registry import Manifest, Registry, staging, summary_of
from recsys.registry.manifest import SCHEMA_VERSION, manifest_bytes


def test_where_nothing_was_published_nothing_is_found_or_written(registry: Registry) -> None:
    assert registry.versions() == []
    assert registry.current() is None
    assert registry.history() == []
    assert not registry.path.exists(), "looking must not write"
    with pytest.raises(BundleError, match="recsys train"):
        registry.resolve(None)


@pytest.mark.parametrize("part", ["versions", "versions/{version}", "versions/{version}/cf", "cache"])
def test_no_registry_is_made_within_another(registry: Registry, part: str) -> None:
    version = publish(registry, "one")
    inner = Registry(registry.path / part.format(version=version))
    before = sorted(registry.path.rglob("*"))
    for write in (inner.prepare, lambda: publish(inner, "two")):
        with pytest.raises(BundleError, match=f"is a part of the registry {registry.path}; name that one"):
            write()
    assert sorted(registry.path.rglob("*")) == before
    assert registry.path_of(version).is_dir()


def test_a_registry_may_have_any_name(tmp_path: Path) -> None:
    registry = Registry(tmp_path / "versions")
    publish(registry, "one")
    assert publish(registry, "two") == registry.current()


def test_a_file_system_without_locks_is_named_as_such(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    def flock(descriptor: int, how: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", flock)
    with pytest.raises(BundleError, match=r"cannot be written: .* cannot lock files \(flock\), take one that can"):
        publish(registry, "one")
    assert registry.versions() == []


def test_a_published_version_is_all_there(registry: Registry) -> None:
    version = publish(registry, "one", why="first")
    folder = registry.path_of(version)
    assert folder == registry.path / "versions" / version
    assert re.fullmatch(r"\d{8}T\d{6}Z-[0-9a-f]{6}", version)
    assert (folder / "cf" / "factors.npy").read_text() == "one"
    manifest = registry.manifest(version)
    assert manifest.version == registry.current() == registry.resolve(None) == version
    assert manifest.parent is None
    assert manifest.feature_names == ("a", "b")
    assert manifest.config == {"cf": {"factors": 8}}
    assert set(manifest.files) == {"cf/factors.npy", "top.txt"}
    assert manifest.files["top.txt"].size == 6
    assert manifest.libraries["numpy"]
    assert [(change.action, change.version, change.previous, change.why) for change in registry.history()] == [
        ("promote", version, None, "first")
    ]


@pytest.mark.parametrize(("mask", "usual"), [(0o022, 0o644), (0o027, 0o640), (0o077, 0o600)])
def test_files_that_a_library_kept_for_their_owner_have_the_usual_mode(
    registry: Registry, mask: int, usual: int
) -> None:
    class Network:
        description = DESCRIPTION

        def save(self, folder: Path) -> None:
            save_file({"a": np.zeros(2)}, folder / "network.safetensors")

    before = os.umask(mask)
    try:
        version = registry.publish(Network())
    finally:
        os.umask(before)
    modes = {path.name: path.stat().st_mode & 0o777 for path in registry.path_of(version).iterdir()}
    assert modes == {"network.safetensors": usual, "manifest.json": usual}


def test_names_sort_by_time_even_within_a_second(registry: Registry) -> None:
    published = [publish(registry, str(number), promote=False) for number in range(20)]
    assert registry.versions() == published == sorted(set(published))
    assert registry.current() is None


def test_what_is_staged_and_not_published_is_gone(registry: Registry) -> None:
    with registry.stage() as folder:
        (folder / "half.bin").write_bytes(b"half")
    with pytest.raises(BundleError, match="cannot be written"), registry.stage() as other:
        other.write_bytes(b"fails")
    assert registry.versions() == []
    assert list((registry.path / "versions").iterdir()) == []


def test_an_interruption_while_a_folder_is_made_leaves_none(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(folder: Path) -> int:
        assert folder.is_dir()
        raise KeyboardInterrupt

    monkeypatch.setattr(staging, "hold_folder", interrupted)
    with pytest.raises(KeyboardInterrupt):
        registry.prepare()
    assert list((registry.path / "versions").iterdir()) == []


def test_another_writer_does_not_sweep_what_is_being_staged(registry: Registry) -> None:
    with registry.stage() as folder:
        version = publish(registry, "meanwhile")
        assert folder.is_dir()
    assert registry.versions() == [version]


@pytest.mark.parametrize("name", ["cf/factors.npy", "top.txt"])
def test_one_changed_byte_is_found_and_named(registry: Registry, name: str) -> None:
    version = publish(registry, "one")
    file = registry.path / "versions" / version / name
    content = bytearray(file.read_bytes())
    content[1] ^= 1
    file.write_bytes(content)
    with pytest.raises(BundleError, match=re.escape(str(file))):
        registry.path_of(version)


def test_a_missing_or_added_file_is_found_and_named(registry: Registry) -> None:
    version = publish(registry, "one")
    folder = registry.path / "versions" / version
    added = folder / "cf" / "added.bin"
    added.touch()
    with pytest.raises(BundleError, match=f"{re.escape(str(added))} is not in .*; move it out"):
        registry.path_of(version)
    added.unlink()
    (folder / "top.txt").unlink()
    with pytest.raises(BundleError, match=r"top\.txt is missing"):
        registry.path_of(version)
    os.symlink("/etc/hostname", folder / "top.txt")
    with pytest.raises(BundleError, match=r"top\.txt is not a plain file"):
        registry.path_of(version)


def test_a_newer_schema_is_refused_whatever_else_it_holds(registry: Registry) -> None:
    version = publish(registry, "one")
    manifest = registry.path / "versions" / version / "manifest.json"
    manifest.write_text(json.dumps({"schema_version": SCHEMA_VERSION + 1, "something": "new"}))
    with pytest.raises(BundleError, match=f"schema version {SCHEMA_VERSION + 1}"):
        registry.path_of(version)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b'{"schema_version": "x"}', b"\xff\xfe"])
def test_a_damaged_manifest_is_named(registry: Registry, content: bytes) -> None:
    version = publish(registry, "one")
    manifest = registry.path / "versions" / version / "manifest.json"
    manifest.write_bytes(content)
    with pytest.raises(BundleError, match=f"{re.escape(str(manifest))}.*; roll back or promote another version"):
        registry.path_of(version)


def test_any_changed_character_of_a_manifest_is_found(registry: Registry) -> None:
    version = publish(registry, "one")
    manifest = registry.path / "versions" / version / "manifest.json"
    content = manifest.read_bytes()
    for place in range(len(content)):
        if chr(content[place]).isalnum():
            manifest.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
            with pytest.raises(BundleError, match=r"manifest\.json"):
                registry.path_of(version)


def test_a_manifest_of_before_checksums_is_read(registry: Registry) -> None:
    version = publish(registry, "one")
    manifest = registry.path / "versions" / version / "manifest.json"
    tree = json.loads(manifest.read_bytes())
    del tree["checksum"]
    manifest.write_text(json.dumps({**tree, "schema_version": 5}))
    assert registry.manifest(version).schema_version == 5
    manifest.write_text(json.dumps(tree))
    with pytest.raises(BundleError, match="checksum"):
        registry.path_of(version)


def test_what_is_no_registry_does_not_become_one(tmp_path: Path) -> None:
    registry = Registry(tmp_path / "none")
    for change in (lambda: registry.rollback("test"), lambda: registry.prune(1), lambda: registry.refuse(None, "test")):
        with pytest.raises(BundleError, match="there is no registry"):
            change()
    assert not registry.path.exists()


def test_a_version_under_another_name_is_refused(registry: Registry) -> None:
    first, second = publish(registry, "one"), publish(registry, "two")
    shutil.rmtree(registry.path / "versions" / first)
    shutil.copytree(registry.path / "versions" / second, registry.path / "versions" / first)
    with pytest.raises(BundleError, match=f"of version {second}"):
        registry.path_of(first)


@pytest.mark.parametrize(
    "name", ["../../etc", "..", ".", "", "/etc", "20260101T000000Z-abcdef", "20260101T000000Z-abcdef/"]
)
def test_a_name_that_is_no_version_is_refused(registry: Registry, name: str) -> None:
    publish(registry, "one")
    for method in (registry.path_of, registry.manifest, registry.resolve):
        with pytest.raises(BundleError, match="has no version"):
            method(name)
    with pytest.raises(BundleError, match="has no version"):
        registry.promote(name, "test")


def test_a_damaged_version_is_neither_promoted_nor_rolled_back_to(registry: Registry) -> None:
    first, second = publish(registry, "one"), publish(registry, "two")
    (registry.path / "versions" / first / "top.txt").write_text("broken")
    with pytest.raises(BundleError, match=r"top\.txt"):
        registry.rollback("test")
    with pytest.raises(BundleError, match=r"top\.txt"):
        registry.promote(first, "test")
    assert registry.current() == second


@pytest.mark.parametrize("content", [b"../../elsewhere\n", b"", b"\xff\xfe\n"])
def test_a_damaged_current_is_named(registry: Registry, content: bytes) -> None:
    publish(registry, "one")
    registry.current_file.write_bytes(content)
    with pytest.raises(BundleError, match=r"CURRENT is damaged.*promote one to repair it"):
        registry.current()
    (version,) = registry.versions()
    registry.promote(version, "to mend it")
    assert registry.current() == version


def test_a_current_that_is_no_file_is_named(registry: Registry) -> None:
    publish(registry, "one")
    registry.current_file.unlink()
    registry.current_file.mkdir()
    with pytest.raises(BundleError, match=r"CURRENT cannot be read: .*; check its permissions, or remove it and"):
        registry.current()


def test_prune_keeps_the_newest_the_current_and_the_way_back(registry: Registry) -> None:
    versions = [publish(registry, str(number), promote=False) for number in range(6)]
    registry.promote(versions[1], "test")
    registry.promote(versions[0], "test")
    assert registry.prune(keep=2) == [versions[2], versions[3]]
    assert registry.versions() == [versions[0], versions[1], versions[4], versions[5]]
    assert registry.rollback("test") == versions[1]
    assert registry.prune(keep=0) == [versions[0], versions[4], versions[5]]
    assert registry.current() == versions[1]


def test_a_version_that_lies_on_another_disk_is_removed_like_any_other(registry: Registry, tmp_path: Path) -> None:
    versions = [publish(registry, content) for content in ("one", "two", "three")]
    elsewhere, link = tmp_path / "larger disk", registry.path / "versions" / versions[0]
    shutil.move(link, elsewhere)
    link.symlink_to(elsewhere)
    assert registry.is_whole(versions[0])
    assert registry.prune(2) == [versions[0]]
    assert not elsewhere.exists(), "what it held may be of somebody who is to be forgotten"
    assert registry.current() == versions[2]
    publish(registry, "writing goes on")
    assert not list((registry.path / "versions").glob(".*"))


def test_what_several_writers_publish_at_once_is_all_there(registry: Registry) -> None:
    published: list[str] = []
    threads = [
        threading.Thread(target=lambda name=name: published.append(publish(registry, name))) for name in "abcdefgh"
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert registry.versions() == sorted(published)
    assert len(registry.history()) == len(published)
    for version in published:
        registry.path_of(version)


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path / "file", tmp_path / "file" / "reg"):
        registry = Registry(path)
        with pytest.raises(BundleError, match=f"{re.escape(str(path))} cannot be written.*check"):
            registry.prepare()
        with pytest.raises(BundleError, match="cannot be written"), registry.stage():
            pass
        with pytest.raises(BundleError, match="cannot be written"), registry.retraining():
            pass


def test_what_is_prepared_is_an_empty_registry(registry: Registry) -> None:
    registry.prepare()
    assert list((registry.path / "versions").iterdir()) == []
    version = publish(registry, "one")
    registry.prepare()
    assert registry.versions() == [version]


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)),
        SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)"),
        OSError("5000 requested and 800 written"),  # of numpy
    ],
)
def test_a_disk_that_fills_is_reported_as_that_of_the_registry(registry: Registry, error: Exception) -> None:
    with pytest.raises(BundleError, match=r"reg cannot be written.*disk with room"), registry.stage():
        raise error
    assert list((registry.path / "versions").iterdir()) == []


def test_other_errors_of_a_bundle_stay_what_they_are(registry: Registry) -> None:
    with pytest.raises(ZeroDivisionError), registry.stage():
        raise ZeroDivisionError
    with pytest.raises(DataError), registry.stage():
        raise DataError("No space left on device")


def test_a_clock_that_was_put_back_changes_no_order(registry: Registry) -> None:
    first = publish(registry, "one")
    ahead = f"{int(first[:4]) + 1}{first[4:]}"
    folder = registry.path / "versions" / first
    manifest = registry.manifest(first).model_copy(update={"version": ahead})
    (folder / "manifest.json").write_bytes(manifest_bytes(manifest))
    folder.rename(folder.with_name(ahead))
    later = publish(registry, "two", promote=False)
    assert registry.versions() == [ahead, later]
    assert later == f"{ahead[:-6]}{int(ahead[-6:], 16) + 1:06x}"


def test_a_registry_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_: Path) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    registry = Registry(tmp_path)
    monkeypatch.setattr(Path, "iterdir", refused)
    with pytest.raises(BundleError, match=r"cannot be read: .*Permission denied"):
        _ = registry.is_there


def test_a_version_that_is_removed_while_it_is_listed_is_a_line_of_the_list(registry: Registry) -> None:
    class Removed(Registry):
        def fault_of(self, manifest: Manifest) -> str | None:
            self.remove(manifest.version)
            return super().fault_of(manifest)

    version = publish(registry, "one", promote=False)
    assert "has no version" in str(summary_of(Removed(registry.path), version).problem)
