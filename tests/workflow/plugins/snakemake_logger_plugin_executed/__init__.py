"""A Snakemake logger that notes the jobs that ran to their end: one JSON line each in $EXECUTED_JOBS."""

import json
import os
from pathlib import Path

from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent


class LogHandler(LogHandlerBase):
    writes_to_stream = writes_to_file = needs_rulegraph = False
    has_filter = has_formatter = True

    def __post_init__(self):
        self.started = {}
        self.notes = Path(os.environ["EXECUTED_JOBS"])

    def emit(self, record):
        event = getattr(record, "event", None)
        if event == LogEvent.JOB_INFO:
            self.started[record.jobid] = [record.rule_name, dict(record.wildcards)]
        elif event == LogEvent.JOB_FINISHED:
            with self.notes.open("a") as stream:
                stream.write(json.dumps(self.started[record.job_id]) + "\n")
