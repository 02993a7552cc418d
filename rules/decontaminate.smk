# What benchmarks give away is left out, and images that look alike are told; nothing that was asked is asked again.


rule hash_images:
    input:
        inspected=f"{RESULTS}/images/inspected/{{shard}}.parquet",
        # As in embed_images: which shard an image belongs to never changes.
        images=ancient(f"{RESULTS}/images.parquet"),
    output:
        f"{RESULTS}/images/hashes/{{shard}}.parquet",
    log:
        f"{RESULTS}/logs/hash_images/{{shard}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/hash_images/{{shard}}.tsv"
    conda:
        "../envs/base.yaml"
    resources:
        mem_mb=get_mem_mb(1000, per_shard_image=1),
        runtime=get_minutes(10, per_shard_image_s=0.2),
    params:
        sources_before=get_sources_before,
        version=VERSIONS["hash"],
    message:
        "Hashing the images of shard {wildcards.shard} by what they look like"
    script:
        "../scripts/hash_images.py"


rule hash_benchmark:
    output:
        f"{RESULTS}/images/benchmarks/{{benchmark}}.parquet",
    log:
        f"{RESULTS}/logs/hash_benchmark/{{benchmark}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/hash_benchmark/{{benchmark}}.tsv"
    conda:
        "../envs/base.yaml"
    resources:
        mem_mb=get_mem_mb(2000),
        runtime=get_minutes(240),
    params:
        images=lambda wildcards: get_images_digest(wildcards.benchmark),
        version=VERSIONS["hash"],
    message:
        "Hashing the images of benchmark {wildcards.benchmark}"
    script:
        "../scripts/hash_benchmark.py"


rule decontaminate:
    input:
        votes=f"{RESULTS}/votes.parquet",
        samples=expand(f"{RESULTS}/qa/{{shard}}.jsonl", shard=ASKED_SHARDS),
        images=f"{RESULTS}/images.parquet",
        hashes=get_image_hashes,
        benchmarks=expand(
            f"{RESULTS}/images/benchmarks/{{benchmark}}.parquet", benchmark=names_with(BENCHMARKS, "images")
        ),
        questions=ancient(get_benchmark_questions()),
    output:
        clean=f"{RESULTS}/clean.parquet",
        contamination=f"{RESULTS}/dataset/contamination.parquet",
        contamination_csv=f"{RESULTS}/dataset/contamination.csv",
        near_duplicates=f"{RESULTS}/report/near_duplicates.parquet",
        rejects=f"{RESULTS}/rejects/decontaminate.parquet",
        text=report(
            f"{RESULTS}/report/decontamination.txt",
            caption="captions/decontamination.rst",
            category="Tables",
        ),
        near_duplicates_text=report(
            f"{RESULTS}/report/near_duplicates.txt",
            caption="captions/near_duplicates.rst",
            category="Tables",
        ),
    log:
        f"{RESULTS}/logs/decontaminate.log",
    benchmark:
        f"{RESULTS}/benchmarks/decontaminate.tsv"
    conda:
        "../envs/base.yaml"
    resources:
        mem_mb=get_mem_mb(2000, per_image=10),
        runtime=get_minutes(30, per_image_s=0.004),
    params:
        referees=REFEREES,
        # Names of files stand in the list of hits, where they lie does not.
        questions=lambda wildcards: [
            [name, Path(path).name, get_digest(path)]
            for name, benchmark in BENCHMARKS.items()
            for path in benchmark["questions"]
        ],
        benchmarks=names_with(BENCHMARKS, "images"),
        distance=config["decontaminate"]["distance"],
        ngram=config["decontaminate"]["ngram"],
        near_duplicates=config["near_duplicates"],
        version=VERSIONS["decontaminate"],
    message:
        "Comparing the samples with benchmarks, and their images with one another"
    script:
        "../scripts/decontaminate.py"
