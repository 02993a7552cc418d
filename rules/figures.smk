# The report: what the run has made as tables, as figures, and as one page with both.


rule describe_dataset:
    input:
        task_types=f"{RESULTS}/taxonomy/task_types.parquet",
        embeddings=f"{RESULTS}/match/tasks.parquet",
        images=f"{RESULTS}/images.parquet",
        filtered=expand(f"{RESULTS}/filter/{{shard}}.parquet", shard=SHARDS),
        fill=expand(f"{RESULTS}/filter/{{shard}}.parquet", shard=FILL_SHARDS),
        votes=f"{RESULTS}/votes.parquet",
        dataset=f"{RESULTS}/dataset/taskgalaxy.parquet",
        funnel=f"{RESULTS}/funnel.parquet",
        referees=f"{RESULTS}/report/referees.json",
    output:
        tables=expand(f"{RESULTS}/report/tables/{{name}}.csv", name=TABLES),
        numbers=f"{RESULTS}/report/tables/numbers.json",
    log:
        f"{RESULTS}/logs/describe_dataset.log",
    benchmark:
        f"{RESULTS}/benchmarks/describe_dataset.tsv"
    conda:
        "../envs/clip.yaml"
    resources:
        mem_mb=get_mem_mb(2000, per_image=2),
        runtime=get_minutes(20, per_image_s=0.004),
    params:
        paper=lambda wildcards: get_digest(Path(workflow.basedir) / "resources" / "paper.yaml"),
        referees=REFEREES,
        similar_above=config["report"]["similar_task_types"],
        version=VERSIONS["describe"],
    message:
        "Counting what the report shows"
    script:
        "../scripts/describe_dataset.py"


rule draw_figures:
    input:
        tables=rules.describe_dataset.output.tables,
        numbers=rules.describe_dataset.output.numbers,
    output:
        figures=report(
            expand(f"{RESULTS}/report/figures/{{name}}.svg", name=FIGURES),
            caption="captions/figures.rst",
            category="Figures",
        ),
        page=report(f"{RESULTS}/report/report.html", caption="captions/report.rst", category="Report"),
    log:
        f"{RESULTS}/logs/draw_figures.log",
    benchmark:
        f"{RESULTS}/benchmarks/draw_figures.tsv"
    conda:
        "../envs/report.yaml"
    resources:
        mem_mb=get_mem_mb(2000),
        runtime=get_minutes(10),
    params:
        version=VERSIONS["figures"],
    message:
        "Drawing the figures and the report"
    script:
        "../scripts/draw_figures.py"
