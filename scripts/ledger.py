"""Looks after a ledger, the folder of recorded answers: checks it, adds it up, copies it, joins it with another."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from taskgalaxy.errors import UserError
from taskgalaxy.files import write_json
from taskgalaxy.ledger_tools.parquet import export_ledger, import_parquet, merge
from taskgalaxy.ledger_tools.stats import stats, stats_table
from taskgalaxy.ledger_tools.verify import verify
from taskgalaxy.llm.ledger import Ledger

_EPILOG = """\
verify, stats and export only read, also while a run is writing. To mend a damaged ledger, export it (what is
damaged is named and left out) and import the file into a new folder; answers that are gone are asked again.
"""
_VERIFY = """\
Look at every record (is it JSON, complete, in the folder of its stage, is its key that of its question, can its
reply be read) and at every index. A torn last line and an index that lags behind are no damage; a reply whose
wording was changed cannot be noticed, because the key covers the question. Exit status 1 if anything is damaged.
"""
_STATS = """\
Add up answers, distinct questions, tokens, US dollars (as recorded; - where no prices were known), seconds per
answer and times, by stage and model.
"""
_EXPORT = """\
Write all sound records into one Parquet file: the columns key, stage, writer, model, image, prompt (digest of the
template), text, reply_text, finish_reason, prompt_tokens, completion_tokens, usd and at for reading, and record,
the exact line, for import. Exit status 1 if damaged lines had to be left out.
"""
_ADD = """\
Records with the same key, time and reply are there already and are skipped, so it can be repeated, also after a
kill. Another answer to the same question is kept too, and the earliest counts. No existing record is touched:
what is added goes to files named WRITER.imported. What the added answers have cost counts as spent, and towards
budget_usd: spent is what all answers in the ledger have cost, whoever paid. Records that are damaged, or whose
key is not that of their question, are refused; the exit status is then 1, and the others are added.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        status = _run(options)
        sys.stdout.flush()
        return status
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
    except BrokenPipeError:
        # Whoever reads has seen enough; what Python still holds for them must not fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        print(f"error: {error}", file=sys.stderr)
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130
    return 1


def _run(options: argparse.Namespace) -> int:
    ledger = Ledger(options.ledger)
    if options.command == "verify":
        return int(verify(ledger, print) > 0)
    if options.command == "stats":
        found = stats(ledger)
        print(stats_table(found), end="")
        if options.json:
            write_json(options.json, found.to_json())
        return 0
    if options.command == "export":
        exported = export_ledger(ledger, options.file, _warn, force=options.force)
        print(f"{options.file}: {exported.records:,} answers; {exported.damaged:,} damaged lines left out")
        return int(exported.damaged > 0)
    if options.command == "import":
        added = import_parquet(ledger, options.file, _warn)
    else:
        added = merge(ledger, Ledger(options.other), _warn)
    print(f"{ledger.folder}: {added}")
    return int(added.refused > 0)


def _warn(text: str) -> None:
    print(text, file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="ledger.py", description=__doc__, epilog=_EPILOG)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _command(commands, "verify", "check every record", _VERIFY)
    command = _command(commands, "stats", "what it holds and has cost", _STATS)
    command.add_argument("--json", type=Path, metavar="FILE", help="write the figures to this file too")
    command = _command(commands, "export", "write it into one Parquet file", _EXPORT)
    command.add_argument("file", type=Path, metavar="FILE.parquet")
    command.add_argument("--force", action="store_true", help="replace the file if it exists")
    command = _command(commands, "import", "add what an exported file holds", f"Add what a file holds. {_ADD}")
    command.add_argument("file", type=Path, metavar="FILE.parquet")
    command = _command(commands, "merge", "add what another ledger holds", f"Add what another ledger holds. {_ADD}")
    command.add_argument("other", type=Path, metavar="OTHER_LEDGER")
    return parser


def _command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, summary: str, description: str
) -> argparse.ArgumentParser:
    command = commands.add_parser(name, help=summary, description=description)
    command.add_argument(
        "--ledger", type=Path, default=Path("ledger"), metavar="FOLDER", help="the ledger's folder (default: ledger)"
    )
    return command


if __name__ == "__main__":
    sys.exit(main())
