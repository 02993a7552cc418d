# Step-by-step answers for some samples of the final set (paper section A.9; Table A-3).


# One job: which samples are chosen depends on the whole set, and most answers are in the ledger from the time before.
rule generate_cot:
    input:
        dataset=f"{RESULTS}/dataset/taskgalaxy.parquet",
        images=ancient(f"{RESULTS}/images.parquet"),
        template=ancient(f"{PROMPTS}/cot.txt"),
    output:
        answers=f"{RESULTS}/cot.parquet",
        rejects=f"{RESULTS}/rejects/cot.parquet",
    log:
        f"{RESULTS}/logs/generate_cot.log",
    benchmark:
        f"{RESULTS}/benchmarks/generate_cot.tsv"
    localrule: asks_on_head_node("cot")
    conda:
        "../envs/llm.yaml"
    resources:
        slurm_partition=get_asking_partition("cot"),
        mem_mb=get_mem_mb(2000, per_image=15),
        runtime=get_asking_minutes("cot", per_image_s=0.6),
    params:
        template=lambda wildcards: get_digest(f"{PROMPTS}/cot.txt"),
        model=lambda wildcards: get_model("cot"),
        max=config["cot"]["max"],
        seed=config["seed"],
        version=VERSIONS["cot"],
    message:
        "Asking for step-by-step answers for up to {params.max} samples per task type"
    script:
        "../scripts/generate_cot.py"
