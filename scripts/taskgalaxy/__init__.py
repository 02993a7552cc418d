"""The TaskGalaxy library: every step of the pipeline as plain functions, without Snakemake."""
