"""Snakemake logger of `make run`: a numbered line for each job; see qaloom.workflow.run_log."""

import logging

from snakemake_interface_logger_plugins.base import LogHandlerBase

from qaloom.workflow.run_log import RunLog


class LogHandler(LogHandlerBase):
    """Prints what a person is to know of Snakemake's records, in place of Snakemake's own lines."""

    writes_to_stream = True
    writes_to_file = needs_rulegraph = False
    has_filter = has_formatter = True

    def __post_init__(self) -> None:
        self.run = RunLog(self.common_settings.dryrun)

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self.run.record(record)
        except Exception:
            self.handleError(record)

    def close(self) -> None:
        self.run.close()
        super().close()
