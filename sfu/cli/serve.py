"""`sfu serve`"""

import resource

import uvloop

from sfu import app, config, log
from sfu.cli.options import ConfigFile
from sfu.redact import Pseudonym


def serve(config_file: ConfigFile = None) -> None:
    """Run the server.

    SIGTERM (or Ctrl-C) takes nobody in any more and lets people finish, for as long as server.drain_s says; a second one
    stops at once. SIGHUP reads keys, TLS files, limits and the log level again.
    """
    settings = config.load(config_file)
    log.configure(settings.log.level, settings.log.format)
    if settings.log.key:
        Pseudonym.use_key(settings.log.key)
    _allow_descriptors()
    uvloop.run(app.run(settings, reload=lambda: config.load(config_file)))


def _allow_descriptors() -> None:
    """As many connections as the system lets us have: the usual soft limit of 1,024 is made for programs with select(2)."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
