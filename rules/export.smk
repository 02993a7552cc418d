# What trainers and libraries read: one rule per format, of those that the configuration lists under exports. Of a
# subset they are made on request: results/export/NAME/llava.json and so on.


rule gather_images:
    input:
        f"{RESULTS}/dataset/taskgalaxy.parquet",
        get_subsets(),
    output:
        directory(f"{RESULTS}/export/images"),
    log:
        f"{RESULTS}/logs/gather_images.log",
    conda:
        "../envs/base.yaml"
    resources:
        mem_mb=get_mem_mb(1000, per_image=2),
        runtime=get_minutes(10, per_image_s=0.02),
    params:
        # Where one is moved to, its link must follow.
        sources={name: source["located"] for name, source in config["sources"].items()},
        mix={MIX_FOLDER: config["llava_mix"]["images"]} if config["llava_mix"] else {},
        version=VERSIONS["export"],
    message:
        "Gathering the images of the set in one folder for the exports, by links where they lie as files"
    script:
        "../scripts/gather_images.py"


rule export_llava:
    input:
        get_exported,
    output:
        f"{RESULTS}/export/{{set}}/llava.json",
    log:
        f"{RESULTS}/logs/export_llava/{{set}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/export_llava/{{set}}.tsv"
    conda:
        "../envs/base.yaml"
    resources:
        mem_mb=get_mem_mb(1000, per_image=5),
        runtime=get_minutes(10, per_image_s=0.002),
    params:
        version=VERSIONS["export"],
    message:
        "Writing LLaVA's training JSON"
    script:
        "../scripts/export_llava.py"


rule export_llava_mix:
    input:
        set=get_exported,
        mix=ancient(get_mix),
    output:
        f"{RESULTS}/export/{{set}}/llava_mix.json",
    log:
        f"{RESULTS}/logs/export_llava_mix/{{set}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/export_llava_mix/{{set}}.tsv"
    conda:
        "../envs/base.yaml"
    resources:
        mem_mb=get_mem_mb(2000, per_image=5),
        runtime=get_minutes(30, per_image_s=0.002),
    params:
        mix=lambda wildcards: get_digest(get_mix(wildcards)),
        version=VERSIONS["export"],
    message:
        "Writing LLaVA's training JSON behind an existing mix"
    script:
        "../scripts/export_llava_mix.py"


rule export_internvl:
    input:
        get_exported,
    output:
        f"{RESULTS}/export/{{set}}/internvl.jsonl",
        f"{RESULTS}/export/{{set}}/internvl_meta.json",
    log:
        f"{RESULTS}/logs/export_internvl/{{set}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/export_internvl/{{set}}.tsv"
    conda:
        "../envs/base.yaml"
    resources:
        mem_mb=get_mem_mb(1000, per_image=5),
        runtime=get_minutes(10, per_image_s=0.002),
    params:
        images=f"{RESULTS}/export/images",
        version=VERSIONS["export"],
    message:
        "Writing InternVL's JSON Lines and meta file"
    script:
        "../scripts/export_internvl.py"


rule export_llamafactory:
    input:
        get_exported,
    output:
        f"{RESULTS}/export/{{set}}/llamafactory/taskgalaxy.json",
        f"{RESULTS}/export/{{set}}/llamafactory/dataset_info.json",
    log:
        f"{RESULTS}/logs/export_llamafactory/{{set}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/export_llamafactory/{{set}}.tsv"
    conda:
        "../envs/base.yaml"
    resources:
        mem_mb=get_mem_mb(1000, per_image=5),
        runtime=get_minutes(10, per_image_s=0.002),
    params:
        version=VERSIONS["export"],
    message:
        "Writing LLaMA-Factory's data and dataset_info.json"
    script:
        "../scripts/export_llamafactory.py"


rule export_swift:
    input:
        get_exported,
    output:
        f"{RESULTS}/export/{{set}}/swift.jsonl",
    log:
        f"{RESULTS}/logs/export_swift/{{set}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/export_swift/{{set}}.tsv"
    conda:
        "../envs/base.yaml"
    resources:
        mem_mb=get_mem_mb(1000, per_image=5),
        runtime=get_minutes(10, per_image_s=0.002),
    params:
        version=VERSIONS["export"],
    message:
        "Writing ms-swift's JSON Lines"
    script:
        "../scripts/export_swift.py"


rule export_huggingface:
    input:
        get_exported,
    output:
        directory(f"{RESULTS}/export/{{set}}/huggingface"),
    log:
        f"{RESULTS}/logs/export_huggingface/{{set}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/export_huggingface/{{set}}.tsv"
    conda:
        "../envs/base.yaml"
    resources:
        mem_mb=get_mem_mb(1000, per_image=5),
        runtime=get_minutes(60, per_image_s=0.02),
    params:
        version=VERSIONS["export"],
    message:
        "Writing Parquet files with the images in them, for Hugging Face datasets"
    script:
        "../scripts/export_huggingface.py"


rule export_huggingface_paths:
    input:
        get_exported,
    output:
        f"{RESULTS}/export/{{set}}/huggingface_paths/train.parquet",
    log:
        f"{RESULTS}/logs/export_huggingface_paths/{{set}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/export_huggingface_paths/{{set}}.tsv"
    conda:
        "../envs/base.yaml"
    resources:
        mem_mb=get_mem_mb(1000, per_image=5),
        runtime=get_minutes(10, per_image_s=0.002),
    params:
        images=f"{RESULTS}/export/images",
        version=VERSIONS["export"],
    message:
        "Writing a Parquet file with the paths of the images, for Hugging Face datasets"
    script:
        "../scripts/export_huggingface_paths.py"


rule export_webdataset:
    input:
        get_exported,
    output:
        directory(f"{RESULTS}/export/{{set}}/webdataset"),
    log:
        f"{RESULTS}/logs/export_webdataset/{{set}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/export_webdataset/{{set}}.tsv"
    conda:
        "../envs/base.yaml"
    resources:
        mem_mb=get_mem_mb(1000, per_image=10),
        runtime=get_minutes(60, per_image_s=0.02),
    params:
        version=VERSIONS["export"],
    message:
        "Writing WebDataset's tars"
    script:
        "../scripts/export_webdataset.py"
