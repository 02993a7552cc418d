"""Print what a finished run has made, where it lies, and what to try next: show_results.py RESULTS."""

import sys
from pathlib import Path

NEXT = """Next:
  see what was made             open {results}/report/report.html
  look at samples and rejects   open {results}/report/samples.html
  judge the referees            open {results}/report/audit.html (docs/audit.md)
  use your own images           copy config/config.yaml, set sources.*.path, then
                                .venv/bin/snakemake --cores 2 --configfile my.yaml
  use a real model              point endpoints at any OpenAI-compatible server (config/README.md)
"""


def main(results: Path) -> None:
    for part in (results / "report" / "funnel.txt", results / "report" / "truth.txt"):
        if part.exists():
            print(part.read_text(encoding="utf-8"))
    print(f"Dataset      {results}/dataset/taskgalaxy.parquet, .jsonl; its card README.md, manifest.json, SHA256SUMS")
    print(f"For trainers {results}/export: docs/dataset.md has the lines to copy")
    print(f"Sample page  {results}/report/samples.html")
    print(f"Report       {results}/report/report.html, funnel.txt, referees.txt, truth.txt\n")
    print(NEXT.format(results=results))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
