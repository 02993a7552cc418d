# Every referee votes 0 or 1 on every sample; the vote table (paper section 2.2, step 5; Table A-3).


rule cast_votes:
    input:
        samples=f"{RESULTS}/qa/{{shard}}.jsonl",
        images=ancient(f"{RESULTS}/images.parquet"),
        template=ancient(f"{PROMPTS}/referee.txt"),
    output:
        f"{RESULTS}/votes/{{referee}}/{{shard}}.parquet",
    log:
        f"{RESULTS}/logs/cast_votes/{{referee}}/{{shard}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/cast_votes/{{referee}}/{{shard}}.tsv"
    wildcard_constraints:
        referee=get_names_pattern(ASKED_REFEREES),
    localrule: asks_on_head_node("referees")
    conda:
        "../envs/referee.yaml"
    resources:
        slurm_partition=get_asking_partition("referees"),
        mem_mb=get_mem_mb(2000, per_shard_image=1000),
        runtime=get_asking_minutes("referees", 10),
    params:
        template=get_digest(f"{PROMPTS}/referee.txt"),
        model=get_referee_model,
        sees_answer=config["referee"]["sees_answer"],
        version=VERSIONS["referee"],
    message:
        "Referee {wildcards.referee} votes on the samples of shard {wildcards.shard}"
    script:
        "../scripts/cast_votes.py"


# The same by a model that the job itself loads.
use rule cast_votes as cast_votes_by_transformers with:
    wildcard_constraints:
        referee=get_names_pattern(LOADED_REFEREES),
    localrule: False
    conda:
        "../envs/transformers.yaml"
    threads: 4
    resources:
        gpu=get_loaded_gpus(),
        slurm_partition=get_loaded_partition(),
        mem_mb=get_mem_mb(32000, per_shard_image=1000),
        runtime=get_minutes(60, per_shard_image_s=4),
    message:
        "Referee {wildcards.referee} scores the samples of shard {wildcards.shard}"


rule tally_votes:
    input:
        samples=expand(f"{RESULTS}/qa/{{shard}}.jsonl", shard=ASKED_SHARDS),
        votes=get_votes(ASKED_SHARDS),
    output:
        votes=f"{RESULTS}/votes.parquet",
        rejects=f"{RESULTS}/rejects/referee.parquet",
    log:
        f"{RESULTS}/logs/tally_votes.log",
    benchmark:
        f"{RESULTS}/benchmarks/tally_votes.tsv"
    conda:
        "../envs/base.yaml"
    resources:
        mem_mb=get_mem_mb(1000, per_image=10),
        runtime=get_minutes(10, per_image_s=0.002),
    params:
        referees=REFEREES,
        accept_at=config["referee"]["accept_at"],
        missing_vote=config["referee"]["missing_vote"],
        version=VERSIONS["tally"],
    message:
        "Counting the votes"
    script:
        "../scripts/tally_votes.py"
