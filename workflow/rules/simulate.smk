if CONFIG.data_dir is None:

    rule simulate:
        output:
            ROOT / "raw/{source}.h5",
        log:
            ROOT / "logs/simulate/{source}.log",
        benchmark:
            ROOT / "benchmarks/simulate/{source}.tsv"
        conda:
            "../../envs/nuweave.yaml"
        resources:
            **resources_of("files"),
        params:
            config=RESOLVED,
            settings=settings_of("simulate", "detector", "seed"),
            code=code_of("physics", "simulate"),
        message:
            "generate events of file {wildcards.source}"
        shell:
            "nuweave simulate {output} --config {params.config} --file {wildcards.source} > {log} 2>&1"
