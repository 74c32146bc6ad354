"""Nothing in a page escapes its runners."""

import pytest

from tests.docs.blocks import Block, PageError, parse
from tests.docs.project import Project
from tests.docs.runners import Page


def block(language: str, text: str, directive: str = "", *arguments: str) -> Block:
    return Block("page.md", 1, language, text, directive, arguments)


@pytest.mark.parametrize("language", ["", "cobol", "bash", "js"])
def test_fenced_block_without_a_runner_fails(language: str, project: Project) -> None:
    with pytest.raises(AssertionError, match="has no runner"):
        Page(project, None).run(block(language, "x"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("```python\nx = 1\n", "never closed"),
        ("~~~python\nx = 1\n~~~", "a fence is"),
        ("```python title=x\nx = 1\n```", "a fence is"),
        ("````python\nx = 1\n````", "a fence is"),
        ("<!-- docs: wire -->\n\nwords\n\n```text\n```", "has no block"),
        ("<!-- docs: wire -->", "has no block"),
        ("<!-- docs: run\nx = 1\n", "never closed"),
        ("<!-- docs: wire\n-->", "only `docs: run`"),
    ],
)
def test_what_only_looks_like_a_block_is_an_error(text: str, message: str) -> None:
    with pytest.raises(PageError, match=message):
        list(parse("page.md", text))


PAGE = """# A

## B

<!-- docs: shows 'one word' -->

```python
# shop/views.py
x = 1
```

# C
<!-- docs: run
y = 2
-->"""


def test_blocks_know_their_line_directive_file_and_headings() -> None:
    shown, hidden = parse("page.md", PAGE)

    assert (shown.line, shown.file, shown.directive, shown.arguments) == (8, "shop/views.py", "shows", ("one word",))
    assert shown.headings == ("A", "B")
    assert (hidden.line, hidden.language, hidden.text, hidden.headings) == (14, "python", "y = 2", ("C",))


@pytest.mark.parametrize(
    "wrong",
    [
        block("python", "1 / 0"),
        block("python", "# shop/tests.py\nx = 1"),
        block("python", "# shop/tests.py\ndef test_it():\n    assert False"),
        block("python", "# mysite/settings.py\nSSE_DJANGO = {'PING': 1}"),
        block("pycon", ">>> 1 + 1\n3"),
        block("console", "$ curl http://127.0.0.1:8000/nowhere/\ndata: 1"),
        block("console", "$ curl --http2 http://127.0.0.1:8000/nowhere/"),
        block("console", "$ rm x"),
        block("shell", "make coffee"),
        block("shell", "pip install sse-django[coffee]"),
        block("shell", "python manage.py coffee"),
        block("shell", "python manage.py check --coffee"),
        block("shell", "coffee"),
        block("html", '<script>new EventSource("/nowhere/")</script>'),
        block("html", "<p>nothing to ask for</p>"),
        block("text", "data: 1"),
        block("text", "id: 1\ndata: 1", "wire"),
        block("nginx", "server {"),
        block("toml", "x ="),
        block("json", "{'x': 1}"),
    ],
    ids=str,
)
def test_wrong_block_fails(wrong: Block, project: Project) -> None:
    with pytest.raises(BaseException):  # noqa: B017, PT011  (a SystemExit of argparse too)
        Page(project, None).run(wrong)
