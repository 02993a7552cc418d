# What Snakemake 9.27.1 gets wrong, or slow, for this workflow. Tests fail where a remedy of the former is missing.
import gc
import signal
import threading
from functools import cache

import snakemake.common
import snakemake.rules
import snakemake.sourcecache


def handle_sigterm_in_a_thread():
    """Snakemake's handler takes a lock that the thread it interrupts may hold, and would then wait for ever."""
    graceful = signal.getsignal(signal.SIGTERM)
    if callable(graceful):
        signal.signal(signal.SIGTERM, lambda *caught: threading.Thread(target=graceful, args=caught).start())


# Plans of thousands of jobs: of the objects made nearly all stay, so that garbage need not be looked for after every 700;
# and what a function's parameters or the parts of a script's path are need not be found out for every job.
gc.set_threshold(50_000)
snakemake.rules.get_function_params = snakemake.common.get_function_params = cache(
    snakemake.common.get_function_params
)
snakemake.sourcecache.parse_uri = cache(snakemake.sourcecache.parse_uri)
