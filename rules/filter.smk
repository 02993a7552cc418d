# A vision-language model keeps the candidates that fit (paper section 2.2, step 3; Table A-3).


rule filter_matches:
    input:
        topk=f"{RESULTS}/match/topk/{{shard}}.parquet",
        images=ancient(f"{RESULTS}/images.parquet"),
        template=ancient(f"{PROMPTS}/filter.txt"),
    output:
        filtered=f"{RESULTS}/filter/{{shard}}.parquet",
        rejects=f"{RESULTS}/rejects/filter/{{shard}}.parquet",
    log:
        f"{RESULTS}/logs/filter_matches/{{shard}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/filter_matches/{{shard}}.tsv"
    localrule: asks_on_head_node("filter")
    conda:
        "../envs/llm.yaml"
    resources:
        slurm_partition=get_asking_partition("filter"),
        mem_mb=get_mem_mb(2000, per_shard_image=1000),
        runtime=get_asking_minutes("filter", 4),
    params:
        template=get_digest(f"{PROMPTS}/filter.txt"),
        model=get_model("filter"),
        version=VERSIONS["filter"],
    message:
        "Asking which candidates fit the images of shard {wildcards.shard}"
    script:
        "../scripts/filter_matches.py"
