"""`spa2v check`: everything that is wrong with a configuration, at once."""

from __future__ import annotations

import typer

from spa2v.cli import options as opt


def check(overrides: opt.Overrides = None, config: opt.Sources = None, quiet: opt.Quiet = False) -> None:
    from spa2v.core.errors import ConfigError, counted

    pipeline = opt.pipeline(config, overrides)
    problems = pipeline.check()
    if problems:
        things = counted(len(problems), "thing is", "things are")
        raise ConfigError(f"{things} wrong with the config", *(str(problem) for problem in problems))
    for where, _, choice in pipeline.config.choices():
        typer.echo(f"{where}: {choice.name} {dict(choice.options) or ''}".rstrip())
    opt.say("the config is fine")
