"""Progress: plain lines where nobody can see a spinner."""

import io
from contextlib import suppress

import pytest

from recsys.cli.progress import ProgressLines


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_is_plain_lines_where_there_is_no_terminal() -> None:
    stream = io.StringIO()
    with ProgressLines(stream) as progress:
        progress("reading")
        progress("training")
    assert [line.split("s  ")[1] for line in stream.getvalue().splitlines()] == ["reading", "training"]
    assert "\x1b" not in stream.getvalue()


def test_finished_steps_stay_on_a_terminal() -> None:
    stream = Terminal()
    with ProgressLines(stream) as progress:
        progress("reading")
        progress("training")
    assert stream.getvalue().count(" s  reading") == stream.getvalue().count(" s  training") == 1


def test_brackets_of_a_path_are_no_markup() -> None:
    stream = Terminal()
    with ProgressLines(stream) as progress:
        progress("reading shop[/old]")
    assert "reading shop[/old]" in stream.getvalue()


def test_an_interrupted_step_is_not_called_finished() -> None:
    stream = Terminal()

    def work() -> None:
        with ProgressLines(stream) as progress:
            progress("training")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work()
    assert " s  training" not in stream.getvalue()


def test_counting_within_a_step_is_a_line_now_and_then() -> None:
    stream = io.StringIO()
    with ProgressLines(stream) as progress:
        for done in range(1, 1_000):
            progress(f"ranked {done:,} of 1,000")
        progress("writing")
    said = [line.split("s  ")[1] for line in stream.getvalue().splitlines()]
    assert said == ["ranked 1 of 1,000", "ranked 999 of 1,000", "writing"]


def test_an_interrupted_step_says_how_far_it_was() -> None:
    stream = io.StringIO()

    def work() -> None:
        with ProgressLines(stream) as progress:
            progress("ranked 1 of 1,000")
            progress("ranked 2 of 1,000")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work()
    assert stream.getvalue().endswith("ranked 2 of 1,000\n")


@pytest.mark.parametrize("fails", [False, True])
def test_what_follows_a_part_of_the_work_finds_nothing_live(fails: bool) -> None:
    stream = Terminal()
    with ProgressLines(stream) as progress:
        with suppress(ValueError), progress:
            progress("training")
            if fails:
                raise ValueError
        assert (" s  training" in stream.getvalue()) is not fails
        before = stream.getvalue()
        progress("waiting")
        assert " s  " not in stream.getvalue()[len(before) :]
    assert stream.getvalue().count(" s  waiting") == 1
