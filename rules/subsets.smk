# Subsets for ablations (paper section 3.3 and Figure 6).


rule draw_subsets:
    input:
        dataset=f"{RESULTS}/dataset/taskgalaxy.parquet",
        clean=f"{RESULTS}/clean.parquet",
        votes=f"{RESULTS}/votes.parquet",
        # Without referees the samples are others than the set's.
        samples=(
            expand(f"{RESULTS}/qa/{{shard}}.jsonl", shard=ASKED_SHARDS)
            if config["subsets"]["unscreened"]
            else []
        ),
        images=f"{RESULTS}/images.parquet",
        cot=get_cot(),
    output:
        subsets=get_subsets(),
        json=f"{RESULTS}/subsets/subsets.json",
        text=report(f"{RESULTS}/report/subsets.txt", caption="captions/subsets.rst", category="Tables"),
    log:
        f"{RESULTS}/logs/draw_subsets.log",
    benchmark:
        f"{RESULTS}/benchmarks/draw_subsets.tsv"
    conda:
        "../envs/base.yaml"
    resources:
        mem_mb=get_mem_mb(2000, per_image=30),
        runtime=get_minutes(20, per_image_s=0.008),
    params:
        subsets=config["subsets"],
        licenses=config["licenses"],
        generators=GENERATORS,
        seed=config["seed"],
        referees=REFEREES,
        version=VERSIONS["subsets"],
    message:
        "Drawing subsets for ablations"
    script:
        "../scripts/draw_subsets.py"
