# What is said of the set where it is published, and the one target that uploads anything.
from taskgalaxy.publish.settings import FOLDERS, published

PUBLISHED = published(config)


localrules:
    push,


rule write_card:
    input:
        parquet=f"{RESULTS}/dataset/taskgalaxy.parquet",
        manifest=f"{RESULTS}/dataset/manifest.json",
        referees=f"{RESULTS}/report/referees.json",
        subsets=[f"{RESULTS}/subsets/subsets.json"] if PUBLISHED.subsets else [],
    output:
        card=f"{RESULTS}/dataset/README.md",
        croissant=f"{RESULTS}/dataset/croissant.json",
    log:
        f"{RESULTS}/logs/write_card.log",
    benchmark:
        f"{RESULTS}/benchmarks/write_card.tsv"
    conda:
        "../envs/report.yaml"
    resources:
        mem_mb=get_mem_mb(1000),
        runtime=get_minutes(10, per_image_s=0.002),
    params:
        card=config["card"],
        exports=config["exports"],
        published=vars(PUBLISHED),
        version=VERSIONS["card"],
    message:
        "Writing the dataset card and Croissant metadata"
    script:
        "../scripts/write_card.py"


# Never asked for by another rule: this is `snakemake push` and nothing else.
rule push:
    input:
        dataset=expand(
            f"{RESULTS}/dataset/{{name}}",
            name=[
                "README.md",
                "croissant.json",
                "manifest.json",
                "SHA256SUMS",
                "taskgalaxy.jsonl",
                "taskgalaxy.parquet",
                "contamination.csv",
                "contamination.parquet",
            ],
        ),
        subsets=expand(f"{RESULTS}/subsets/{{name}}.parquet", name=PUBLISHED.subsets),
        export=expand(f"{RESULTS}/export/{WHOLE}/{{export}}", export=PUBLISHED.export or []),
    output:
        f"{RESULTS}/pushed.json",
    log:
        f"{RESULTS}/logs/push.log",
    conda:
        "../envs/hub.yaml"
    params:
        repository=get_repository,
        private=config["push"]["private"],
        embedded=config["push"]["embedded"],
        token_env=config["push"]["token_env"],
        folder=FOLDERS.get(PUBLISHED.export),
    message:
        "Uploading the final set to {params.repository} on the Hugging Face Hub"
    script:
        "../scripts/push.py"
