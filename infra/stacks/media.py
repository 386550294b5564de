"""Where calls are carried: the network, the media service, and the one function that can reach it."""

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from constructs import Construct

from infra.constructs.layers import Layers
from infra.constructs.media_service import MediaService
from infra.constructs.service_function import ServiceFunction
from infra.platform import Platform
from infra.resources import NODE_GATEWAY


class MediaStack(cdk.Stack):
    """Public subnets for the media nodes, isolated ones for the gateway. No NAT: nodes have addresses of their own."""

    def __init__(self, scope: Construct, name: str, *, platform: Platform, env: cdk.Environment) -> None:
        super().__init__(scope, name, env=env)
        vpc = self._network()
        gateway_group = ec2.SecurityGroup(self, "GatewayGroup", vpc=vpc, description="Node gateway")
        self.node_gateway = ServiceFunction(
            self,
            NODE_GATEWAY,
            platform=platform,
            layers=Layers(self, platform.stage.target),
            vpc=vpc,
            security_groups=[gateway_group],
        )
        self.service = MediaService(self, platform=platform, vpc=vpc, gateway=gateway_group)

    @property
    def availability_zones(self) -> list[str]:
        """The region's first two, found when the template is deployed: CDK would ask the account while synthesising."""
        return [cdk.Fn.select(index, cdk.Fn.get_azs()) for index in range(2)]

    def _network(self) -> ec2.Vpc:
        vpc = ec2.Vpc(
            self,
            "Network",
            ip_addresses=ec2.IpAddresses.cidr("10.40.0.0/16"),
            nat_gateways=0,
            subnet_configuration=[
                ec2.SubnetConfiguration(name="nodes", subnet_type=ec2.SubnetType.PUBLIC, cidr_mask=22),
                ec2.SubnetConfiguration(name="gateway", subnet_type=ec2.SubnetType.PRIVATE_ISOLATED, cidr_mask=26),
            ],
        )
        vpc.add_gateway_endpoint("Table", service=ec2.GatewayVpcEndpointAwsService.DYNAMODB)
        vpc.add_interface_endpoint(
            "Secrets",
            service=ec2.InterfaceVpcEndpointAwsService.SECRETS_MANAGER,
            subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_ISOLATED),
            private_dns_enabled=True,
        )
        return vpc
