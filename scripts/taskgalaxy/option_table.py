"""Writes config/README.md, the table of all options, from the schema: ``python -m taskgalaxy.option_table``."""

from __future__ import annotations

from pathlib import Path

from taskgalaxy.config import load_schema, option_table
from taskgalaxy.files import atomic

ROOT = Path(__file__).resolve().parents[2]

_PAGE = """# Options

Made from `config/schemas/config.schema.json` by `make options`. `NAME` stands for a name of yours, `[]` for
an entry of a list.

- `config.yaml` is the default: everything embedded, no key and no download.
- `paper.yaml` holds the paper's settings, for image folders and endpoints of yours.
- `seeds.yaml` is the seed taxonomy, `prompts/` holds the prompt templates (see its README).

A file given with `--configfile` replaces `config.yaml`; single values can be set with
`--config seed=2` or `--config 'balance={{max: 5}}'`. Paths are relative to the folder where Snakemake runs.

{table}"""


def option_page() -> str:
    """The text of config/README.md."""
    return _PAGE.format(table=option_table(load_schema(ROOT / "config" / "schemas" / "config.schema.json")))


if __name__ == "__main__":
    with atomic(ROOT / "config" / "README.md") as page:
        page.write(option_page())
