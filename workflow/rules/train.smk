rule overfit:
    input:
        ROOT / "packed/train.h5",
    output:
        ROOT / "models/{model}/overfit.json",
    log:
        ROOT / "logs/overfit/{model}.log",
    benchmark:
        ROOT / "benchmarks/overfit/{model}.tsv"
    conda:
        "../../envs/nuweave.yaml"
    resources:
        **resources_of("device"),
    params:
        config=RESOLVED,
        settings=model_settings,
    message:
        "check that {wildcards.model} can learn a handful of events by heart"
    shell:
        "nuweave overfit --config {params.config} --model {wildcards.model} --train {input} --out {output} > {log} 2>&1"


# Checkpoints live in an undeclared directory: Snakemake deletes the outputs of failed jobs, and a rerun must resume.
# Status 85: saved and left before the job ends; on a site it is submitted again and goes on.
rule train:
    input:
        train=ROOT / "packed/train.h5",
        val=ROOT / "packed/val.h5",
        overfit=ROOT / "models/{model}/overfit.json",
    output:
        weights=ROOT / "models/{model}/model.safetensors",
        description=ROOT / "models/{model}/model.json",
        history=ROOT / "models/{model}/metrics.jsonl",
    log:
        ROOT / "logs/train/{model}.log",
    benchmark:
        ROOT / "benchmarks/train/{model}.tsv"
    # Inside of its job no rule is tried again, as the job is: Snakemake there would start it anew in its last minutes.
    retries: (SITE.retries or None) if workflow.is_main_process else None  # None: what the command line says
    conda:
        "../../envs/nuweave.yaml"
    threads: lambda wildcards: CONFIG.models[wildcards.model].train.ranks
    resources:
        **resources_of_training(),
        attempt=lambda wildcards, attempt: attempt,
    params:
        config=RESOLVED,
        settings=model_settings,
        model_dir=lambda wildcards: ROOT / "models" / wildcards.model,
        run_dir=lambda wildcards: ROOT / "runs" / wildcards.model,
    message:
        "train {wildcards.model} on {resources.nodes} x {resources.ranks_per_node} ranks"
    shell:
        "nuweave launch --site {resources.site} --nodes {resources.nodes} --ranks-per-node {resources.ranks_per_node}"
        " --gpus-per-node {resources.gpus_per_node} -- nuweave train --config {params.config} --model {wildcards.model}"
        " --train {input.train} --val {input.val} --model-dir {params.model_dir} --run-dir {params.run_dir}"
        " --attempt {resources.attempt}"
        " 2>&1 | tee {log}"
