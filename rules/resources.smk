# What jobs need: GPUs, memory, time, a partition. Where that is had, a profile says.
from taskgalaxy.config import asks_a_server, batch_minutes, uses_gpu

IMAGES = sum(len(files) for files in PLAN.files.values())


def get_gpus(wildcards):
    return 1 if uses_gpu(config) else 0


def get_mem_mb(base, per_shard_image=0, per_image=0):
    """Megabytes: a base and so many kilobytes per image of a shard, or of the run; doubled with every attempt."""
    kilobytes = per_shard_image * config["images"]["shard_size"] + per_image * IMAGES
    return lambda wildcards, attempt: 2 ** (attempt - 1) * (base + kilobytes // 1000)


def get_minutes(least, per_shard_image_s=0, per_image_s=0):
    """Minutes: at least so many, or seconds per image of a shard, or of the run; doubled with every attempt."""
    seconds = per_shard_image_s * config["images"]["shard_size"] + per_image_s * IMAGES
    return lambda wildcards, attempt: 2 ** (attempt - 1) * max(least, int(seconds / 60))


def get_asking_minutes(role, per_shard_image_s):
    """Minutes of a job that asks: as :func:`get_minutes`, and as long as a batch may take."""
    minutes = get_minutes(20, per_shard_image_s)
    return lambda wildcards, attempt: max(
        minutes(wildcards, attempt), batch_minutes(config, get_endpoints(role, wildcards))
    )


def get_endpoints(role, wildcards=None):
    """The endpoints that a role's jobs ask; those of a job, if its wildcards name one of the referees."""
    if role != "referees":
        return [config["roles"][role]]
    return [wildcards.referee] if wildcards else REFEREES


def get_partition(name):
    """A partition of the profile's default resources, or the one for all jobs; without either, none."""
    named = workflow.resource_settings.default_resources
    for key in (f"{name}_partition", "slurm_partition"):
        if named and key in named:
            return named[key].raw
    return None


def get_gpu_partition(wildcards):
    return get_partition("gpu" if uses_gpu(config) else "slurm")


def get_asking_partition(role):
    """Where a job goes that asks a server, which must be reached over the network."""
    return lambda wildcards: get_partition(
        "asking" if asks_a_server(config, get_endpoints(role, wildcards)) else "slurm"
    )


def asks_on_head_node(role):
    """Whether the profile keeps the jobs of a role that ask a server on the head node."""
    return get_partition("asking") == "head" and asks_a_server(config, get_endpoints(role))
