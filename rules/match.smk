# Embeddings of task types and images, and the exact top-k of every image (paper section 2.2, step 3).


rule embed_task_types:
    input:
        task_types=f"{RESULTS}/taxonomy/task_types.parquet",
        model=ancient(get_clip_files),
    output:
        f"{RESULTS}/match/tasks.parquet",
    log:
        f"{RESULTS}/logs/embed_task_types.log",
    benchmark:
        f"{RESULTS}/benchmarks/embed_task_types.tsv"
    conda:
        "../envs/clip.yaml"
    threads: config["match"]["threads"]
    resources:
        gpu=GPUS,
        slurm_partition=get_gpu_partition(),
        mem_mb=get_mem_mb(8000),
        runtime=get_minutes(60),
    params:
        clip=lambda wildcards: get_clip_settings(),
        text=config["match"]["text"],
        version=VERSIONS["embed"],
    message:
        "Embedding the task types with {config[match][model]}"
    script:
        "../scripts/embed_task_types.py"


# Which shard asks about an image never changes once it is known (shards are append-only, and the sources
# before this one are a parameter): new images elsewhere are no reason to do a shard again, hence ancient().
rule embed_images:
    input:
        inspected=f"{RESULTS}/images/inspected/{{shard}}.parquet",
        images=ancient(f"{RESULTS}/images.parquet"),
        model=ancient(get_clip_files),
    output:
        embeddings=f"{RESULTS}/match/images/{{shard}}.parquet",
        rejects=f"{RESULTS}/rejects/match/{{shard}}.parquet",
    log:
        f"{RESULTS}/logs/embed_images/{{shard}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/embed_images/{{shard}}.tsv"
    conda:
        "../envs/clip.yaml"
    threads: config["match"]["threads"] + config["match"]["workers"]
    resources:
        gpu=GPUS,
        slurm_partition=get_gpu_partition(),
        mem_mb=get_mem_mb(8000 + 1000 * config["match"]["workers"]),
        runtime=get_minutes(20, per_shard_image_s=2),
    params:
        clip=lambda wildcards: get_clip_settings(),
        sources_before=get_sources_before,
        version=VERSIONS["embed"],
    message:
        "Embedding the images of shard {wildcards.shard} with {config[match][model]}"
    script:
        "../scripts/embed_images.py"


rule match:
    input:
        tasks=f"{RESULTS}/match/tasks.parquet",
        images=f"{RESULTS}/match/images/{{shard}}.parquet",
    output:
        f"{RESULTS}/match/topk/{{shard}}.parquet",
    log:
        f"{RESULTS}/logs/match/{{shard}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/match/{{shard}}.tsv"
    conda:
        "../envs/clip.yaml"
    resources:
        mem_mb=get_mem_mb(2000, per_shard_image=200),
        runtime=get_minutes(10, per_shard_image_s=0.1),
    params:
        k=config["match"]["k"],
        version=VERSIONS["match"],
    message:
        "Ranking the task types for the images of shard {wildcards.shard}"
    script:
        "../scripts/match.py"


rule match_images:
    input:
        tasks=f"{RESULTS}/match/tasks.parquet",
        images=expand(f"{RESULTS}/match/images/{{shard}}.parquet", shard=SHARDS),
    output:
        f"{RESULTS}/match/top_images.parquet",
    log:
        f"{RESULTS}/logs/match_images.log",
    benchmark:
        f"{RESULTS}/benchmarks/match_images.tsv"
    conda:
        "../envs/clip.yaml"
    resources:
        mem_mb=get_mem_mb(4000),
        runtime=get_minutes(10, per_image_s=0.002),
    params:
        m=config["match"]["top_images"],
        version=VERSIONS["match"],
    message:
        "Ranking the images for every task type"
    script:
        "../scripts/match_images.py"


# On request: no step needs it.
rule top_images:
    input:
        f"{RESULTS}/match/top_images.parquet",
