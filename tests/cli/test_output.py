"""Tables of text from the data."""

import pytest

from recsys.cli.output import print_table


def test_text_of_the_data_is_printed_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    titles = ["toys:dog:food", "1:100: scale", "[bold]word[/bold]", "[/]"]
    print_table(["title"], [[title] for title in titles], title="of :heart:")
    lines = [line.strip() for line in capsys.readouterr().out.strip().splitlines()]
    assert lines[0] == "of :heart:"
    assert lines[-len(titles) :] == titles
