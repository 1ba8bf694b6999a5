from snakemake.utils import min_version

min_version("9.0")


configfile: "config.yaml"


report: "workflow/report/workflow.rst"


include: "workflow/rules/common.smk"
include: "workflow/rules/site.smk"


localrules:
    list_shards,
    report,


# The models stand here beside the report: Snakemake remakes a deleted file only if it is asked for.
rule all:
    default_target: True
    input:
        ROOT / "report/index.html",
        expand(ROOT / "models/{model}/model.safetensors", model=TRAINED),


rule archive:
    input:
        [ROOT / f"archive/{shard.name}" for shard in SHARDS],


include: "workflow/rules/simulate.smk"
include: "workflow/rules/stage.smk"
include: "workflow/rules/convert.smk"
include: "workflow/rules/catalog.smk"
include: "workflow/rules/validate.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/evaluate.smk"
include: "workflow/rules/report.smk"
include: "workflow/rules/larcv_check.smk"


require_fit()


onstart:
    require_start()
    require_staging()


onerror:
    leave_no_job()
