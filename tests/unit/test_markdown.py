"""Whatever a value holds, the page around it stays what it is: checked with a reader of Markdown."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from taskgalaxy.publish.markdown import code, escaped, number, one_line

READER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
TEXTS = st.text(max_size=30) | st.text("|`*_~[]()<>#\\&\"' \n-+1.!$:{}ab", max_size=20)


def cells(line: str) -> list[Token]:
    """The cells of the one row below a table's head."""
    tokens = READER.parse(f"| a | b |\n| --- | --- |\n{line}\n\nafter\n")
    assert [token.type for token in tokens if token.level == 0] == [
        "table_open", "table_close", "paragraph_open", "paragraph_close",
    ]  # fmt: skip
    body = tokens[[token.type for token in tokens].index("tbody_open") :]
    return [token for token in body if token.type == "inline" and token.level > 1]


def text_of(cell: Token) -> str:
    """What a reader sees; markers of emphasis, links and code are no text."""
    assert cell.children is not None
    return "".join(child.content for child in cell.children if child.type in ("text", "code_inline"))


@given(TEXTS)
@example("a|b")
@example("a\\|b")
@example("**bold** ~~gone~~ [link](x) <b> &amp; `code` $x$")
@example("a\u2028b\nc")
def test_a_value_in_a_table_is_one_cell_that_reads_as_it_was(value: str) -> None:
    first, second = cells(f"| {escaped(value)} | end |")
    assert text_of(first) == one_line(value)
    assert {child.type for child in first.children or ()} <= {"text"}
    assert text_of(second) == "end"


@given(TEXTS)
@example("a|b")
@example("`")
@example("a`b|c\\")
def test_code_in_a_table_is_one_cell_that_reads_as_it_was(value: str) -> None:
    first, second = cells(f"| {code(value)} | end |")
    assert text_of(first) == one_line(value)
    assert {child.type for child in first.children or ()} <= {"text", "code_inline", "html_inline"}
    assert text_of(second) == "end"


@given(TEXTS)
def test_a_value_in_a_paragraph_reads_as_it_was_and_starts_nothing(value: str) -> None:
    tokens = READER.parse(f"It is {escaped(value)}, and {code(value)} as code.\n")
    assert [token.type for token in tokens] == ["paragraph_open", "inline", "paragraph_close"]
    assert text_of(tokens[1]) == f"It is {one_line(value)}, and {one_line(value)} as code."


def test_numbers_have_thousands_and_no_more_decimals_than_they_need() -> None:
    assert [number(value) for value in (0, 1810, 413648, 3.0, 2.5, -0.04312)] == [
        "0", "1,810", "413,648", "3", "2.5", "-0.043",
    ]  # fmt: skip
