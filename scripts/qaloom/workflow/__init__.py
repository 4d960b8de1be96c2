"""Commands around Snakemake: run, explain, trace, clean up."""
