rule evaluate:
    input:
        model=get_model_files,
        data=ROOT / f"packed/{EVALUATED_PART}.h5",
        catalog=ROOT / "catalog.parquet",
    output:
        predictions=ROOT / "models/{model}/predictions.parquet",
        displays=ROOT / "models/{model}/displays.parquet",
        metrics=report(
            ROOT / "models/{model}/metrics.json",
            caption="../report/metrics.rst",
            category="Results",
            labels={"model": "{model}"},
        ),
    log:
        ROOT / "logs/evaluate/{model}.log",
    benchmark:
        ROOT / "benchmarks/evaluate/{model}.tsv"
    conda:
        "../../envs/nuweave.yaml"
    resources:
        **resources_of("device"),
    params:
        config=RESOLVED,
        settings=settings_of("evaluate", "seed"),
        code=code_of("evaluate"),
        model_dir=get_model_dir,
        out_dir=lambda wildcards: ROOT / "models" / wildcards.model,
    message:
        "evaluate {wildcards.model}"
    shell:
        "nuweave evaluate --config {params.config} --model {wildcards.model} --model-dir {params.model_dir}"
        " --data {input.data} --catalog {input.catalog} --out-dir {params.out_dir} > {log} 2>&1"
