# How far the referees are to be believed: people judge a stratified draw (docs/audit.md). `snakemake audit` reads back
# what they saved; the page alone is part of every run.


localrules:
    audit,
    measure_audit,


rule draw_audit:
    input:
        votes=f"{RESULTS}/votes.parquet",
        images=f"{RESULTS}/images.parquet",
        samples=expand(f"{RESULTS}/qa/{{shard}}.jsonl", shard=ASKED_SHARDS),
    output:
        page=report(f"{RESULTS}/report/audit.html", caption="captions/audit_page.rst", category="Audit"),
        draw=f"{RESULTS}/report/audit_draw.json",
    log:
        f"{RESULTS}/logs/draw_audit.log",
    benchmark:
        f"{RESULTS}/benchmarks/draw_audit.tsv"
    conda:
        "../envs/report.yaml"
    resources:
        mem_mb=get_mem_mb(2000, per_image=5),
        runtime=get_minutes(20, per_image_s=0.002),
    params:
        referees=REFEREES,
        samples=config["audit"]["samples"],
        thin=config["audit"]["thin"],
        fill_shards=FILL_SHARDS,
        seed=config["seed"],
        version=VERSIONS["draw_audit"],
    message:
        "Drawing {params.samples} question-answer pairs for people to judge"
    script:
        "../scripts/draw_audit.py"


# On request alone, since people have to judge first.
rule measure_audit:
    input:
        draw=f"{RESULTS}/report/audit_draw.json",
        judgements=ancient(get_judgements),
    output:
        json=f"{RESULTS}/report/audit.json",
        text=report(f"{RESULTS}/report/audit.txt", caption="captions/audit.rst", category="Audit"),
    log:
        f"{RESULTS}/logs/measure_audit.log",
    conda:
        "../envs/report.yaml"
    resources:
        mem_mb=get_mem_mb(1000),
        runtime=get_minutes(10),
    params:
        # Of the files and not of `input`: Snakemake does not compare what is derived from that.
        judgements=lambda wildcards: [get_digest(path) for path in get_judgements(wildcards)],
        folder=config["audit"]["judgements"],
        sees_answer=config["referee"]["sees_answer"],
        version=VERSIONS["measure_audit"],
    message:
        "Measuring the referees against what people judged"
    script:
        "../scripts/measure_audit.py"


rule audit:
    input:
        f"{RESULTS}/report/audit.txt",
