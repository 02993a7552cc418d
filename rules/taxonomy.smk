# Seed taxonomy -> level 1 -> level 2 -> ... -> the pool of task types (paper section 2.2, step 1).


rule expand_level:
    input:
        taxonomy=get_taxonomy_before,
        seeds=ancient(config["taxonomy"]["seeds"]),
        templates=ancient(get_expand_templates),
    output:
        taxonomy=f"{RESULTS}/taxonomy/level{{level}}.yaml",
        counts=f"{RESULTS}/taxonomy/level{{level}}.counts.json",
        rejects=f"{RESULTS}/rejects/expand/level{{level}}.parquet",
    log:
        f"{RESULTS}/logs/expand_level/{{level}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/expand_level/{{level}}.tsv"
    localrule: asks_on_head_node("expand")
    conda:
        "../envs/llm.yaml"
    resources:
        slurm_partition=get_asking_partition("expand"),
        mem_mb=get_mem_mb(2000),
        runtime=get_asking_minutes("expand", 0.25),
    params:
        seeds=get_digest(config["taxonomy"]["seeds"]),
        templates=lambda wildcards: [get_digest(path) for path in get_expand_templates(wildcards)],
        settings=get_level_settings,
        max_label_length=config["taxonomy"]["max_label_length"],
        model=get_model("expand"),
        version=VERSIONS["expand"],
    message:
        "Expanding the task types of level {wildcards.level}"
    script:
        "../scripts/expand_level.py"


rule pool_task_types:
    input:
        seeds=ancient(config["taxonomy"]["seeds"]),
        taxonomy=f"{RESULTS}/taxonomy/level{LEVELS[-1]}.yaml",
    output:
        f"{RESULTS}/taxonomy/task_types.parquet",
    log:
        f"{RESULTS}/logs/pool_task_types.log",
    benchmark:
        f"{RESULTS}/benchmarks/pool_task_types.tsv"
    conda:
        "../envs/base.yaml"
    resources:
        mem_mb=get_mem_mb(1000),
        runtime=get_minutes(10),
    params:
        seeds=get_digest(config["taxonomy"]["seeds"]),
        pool=config["taxonomy"]["pool"],
        version=VERSIONS["pool"],
    message:
        "Pooling the task types that images are matched with"
    script:
        "../scripts/pool_task_types.py"
