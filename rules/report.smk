# What a person looks at: the funnel, the referees, the measure against ground truth, and the sample page.


rule funnel:
    input:
        counts=expand(f"{RESULTS}/taxonomy/level{{level}}.counts.json", level=LEVELS),
        expand_rejects=expand(f"{RESULTS}/rejects/expand/level{{level}}.parquet", level=LEVELS),
        task_types=f"{RESULTS}/taxonomy/task_types.parquet",
        shards=expand(f"{RESULTS}/images/shards/{{shard}}.json", shard=SHARDS),
        refused_rejects=f"{RESULTS}/rejects/refused.parquet",
        inspect_rejects=expand(f"{RESULTS}/rejects/inspect/{{shard}}.parquet", shard=SHARDS),
        images=f"{RESULTS}/images.parquet",
        duplicates=f"{RESULTS}/images/duplicates.parquet",
        match_rejects=expand(f"{RESULTS}/rejects/match/{{shard}}.parquet", shard=SHARDS),
        filtered=expand(f"{RESULTS}/filter/{{shard}}.parquet", shard=ASKED_SHARDS),
        filter_rejects=expand(f"{RESULTS}/rejects/filter/{{shard}}.parquet", shard=ASKED_SHARDS),
        samples=expand(f"{RESULTS}/qa/{{shard}}.jsonl", shard=ASKED_SHARDS),
        qa_rejects=expand(f"{RESULTS}/rejects/qa/{{shard}}.parquet", shard=ASKED_SHARDS),
        votes=f"{RESULTS}/votes.parquet",
        referee_rejects=f"{RESULTS}/rejects/referee.parquet",
        clean=f"{RESULTS}/clean.parquet",
        decontaminate_rejects=f"{RESULTS}/rejects/decontaminate.parquet",
        dataset=f"{RESULTS}/dataset/taskgalaxy.parquet",
        balance_rejects=f"{RESULTS}/rejects/balance.parquet",
        cot=get_cot(),
        cot_rejects=[f"{RESULTS}/rejects/cot.parquet"] if config["roles"]["cot"] else [],
    output:
        funnel=f"{RESULTS}/funnel.parquet",
        rejects=f"{RESULTS}/rejects.parquet",
        text=report(f"{RESULTS}/report/funnel.txt", caption="captions/funnel.rst", category="Tables"),
    log:
        f"{RESULTS}/logs/funnel.log",
    benchmark:
        f"{RESULTS}/benchmarks/funnel.tsv"
    conda:
        "../envs/report.yaml"
    resources:
        mem_mb=get_mem_mb(1000, per_image=15),
        runtime=get_minutes(20, per_image_s=0.004),
    params:
        referees=REFEREES,
        cot_most=config["cot"]["max"],
        version=VERSIONS["funnel"],
    message:
        "Checking that every row of every stage is accounted for"
    script:
        "../scripts/funnel.py"


rule referee_statistics:
    input:
        f"{RESULTS}/votes.parquet",
    output:
        json=f"{RESULTS}/report/referees.json",
        text=report(f"{RESULTS}/report/referees.txt", caption="captions/referees.rst", category="Tables"),
    log:
        f"{RESULTS}/logs/referee_statistics.log",
    benchmark:
        f"{RESULTS}/benchmarks/referee_statistics.tsv"
    conda:
        "../envs/report.yaml"
    resources:
        mem_mb=get_mem_mb(1000, per_image=10),
        runtime=get_minutes(10, per_image_s=0.002),
    params:
        referees=REFEREES,
        missing_vote=config["referee"]["missing_vote"],
        version=VERSIONS["referee_statistics"],
    message:
        "Counting how the referees voted, agreed and split"
    script:
        "../scripts/referee_statistics.py"


rule measure_truth:
    input:
        truth=ancient(config["report"]["truth"] or []),
        images=f"{RESULTS}/images.parquet",
        filtered=expand(f"{RESULTS}/filter/{{shard}}.parquet", shard=SHARDS),
        samples=expand(f"{RESULTS}/qa/{{shard}}.jsonl", shard=ASKED_SHARDS),
        votes=f"{RESULTS}/votes.parquet",
        dataset=f"{RESULTS}/dataset/taskgalaxy.parquet",
    output:
        json=f"{RESULTS}/report/truth.json",
        text=report(f"{RESULTS}/report/truth.txt", caption="captions/truth.rst", category="Tables"),
    log:
        f"{RESULTS}/logs/measure_truth.log",
    benchmark:
        f"{RESULTS}/benchmarks/measure_truth.tsv"
    conda:
        "../envs/report.yaml"
    resources:
        mem_mb=get_mem_mb(1000, per_image=10),
        runtime=get_minutes(10, per_image_s=0.002),
    params:
        truth=lambda wildcards: config["report"]["truth"] and get_digest(config["report"]["truth"]),
        referees=REFEREES,
        version=VERSIONS["truth"],
    message:
        "Measuring match, filter and referees against the ground truth"
    script:
        "../scripts/measure_truth.py"


rule sample_page:
    input:
        dataset=f"{RESULTS}/dataset/taskgalaxy.parquet",
        rejects=f"{RESULTS}/rejects.parquet",
        funnel=f"{RESULTS}/funnel.parquet",
        images=f"{RESULTS}/images.parquet",
        task_types=f"{RESULTS}/taxonomy/task_types.parquet",
        referees=f"{RESULTS}/report/referees.json",
        truth=[f"{RESULTS}/report/truth.json"] if config["report"]["truth"] else [],
    output:
        page=report(f"{RESULTS}/report/samples.html", caption="captions/samples.rst", category="Samples"),
        samples=directory(f"{RESULTS}/report/samples"),
    log:
        f"{RESULTS}/logs/sample_page.log",
    benchmark:
        f"{RESULTS}/benchmarks/sample_page.tsv"
    conda:
        "../envs/report.yaml"
    resources:
        mem_mb=get_mem_mb(2000, per_image=10),
        runtime=get_minutes(20, per_image_s=0.004),
    params:
        # No input: the page names originals there, and reads none.
        images=f"{RESULTS}/export/images",
        max_samples=config["report"]["max_samples"],
        version=VERSIONS["sample_page"],
    message:
        "Writing the page on which samples and rejects can be looked at"
    script:
        "../scripts/sample_page.py"
