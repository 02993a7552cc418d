# A question-answer pair for every kept task type (paper section 2.2, step 4; Table A-3).


rule generate_qa:
    input:
        filtered=f"{RESULTS}/filter/{{shard}}.parquet",
        images=ancient(f"{RESULTS}/images.parquet"),
        template=ancient(f"{PROMPTS}/qa.txt"),
    output:
        samples=f"{RESULTS}/qa/{{shard}}.jsonl",
        rejects=f"{RESULTS}/rejects/qa/{{shard}}.parquet",
    log:
        f"{RESULTS}/logs/generate_qa/{{shard}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/generate_qa/{{shard}}.tsv"
    localrule: asks_on_head_node("qa")
    conda:
        "../envs/llm.yaml"
    resources:
        slurm_partition=get_asking_partition("qa"),
        mem_mb=get_mem_mb(2000, per_shard_image=1000),
        runtime=get_asking_minutes("qa", 6),
    params:
        template=get_digest(f"{PROMPTS}/qa.txt"),
        model=get_model("qa"),
        version=VERSIONS["qa"],
    message:
        "Asking for questions and answers about the images of shard {wildcards.shard}"
    script:
        "../scripts/generate_qa.py"
