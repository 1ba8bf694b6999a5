# The site that the profile names (profiles/SITE/site.yaml), and what the rules ask its batch system for.
import os
import socket

from snakemake.iocontainers import InputFiles, Wildcards

from nuweave.config import site as site_config
from nuweave import sites


def get_site():
    """The site of the profile; without a profile, this machine."""
    defaults = workflow.resource_settings.default_resources or {}
    name = (
        str(defaults["site"].raw).strip("'\"")
        if "site" in defaults
        else site_config.LOCAL
    )
    return site_config.load_site(name, Path(workflow.basedir) / site_config.PROFILES)


try:
    SITE = get_site()
    CLUSTER = CONFIG.cluster.or_environment()
except nuweave_config.ConfigError as error:
    refuse(error)


def resources_of(step):
    """The resources of a rule: of the kind `files`, `tables` or `device` (nuweave.config.site)."""
    return sites.to_resources(SITE, step, sites.plan(SITE, step, CLUSTER))


def resources_of_training():
    """The resources of the trainings, which depend on the model."""
    table = {
        name: sites.to_resources(
            SITE, "train", sites.plan(SITE, "train", CLUSTER, model.train)
        )
        for name, model in CONFIG.models.items()
    }
    names = list(next(iter(table.values())))
    return {
        name: lambda wildcards, name=name: table[wildcards.model][name]
        for name in names
    }


def get_jobs():
    """The kinds of jobs, as `train MODEL` or `pack`, with their resources after --set-resources."""
    for one in workflow.rules:
        if one.norun or one.name in workflow._localrules:
            continue
        for model in CONFIG.models if "model" in one.wildcard_names else [""]:
            resources = one.expand_resources(
                Wildcards(fromdict={"model": model}),
                InputFiles(),
                attempt=1,
                skip_evaluation={"mem_mb", "disk_mb", "tmpdir"},
            )
            yield f"{one.name} {model}".strip(), dict(resources.items())


def require_fit():
    """Tell what the jobs ask for; end here if the site would refuse one. Inside of a job all is settled."""
    if not workflow.is_main_process or SITE.scheduler == "none":
        return
    requests = {
        job: sites.from_resources(SITE, resources) for job, resources in get_jobs()
    }
    trainings = {f"train {name}": model.train for name, model in CONFIG.models.items()}
    asked = {}
    for job, request in requests.items():
        asked.setdefault(sites.in_words(request), []).append(job)
    for words, jobs in asked.items():
        sys.stderr.write(f"{SITE.name}: {', '.join(jobs)}: {words}\n")
    try:
        for job, request in requests.items():
            sites.require_fit(SITE, request, job)
            if job in trainings:
                sites.require_batch(trainings[job], request.ranks, job)
    except sites.SiteError as error:
        refuse(error)


def require_start():
    """End here, before anything is submitted, on a wrong machine or beside jobs of an earlier start."""
    if not workflow.is_main_process or workflow.local_exec:
        return
    try:
        if SITE.scheduler == "none":
            raise sites.SiteError(
                "--default-resources took the place of the profile's own, which name the site; use --set-resources"
            )
        sites.require_here(SITE, socket.gethostname(), os.environ)
        sites.require_none(SITE.scheduler, Path.cwd())
        if SITE.scheduler == "slurm":
            sites.require_accepted(dict(get_jobs()))
        # `nuweave pbs submit` ends this process where PBS refuses a job
        os.environ.update(NUWEAVE_START=str(os.getpid()))
    except sites.SiteError as error:
        refuse(error)


def leave_no_job():
    """At a start that ends early, by Ctrl-C or an error: cancel what Snakemake has not."""
    if not workflow.is_main_process or workflow.local_exec:
        return
    try:
        jobs = sites.cancel(SITE.scheduler, Path.cwd())
    except sites.SiteError as error:
        refuse(error)
    if jobs:
        sys.stderr.write(f"nuweave: cancelled {' '.join(job.id for job in jobs)}\n")


# Modules and settings of the site, then the environment that runs this Snakefile.
if SITE.scheduler != "none":
    shell.prefix(sites.activation(SITE, Path(workflow.basedir), Path(sys.executable)))
