"""Synthesises a stage into a folder: `python -m infra.embedded.synthesis <folder> <stage>`."""

import sys

import aws_cdk as cdk

from infra.app import build


def main(folder: str, stage: str) -> None:
    """Write the assembly of a stage."""
    application = cdk.App(outdir=folder, context={"stage": stage}, analytics_reporting=False)
    build(application)
    application.synth()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
