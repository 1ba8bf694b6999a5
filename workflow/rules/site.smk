# The site that the profile names (profiles/SITE/site.yaml), and what the rules ask its batch system for.
import os
import shlex
import socket

from nuweave.config import site as site_config
from nuweave import sites


def get_site():
    """The site of the profile; without a profile, this machine."""
    told = (workflow.resource_settings.default_resources or {}).get("site")
    name = site_config.LOCAL if told is None else str(told.raw).strip("'\"")
    if told is None and not workflow.local_exec:
        refuse(
            "--default-resources takes the place of the profile's own, which name the site: use --set-resources instead"
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


# Modules and settings of the site, then the environment that runs this Snakefile.
if SITE.scheduler != "none":
    activation = Path(workflow.basedir) / f"envs/{SITE.name}.sh"
    shell.prefix(
        f"source {shlex.quote(str(activation))}; export PATH={shlex.quote(str(Path(sys.executable).parent))}:$PATH; "
    )
