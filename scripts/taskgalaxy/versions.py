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
    "qa": 1,
    "referee": 2,
    "tally": 1,
    "balance": 1,
    "export": 1,
    "seal": 1,
    "funnel": 1,
    "truth": 1,
    "referee_statistics": 1,
    "sample_page": 2,
}
