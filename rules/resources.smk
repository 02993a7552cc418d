# What jobs need: GPUs, memory, time, a partition. Where that is had, a profile says.
from taskgalaxy.config import asks_a_server, batch_minutes, uses_gpu

IMAGES = sum(PLAN.counts.values())


GPUS = 1 if uses_gpu(config) else 0


def get_mem_mb(base, per_shard_image=0, per_image=0):
    """Megabytes: a base and so many kilobytes per image of a shard, or of the run; doubled with every attempt."""
    kilobytes = per_shard_image * config["images"]["shard_size"] + per_image * IMAGES
    return lambda wildcards, attempt: 2 ** (attempt - 1) * (base + kilobytes // 1000)


def get_minutes(least, per_shard_image_s=0, per_image_s=0):
    """Minutes: at least so many, or seconds per image of a shard, or of the run; doubled with every attempt."""
    seconds = per_shard_image_s * config["images"]["shard_size"] + per_image_s * IMAGES
    return lambda wildcards, attempt: 2 ** (attempt - 1) * max(least, int(seconds / 60))


def get_asking_minutes(role, per_shard_image_s=0, per_image_s=0):
    """Minutes of a job that asks: as :func:`get_minutes`, and as long as a batch may take."""
    minutes = get_minutes(20, per_shard_image_s, per_image_s)
    waiting = batch_minutes(config, get_endpoints(role))
    return lambda wildcards, attempt: max(minutes(wildcards, attempt), waiting)


def get_endpoints(role):
    """Those that the jobs of a role ask."""
    if role == "referees":
        return ASKED_REFEREES
    return endpoints_of(config, role)


def get_partition(name):
    """A partition of the profile's default resources, or the one for all jobs; without either, none."""
    named = workflow.resource_settings.default_resources
    for key in (f"{name}_partition", "slurm_partition"):
        if named and key in named:
            return named[key].raw
    return None


def get_gpu_partition():
    return get_partition("gpu" if GPUS else "slurm")


def get_asking_partition(role):
    """Where a role's jobs go: those that ask a server must reach it over the network."""

    def partition(names):
        return get_partition("asking" if asks_a_server(config, names) else "slurm")

    # A job of the referees asks one of them, any other job all endpoints of its role.
    if role == "referees":
        return by_referee({name: partition([name]) for name in get_endpoints(role)})
    return partition(get_endpoints(role))


def get_loaded_gpus():
    """A GPU for the referees that may use one."""
    return by_referee({name: int(config["endpoints"][name]["device"] != "cpu") for name in LOADED_REFEREES})


def get_loaded_partition():
    return by_referee(
        {
            name: get_partition("slurm" if config["endpoints"][name]["device"] == "cpu" else "gpu")
            for name in LOADED_REFEREES
        }
    )


def by_referee(values):
    """What all have in common, or else a function: it costs Snakemake time for every job."""
    if len(set(values.values())) <= 1:
        return next(iter(values.values()), None)
    return lambda wildcards: values[wildcards.referee]


def asks_on_head_node(role):
    """Whether the profile keeps the jobs of a role that ask a server on the head node."""
    return get_partition("asking") == "head" and asks_a_server(config, get_endpoints(role))
