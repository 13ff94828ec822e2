"""Which version is current, which one a rollback goes back to, and what the history keeps through crashes."""

import json

import pytest
from registry_child import publish

from recsys.errors import BundleError
from recsys.registry import Registry


def test_a_rollback_goes_back_through_what_was_promoted(registry: Registry) -> None:
    a, b, c = (publish(registry, content, promote=False) for content in "abc")
    for version in (a, b, b, c):
        registry.promote(version, f"to {version}")
    assert [change.version for change in registry.history()] == [a, b, c], "to promote the current one changes nothing"
    assert registry.rollback("worse") == b
    assert registry.current() == b
    assert registry.rollback("still worse") == a
    with pytest.raises(BundleError, match="no earlier version"):
        registry.rollback("again")
    assert registry.current() == a
    registry.promote(c, "mended")
    assert registry.rollback("worse") == a
    assert [change.why for change in registry.history()][-2:] == ["mended", "worse"]


def test_a_decision_for_what_was_gone_back_to_is_noted_once(registry: Registry) -> None:
    a, b, c = (publish(registry, content) for content in "abc")
    assert registry.rollback("worse") == b
    for _ in range(2):
        registry.promote(b, "good enough")
    assert [(change.action, change.version) for change in registry.history()][3:] == [("rollback", b), ("promote", b)]
    assert registry.current() == b
    assert registry.rollback("worse too") == a
    assert c in registry.versions()


def test_mending_a_damaged_current_keeps_the_past(registry: Registry) -> None:
    _, second, third = (publish(registry, text, promote=text != "three") for text in ("one", "two", "three"))
    registry.current_file.write_text("../../elsewhere\n")
    registry.promote(third, "to mend it")
    assert [change.version for change in registry.history()][-2:] == [second, third]
    assert registry.rollback("test") == second


def test_a_history_that_cannot_be_read_is_named(registry: Registry) -> None:
    publish(registry, "one")
    publish(registry, "two")
    path = registry.path / "history.jsonl"
    first, second = path.read_bytes().splitlines(keepends=True)
    damaged = second.replace(b'"action"', b'"acti\x0fn"')
    for content, number in ((b"\xff\xfe\n" + first, 1), (first + b"\n" + damaged, 3), (first + second[:40] + b"\n", 2)):
        path.write_bytes(content)
        for look in (registry.decisions, lambda: registry.rollback("test")):
            with pytest.raises(
                BundleError, match=rf"history\.jsonl cannot be read: line {number} is damaged; repair it"
            ):
                look()
    path.unlink()
    path.mkdir()
    with pytest.raises(BundleError, match=r"history\.jsonl cannot be read"):
        registry.decisions()


def test_lines_end_where_they_end_and_half_a_letter_at_the_end_is_no_damage(registry: Registry) -> None:
    version = publish(registry, "one", why="schöner\u2028Tag")
    with (registry.path / "history.jsonl").open("ab") as file:
        file.write('{"why": "schö'.encode()[:-1])
    assert [change.why for change in registry.history()] == ["schöner\u2028Tag"]
    assert registry.current() == version


def test_a_change_that_a_crash_cut_short_did_not_happen(registry: Registry) -> None:
    first, second, third = (publish(registry, content) for content in "abc")
    registry.current_file.write_text(f"{second}\n")  # killed after the line, before CURRENT was replaced
    assert [change.version for change in registry.history()] == [first, second]
    with (registry.path / "history.jsonl").open("a") as file:
        file.write('{"at": "2026')  # killed within the line
    assert registry.rollback("test") == first
    registry.promote(third, "test")
    assert [change.version for change in registry.history()] == [first, second, first, third]
    for line in (registry.path / "history.jsonl").read_text().splitlines():
        json.loads(line)


def test_what_became_current_meanwhile_stays(registry: Registry) -> None:
    first, second = publish(registry, "one"), publish(registry, "two", promote=False)
    other = publish(registry, "three", promote=False)
    registry.promote(other, "by hand")
    assert not registry.promote(second, "better", over=first)
    assert registry.current() == other
    assert registry.promote(second, "better", over=other)
    assert registry.promote(second, "again", over=first), "it is current already"
    assert registry.current() == second


def test_a_last_line_without_its_end_is_kept(registry: Registry) -> None:
    first, second = publish(registry, "one"), publish(registry, "two")
    history = registry.path / "history.jsonl"
    history.write_bytes(history.read_bytes().rstrip(b"\n"))
    publish(registry, "three")
    assert [change.version for change in registry.history()][:2] == [first, second]
    assert len(registry.history()) == 3
