"""The Fargate service that carries the audio."""

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecr_assets as ecr_assets
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.constructs.needs import grant
from infra.constructs.service_function import environment_of, retention_of
from infra.paths import REPOSITORY
from infra.platform import Platform
from infra.resources import Need

SIP_PORT = 5060
SIP_PORT_STEP = 2
"""A node's next process listens two ports on (`media.settings`)."""
CONTROL_PORT = 8443
CLOSING_SECONDS = 30
"""Of the stop timeout what draining must leave: for the goodbyes at its end (15 s) and the last writes."""
HEALTH_COMMAND = (
    "import ssl,urllib.request as r;"
    f"r.urlopen('https://127.0.0.1:{CONTROL_PORT}/health',timeout=3,context=ssl._create_unverified_context())"
)
"""Asks the node's own health route; its certificate is made by itself, so nothing could verify it."""

COLLECTOR_CONFIG = "/etc/ecs/ecs-default-config.yaml"
"""Part of the collector's image: takes OTLP, hands spans to X-Ray."""
COLLECTOR_ENDPOINT = "http://127.0.0.1:4318"

IMAGE_SOURCES = (
    "media_fargate",
    "layers/shared",
    "requirements/media.txt",
    "requirements/model-conversion.txt",
    "requirements/models.txt",
    "requirements/model-smollm2.txt",
    "infra/__init__.py",
    "infra/embedded/__init__.py",
    "infra/embedded/model_sets.py",
    "infra/embedded/models.py",
)
"""What the Dockerfile copies: a change of anything else makes no new image."""

MEDIA_NEEDS = frozenset(
    {
        Need.TABLE,
        Need.ENCRYPTION,
        Need.CONTROL_SECRET,
        Need.PLATFORM_KEYS,
        Need.ORGANIZATION_KEYS,
    }
)


class MediaService(Construct):
    """Media nodes with public addresses: RTP goes directly between a carrier and a task."""

    def __init__(self, scope: Construct, *, platform: Platform, vpc: ec2.IVpc, gateway: ec2.ISecurityGroup) -> None:
        super().__init__(scope, "Media")
        self._platform = platform
        stage = platform.stage
        self.security_group = self._security_group(vpc, gateway)
        cluster = ecs.Cluster(self, "Cluster", vpc=vpc, container_insights_v2=ecs.ContainerInsights.ENABLED)
        self.task = ecs.FargateTaskDefinition(
            self,
            "Task",
            cpu=stage.media.cpu,
            memory_limit_mib=stage.media.memory_mb,
            runtime_platform=self._runtime(),
        )
        self._log_group = logs.LogGroup(
            self,
            "Logs",
            log_group_name=f"/{stage.prefix}/media",
            retention=retention_of(stage),
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        self._container()
        if stage.trace_collector_image:
            self._collect_traces(stage.trace_collector_image)
        self._allow_scale_in_protection(cluster)
        self.service = ecs.FargateService(
            self,
            "Service",
            cluster=cluster,
            task_definition=self.task,
            desired_count=stage.media.desired_count,
            assign_public_ip=True,
            vpc_subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PUBLIC),
            security_groups=[self.security_group],
            # a new task takes calls before an old one stops; a version that never becomes healthy is taken back
            min_healthy_percent=100,
            max_healthy_percent=200,
            circuit_breaker=ecs.DeploymentCircuitBreaker(rollback=True),
        )

    def _runtime(self) -> ecs.RuntimePlatform:
        arm = self._platform.stage.target.architecture == "arm64"
        return ecs.RuntimePlatform(
            cpu_architecture=ecs.CpuArchitecture.ARM64 if arm else ecs.CpuArchitecture.X86_64,
            operating_system_family=ecs.OperatingSystemFamily.LINUX,
        )

    def _security_group(self, vpc: ec2.IVpc, gateway: ec2.ISecurityGroup) -> ec2.SecurityGroup:
        """SIP comes from the edge, which alone may vouch for a caller's address: never from a carrier."""
        media = self._platform.stage.media
        first, last = media.rtp_ports
        group = ec2.SecurityGroup(self, "SecurityGroup", vpc=vpc, description="Media nodes", allow_all_outbound=True)
        inside, last_sip = ec2.Peer.ipv4(vpc.vpc_cidr_block), SIP_PORT + SIP_PORT_STEP * (media.processes - 1)
        carriers = ec2.Port.udp_range(first, last)
        group.add_ingress_rule(ec2.Peer.any_ipv4(), carriers, "RTP: the media addresses of carriers vary")
        group.add_ingress_rule(inside, ec2.Port.udp_range(SIP_PORT, last_sip), "SIP over UDP from the edge")
        group.add_ingress_rule(inside, ec2.Port.tcp_range(SIP_PORT, last_sip), "SIP over TCP from the edge")
        control = ec2.Port.tcp_range(CONTROL_PORT, CONTROL_PORT + media.processes - 1)
        group.add_ingress_rule(gateway, control, "control, from the node gateway only")
        return group

    def _image(self) -> ecs.ContainerImage:
        stage = self._platform.stage
        if stage.media_image:
            return ecs.ContainerImage.from_registry(stage.media_image)
        arm = stage.target.architecture == "arm64"
        return ecs.ContainerImage.from_asset(
            str(REPOSITORY),
            file="media_fargate/Dockerfile",
            platform=ecr_assets.Platform.LINUX_ARM64 if arm else ecr_assets.Platform.LINUX_AMD64,
            exclude=["*", *(f"!{path}" for path in IMAGE_SOURCES), "**/__pycache__"],
            ignore_mode=cdk.IgnoreMode.DOCKER,
        )

    def _container(self) -> None:
        stage = self._platform.stage
        container = self.task.add_container(
            "media",
            image=self._image(),
            environment=environment_of(stage, "media") | self._addresses() | self._traces() | self._fallbacks(),
            logging=self._logging("media"),
            stop_timeout=cdk.Duration.seconds(stage.media.drain_seconds),
            readonly_root_filesystem=False,
            health_check=ecs.HealthCheck(
                command=["CMD", "python", "-c", HEALTH_COMMAND],
                start_period=cdk.Duration.seconds(60),
                interval=cdk.Duration.seconds(15),
            ),
        )
        grant(self._platform, MEDIA_NEEDS, self.task.task_role, container.add_environment)
        bucket = self._platform.data.recordings
        stores = iam.PolicyStatement(actions=["s3:PutObject"], resources=[bucket.arn_for_objects("*")])
        self.task.add_to_task_role_policy(stores)
        container.add_environment("RECORDINGS_BUCKET", bucket.bucket_name)

    def _logging(self, container: str) -> ecs.LogDriver:
        return ecs.LogDrivers.aws_logs(stream_prefix=container, log_group=self._log_group)

    def _traces(self) -> dict[str, str]:
        stage = self._platform.stage
        endpoint = COLLECTOR_ENDPOINT if stage.trace_collector_image else stage.trace_endpoint
        return {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint} if endpoint else {}

    def _fallbacks(self) -> dict[str, str]:
        fallbacks = self._platform.stage.provider_fallbacks
        return {"PROVIDER_FALLBACKS": fallbacks} if fallbacks else {}

    def _collect_traces(self, image: str) -> None:
        """A collector beside the media container; calls do not depend on it."""
        self.task.add_container(
            "collector",
            image=ecs.ContainerImage.from_registry(image),
            command=[f"--config={COLLECTOR_CONFIG}"],
            essential=False,
            memory_limit_mib=128,
            logging=self._logging("collector"),
        )
        put = ["xray:PutTraceSegments", "xray:PutTelemetryRecords"]
        self.task.add_to_task_role_policy(iam.PolicyStatement(actions=put, resources=["*"]))

    def _addresses(self) -> dict[str, str]:
        media = self._platform.stage.media
        first, last = media.rtp_ports
        return {
            "SIP_LISTEN": f"0.0.0.0:{SIP_PORT}",
            "CONTROL_LISTEN": f"0.0.0.0:{CONTROL_PORT}",
            "RTP_PORTS": f"{first}-{last}",
            "MAX_CALLS": str(media.max_calls_per_process),
            "MEDIA_PROCESSES": str(media.processes),
            "DRAIN_SECONDS": str(media.drain_seconds - CLOSING_SECONDS),
            "SIP_SOURCE_MODE": "edge",
            "SIP_SRTP_IN": self._platform.stage.srtp_in,
        }

    def _allow_scale_in_protection(self, cluster: ecs.Cluster) -> None:
        """A task with calls asks not to be stopped; it may do so for tasks of this cluster only."""
        tasks = cdk.Stack.of(self).format_arn(service="ecs", resource="task", resource_name=f"{cluster.cluster_name}/*")
        self.task.add_to_task_role_policy(
            iam.PolicyStatement(actions=["ecs:UpdateTaskProtection", "ecs:GetTaskProtection"], resources=[tasks])
        )
