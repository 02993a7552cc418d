# The paper's pool of images: what is missing of it (snakemake check_sources), and getting it (snakemake download).


localrules:
    check_sources,
    download,


# Neither has an output: both look anew each time, and only when they are asked for.
rule check_sources:
    log:
        f"{RESULTS}/logs/check_sources.log",
    conda:
        "../envs/download.yaml"
    message:
        "Counting the images of every family"
    script:
        "../scripts/check_sources.py"


rule download:
    log:
        f"{RESULTS}/logs/download.log",
    conda:
        "../envs/download.yaml"
    message:
        "Getting the files of the pool that are missing"
    script:
        "../scripts/download.py"
