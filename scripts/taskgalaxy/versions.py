"""What each step's results mean, as a number.

Snakemake does not see changes of imported modules. Whoever changes what a step writes (not how)
raises its number, and the step's results are made anew; refactoring leaves it alone.
"""

VERSIONS = {
    "expand": 1,
    "pool": 1,
    "inspect": 1,
    "duplicates": 1,
    "embed": 1,
    "match": 1,
    "filter": 2,
    "qa": 1,
    "referee": 2,
    "tally": 1,
    "balance": 1,
    "export": 1,
    "seal": 1,
    "funnel": 1,
    "truth": 1,
    "sample_page": 1,
}
