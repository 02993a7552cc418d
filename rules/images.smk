# Image folders -> shard manifests -> inspected images and their duplicates (paper section 2.2, step 2).


localrules:
    write_shard,
    list_removed,


rule write_shard:
    output:
        # A manifest that exists is authoritative: not to be deleted before it is written again (--forceall).
        update(f"{RESULTS}/images/shards/{{shard}}.json"),
    log:
        f"{RESULTS}/logs/write_shard/{{shard}}.log",
    conda:
        "../envs/base.yaml"
    params:
        files=get_files,
    message:
        "Writing down which images belong to shard {wildcards.shard}"
    script:
        "../scripts/write_shard.py"


rule list_removed:
    output:
        removed=f"{RESULTS}/images/removed.parquet",
        rejects=f"{RESULTS}/rejects/refused.parquet",
    log:
        f"{RESULTS}/logs/list_removed.log",
    conda:
        "../envs/base.yaml"
    params:
        removed=PLAN.removed,
        refused=PLAN.refused,
        version=VERSIONS["removed"],
    message:
        "Listing the images that are no longer there, or are refused"
    script:
        "../scripts/list_removed.py"


rule inspect_images:
    input:
        f"{RESULTS}/images/shards/{{shard}}.json",
    output:
        images=f"{RESULTS}/images/inspected/{{shard}}.parquet",
        rejects=f"{RESULTS}/rejects/inspect/{{shard}}.parquet",
    log:
        f"{RESULTS}/logs/inspect_images/{{shard}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/inspect_images/{{shard}}.tsv"
    conda:
        "../envs/base.yaml"
    resources:
        mem_mb=get_mem_mb(1000, per_shard_image=1),
        runtime=get_minutes(10, per_shard_image_s=0.5),
    params:
        license=lambda wildcards: get_source(wildcards)["license"],
        licenses=lambda wildcards: get_source(wildcards)["licenses"],
        limits={key: config["images"][key] for key in ("min_side", "max_pixels", "max_bytes", "animated")},
        version=VERSIONS["inspect"],
    message:
        "Decoding and identifying the images of shard {wildcards.shard}"
    script:
        "../scripts/inspect_images.py"


rule find_duplicates:
    input:
        inspected=expand(f"{RESULTS}/images/inspected/{{shard}}.parquet", shard=SHARDS),
        removed=f"{RESULTS}/images/removed.parquet",
    output:
        # Snakemake deletes an output before its job runs, and a missing file is no ancient() one: a kill here
        # would have every shard embedded and asked anew. With update() the file stays until it is replaced.
        images=update(f"{RESULTS}/images.parquet"),
        duplicates=f"{RESULTS}/images/duplicates.parquet",
    log:
        f"{RESULTS}/logs/find_duplicates.log",
    benchmark:
        f"{RESULTS}/benchmarks/find_duplicates.tsv"
    conda:
        "../envs/base.yaml"
    resources:
        mem_mb=get_mem_mb(1000, per_image=4),
        runtime=get_minutes(20, per_image_s=0.002),
    params:
        version=VERSIONS["duplicates"],
    message:
        "Finding images that occur more than once"
    script:
        "../scripts/find_duplicates.py"
