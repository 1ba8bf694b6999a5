# Files of a published dataset. A rule must not own them: Snakemake removes outputs before and after a failed job.
if CONFIG.dataset is not None:

    localrules:
        stage,

    rule stage:
        output:
            ROOT / "staged/{source}.json",
        log:
            ROOT / "logs/stage/{source}.log",
        params:
            config=RESOLVED,
            name=lambda wildcards: get_raw_file(wildcards).name,
            # if that changes, the file is checked again
            published=lambda wildcards: repr(
                CONFIG.dataset.files[get_raw_file(wildcards).name]
            ),
        message:
            "stage {params.name}"
        shell:
            "nuweave stage {params.name:q} --config {params.config} > {log} 2>&1"
