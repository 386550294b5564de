"""The two layers under every function."""

from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.assets import dependencies_folder, shared_folder
from infra.stage import LambdaTarget


def runtime_of(target: LambdaTarget) -> lambda_.Runtime:
    """The Lambda runtime of an interpreter version."""
    return lambda_.Runtime(
        f"python{target.python}", lambda_.RuntimeFamily.PYTHON, supports_snap_start=target.snap_start
    )


def architecture_of(target: LambdaTarget) -> lambda_.Architecture:
    """The Lambda processor of a target."""
    return lambda_.Architecture.ARM_64 if target.architecture == "arm64" else lambda_.Architecture.X86_64


class Layers(Construct):
    """`shared` holds the domain (`sovereign`), `dependencies` the locked wheels. One pair in each stack that needs it:
    a layer shared across stacks could not be replaced while another stack still imports it."""

    def __init__(self, scope: Construct, target: LambdaTarget) -> None:
        super().__init__(scope, "Layers")
        self.dependencies = self._layer("Dependencies", str(dependencies_folder(target)), target)
        self.shared = self._layer("Shared", str(shared_folder()), target)

    def _layer(self, name: str, folder: str, target: LambdaTarget) -> lambda_.LayerVersion:
        return lambda_.LayerVersion(
            self,
            name,
            code=lambda_.Code.from_asset(folder),
            compatible_runtimes=[runtime_of(target)],
            compatible_architectures=[architecture_of(target)],
        )
