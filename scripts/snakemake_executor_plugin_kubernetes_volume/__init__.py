"""Snakemake's Kubernetes executor over one volume that all pods share.

The executor it builds on assumes that pods share nothing, and carries each declared file through an object
store. Here a folder is a result (a base model, an adapter and its tokenizer), and cache/ with its checkpoints
must outlive the pod: so project and program lie on a volume that every pod mounts at the same path.
"""

import shlex
from dataclasses import replace
from pathlib import Path

import snakemake_executor_plugin_kubernetes as kubernetes
from snakemake_executor_plugin_kubernetes import ExecutorSettings

__all__ = ["Executor", "ExecutorSettings", "common_settings"]

common_settings = replace(
    kubernetes.common_settings,
    implies_no_shared_fs=False,
    job_deploy_sources=False,
    auto_deploy_default_storage_provider=False,
)


class Executor(kubernetes.Executor):
    """As the one it builds on, but a pod works in the project's folder, not in an empty one of its own."""

    def format_job_exec(self, job) -> str:
        return f"cd {shlex.quote(str(Path.cwd()))} && {super().format_job_exec(job)}"
