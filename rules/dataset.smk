# The balanced final set, its exports and its seal (paper section 2.2, "To ensure balance").


rule balance:
    input:
        votes=f"{RESULTS}/votes.parquet",
        samples=expand(f"{RESULTS}/qa/{{shard}}.jsonl", shard=SHARDS),
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


rule export_llava:
    input:
        f"{RESULTS}/dataset/taskgalaxy.parquet",
    output:
        f"{RESULTS}/export/llava.json",
    log:
        f"{RESULTS}/logs/export_llava.log",
    benchmark:
        f"{RESULTS}/benchmarks/export_llava.tsv"
    conda:
        "../envs/base.yaml"
    resources:
        mem_mb=get_mem_mb(1000, per_image=5),
        runtime=get_minutes(10, per_image_s=0.002),
    params:
        version=VERSIONS["export"],
    message:
        "Writing LLaVA's training JSON"
    script:
        "../scripts/export_llava.py"


rule link_images:
    input:
        f"{RESULTS}/dataset/taskgalaxy.parquet",
    output:
        directory(f"{RESULTS}/export/images"),
    log:
        f"{RESULTS}/logs/link_images.log",
    conda:
        "../envs/base.yaml"
    resources:
        mem_mb=get_mem_mb(1000, per_image=2),
        runtime=get_minutes(10, per_image_s=0.002),
    params:
        version=VERSIONS["export"],
    message:
        "Linking the sources into one image folder for the exports"
    script:
        "../scripts/link_images.py"


rule seal_dataset:
    input:
        parquet=f"{RESULTS}/dataset/taskgalaxy.parquet",
        jsonl=f"{RESULTS}/dataset/taskgalaxy.jsonl",
        funnel=f"{RESULTS}/funnel.parquet",
        tasks=f"{RESULTS}/match/tasks.parquet",
        exports=get_exports,
        images=f"{RESULTS}/export/images",
    output:
        manifest=f"{RESULTS}/dataset/manifest.json",
        checksums=f"{RESULTS}/dataset/SHA256SUMS",
    log:
        f"{RESULTS}/logs/seal_dataset.log",
    benchmark:
        f"{RESULTS}/benchmarks/seal_dataset.tsv"
    conda:
        "../envs/clip.yaml"
    resources:
        mem_mb=get_mem_mb(2000, per_image=2),
        runtime=get_minutes(10, per_image_s=0.002),
    params:
        config=deciding(config),
        version=VERSIONS["seal"],
    message:
        "Writing the manifest and the checksums of the final set"
    script:
        "../scripts/seal_dataset.py"
