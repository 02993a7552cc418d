# Further images for task types of which the referees accepted few samples (the paper's Figure 5 shows how many there are).


rule match_thin_types:
    input:
        top_images=f"{RESULTS}/match/top_images.parquet",
        topk=expand(f"{RESULTS}/match/topk/{{shard}}.parquet", shard=SHARDS),
        samples=expand(f"{RESULTS}/qa/{{shard}}.jsonl", shard=SHARDS),
        votes=get_votes(SHARDS),
        images=f"{RESULTS}/images.parquet",
        task_types=f"{RESULTS}/taxonomy/task_types.parquet",
    output:
        expand(f"{RESULTS}/match/topk/{{shard}}.parquet", shard=FILL_SHARDS),
    log:
        f"{RESULTS}/logs/match_thin_types.log",
    benchmark:
        f"{RESULTS}/benchmarks/match_thin_types.tsv"
    conda:
        "../envs/base.yaml"
    resources:
        mem_mb=get_mem_mb(2000, per_image=15),
        runtime=get_minutes(20, per_image_s=0.004),
    params:
        referees=REFEREES,
        accept_at=config["referee"]["accept_at"],
        missing_vote=config["referee"]["missing_vote"],
        below=config["fill"]["below"],
        images=config["fill"]["images"],
        most=config["balance"]["max"],
        k=config["match"]["k"],
        version=VERSIONS["fill"],
    message:
        "Choosing images for task types with fewer than {params.below} accepted samples"
    script:
        "../scripts/match_thin_types.py"


# It makes what the rule match makes of images.
ruleorder: match_thin_types > match
