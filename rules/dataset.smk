# The balanced final set and its seal (paper section 2.2, "To ensure balance").


rule balance:
    input:
        clean=f"{RESULTS}/clean.parquet",
        votes=f"{RESULTS}/votes.parquet",
        samples=expand(f"{RESULTS}/qa/{{shard}}.jsonl", shard=ASKED_SHARDS),
        images=f"{RESULTS}/images.parquet",
    output:
        parquet=f"{RESULTS}/dataset/taskgalaxy.parquet",
        jsonl=f"{RESULTS}/dataset/taskgalaxy.jsonl",
        rejects=f"{RESULTS}/rejects/balance.parquet",
    log:
        f"{RESULTS}/logs/balance.log",
    benchmark:
        f"{RESULTS}/benchmarks/balance.tsv"
    conda:
        "../envs/base.yaml"
    resources:
        mem_mb=get_mem_mb(2000, per_image=15),
        runtime=get_minutes(20, per_image_s=0.004),
    params:
        referees=REFEREES,
        minimum=config["balance"]["min"],
        maximum=config["balance"]["max"],
        seed=config["seed"],
        version=VERSIONS["balance"],
    message:
        "Drawing {params.minimum} to {params.maximum} samples per task type"
    script:
        "../scripts/balance.py"


rule write_manifest:
    input:
        parquet=f"{RESULTS}/dataset/taskgalaxy.parquet",
        funnel=f"{RESULTS}/funnel.parquet",
        task_types=f"{RESULTS}/taxonomy/task_types.parquet",
        tasks=f"{RESULTS}/match/tasks.parquet",
        inputs=ancient(lambda wildcards: list(get_deciding_files().values())),
    output:
        f"{RESULTS}/dataset/manifest.json",
    log:
        f"{RESULTS}/logs/write_manifest.log",
    benchmark:
        f"{RESULTS}/benchmarks/write_manifest.tsv"
    conda:
        "../envs/clip.yaml"
    resources:
        mem_mb=get_mem_mb(2000, per_image=2),
        runtime=get_minutes(10, per_image_s=0.002),
    params:
        config=deciding(config),
        inputs=lambda wildcards: {name: get_digest(path) for name, path in get_deciding_files().items()},
        version=VERSIONS["manifest"],
    message:
        "Noting what the final set is made of"
    script:
        "../scripts/write_manifest.py"


rule seal_dataset:
    input:
        files=expand(
            f"{RESULTS}/dataset/{{name}}",
            name=[
                "taskgalaxy.parquet",
                "taskgalaxy.jsonl",
                "contamination.parquet",
                "contamination.csv",
                "manifest.json",
                "README.md",
                "croissant.json",
            ],
        ),
        exports=get_exports,
        images=f"{RESULTS}/export/images",
    output:
        f"{RESULTS}/dataset/SHA256SUMS",
    log:
        f"{RESULTS}/logs/seal_dataset.log",
    benchmark:
        f"{RESULTS}/benchmarks/seal_dataset.tsv"
    conda:
        "../envs/base.yaml"
    resources:
        mem_mb=get_mem_mb(1000),
        runtime=get_minutes(10, per_image_s=0.002),
    params:
        version=VERSIONS["seal"],
    message:
        "Writing the checksums of the final set"
    script:
        "../scripts/seal_dataset.py"
