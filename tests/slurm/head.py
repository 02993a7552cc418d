"""Snakemake that looks after its jobs every second.

The Slurm executor's pauses grow up to three minutes, so as not to burden a cluster that others use, too.
"""

import asyncio

from snakemake.cli import main
from snakemake_interface_executor_plugins.executors.remote import RemoteExecutor


async def _sleep(executor: RemoteExecutor) -> None:
    await asyncio.sleep(1)


if __name__ == "__main__":
    RemoteExecutor.sleep = _sleep
    main()
