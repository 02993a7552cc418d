"""What each step's results mean, as a number.

Snakemake sees no imported module, and goes by no change of a script (profiles/default). Whoever changes
what a step writes (not how) raises its number, and the step's results are made anew; refactoring leaves
it alone. tests/unit/test_versions.py has this decided for every change; `make stage-code` notes it.
"""

VERSIONS = {
    "expand": 1,
    "pool": 1,
    "removed": 1,
    "inspect": 1,
    "duplicates": 1,
    "embed": 2,
    "match": 2,
    "filter": 2,
    "qa": 2,
    "referee": 2,
    "tally": 1,
    "fill": 1,
    "balance": 2,
    "cot": 1,
    "hash": 1,
    "decontaminate": 1,
    "subsets": 1,
    "export": 1,
    "manifest": 1,
    "card": 1,
    "seal": 3,
    "funnel": 2,
    "truth": 1,
    "referee_statistics": 1,
    "sample_page": 3,
    "describe": 1,
    "figures": 1,
    "draw_audit": 1,
    "measure_audit": 1,
}
