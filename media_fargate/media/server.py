"""One media process: `python -m media.server INDEX`, started by the supervisor. Composition and its life's course."""

import asyncio
import gc
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from typing import Any

from aws_lambda_powertools import Logger

from media.audio.vad import MODEL_FILE, SileroWorker
from media.calls.poller import Poller
from media.capacity import Capacity
from media.control.certificate import make_certificate
from media.control.server import ControlError, ControlServer
from media.director import Director
from media.directory import TableDirectory
from media.ecs import EcsTaskProtection, UnknownAddressError, locate
from media.heartbeat import Heartbeat
from media.running_call import CallServices
from media.scale_in import ScaleInProtection, unprotected
from media.session_factory import SessionFactory
from media.settings import MediaEnvironment
from media.speech.interfaces import ProviderError
from media.speech.registry import Providers
from media.supervisor import EXIT_CONFIGURATION
from media.telemetry import Telemetry
from media.telephony.endpoint import EndpointConfig, EndpointError, SipEndpoint
from media.telephony.native_output import divert_native_output
from sovereign.calls import CallStore, EndReason
from sovereign.catalog.defaults import default_configs
from sovereign.kernel import egress, ids
from sovereign.kernel.clock import utc_now
from sovereign.kernel.encryption import Cipher
from sovereign.kernel.observe import logger as process_logger
from sovereign.kernel.secrets import read_secret
from sovereign.kernel.settings import ConfigurationError, read_environment
from sovereign.kernel.table import Table
from sovereign.nodes.model import Node
from sovereign.nodes.store import NodeStore
from sovereign.provider_keys.addresses import base_urls
from sovereign.provider_keys.ring import KeyRing
from sovereign.recordings.storage import Recordings
from sovereign.webhooks.asker import WebhookAsker

__all__ = ["EXIT_REPLACE", "MediaProcess", "main"]

EXIT_REPLACE = 4
"""Exit code of a process that must be replaced: its SIP stack died or can take no new caller numbers, or it could not
find out its address."""
APOLOGY_SECONDS = 15.0
"""How long calls may take to say goodbye after the drain's deadline."""
ABANDON_SECONDS = 5.0
"""What is left for the rows of calls that did not end by then."""
_WATCH_SECONDS = 5.0
_BLOCKING_THREADS = 16

logger = Logger(child=True)


class MediaProcess:
    """Everything one process is made of. `run` returns the exit code."""

    def __init__(self, environment: MediaEnvironment) -> None:
        self._environment = environment
        self._capacity = Capacity(environment.max_calls)
        self._stop = asyncio.Event()
        self._exit_code = 0
        self._node_id = ids.new_id()
        self._executor = ThreadPoolExecutor(_BLOCKING_THREADS, thread_name_prefix="blocking")

    def request_stop(self) -> None:
        """Begin to drain (SIGTERM)."""
        self._stop.set()

    async def run(self) -> int:
        """Serve calls until asked to stop, then drain. Raises EndpointError, ControlError, ConfigurationError."""
        async with AsyncExitStack() as stack:
            stack.callback(self._executor.shutdown, wait=False)
            director, heartbeat = await self._start(stack)
            await self._wait_for_stop()
            await self._drain(director, heartbeat)
        return self._exit_code

    async def _start(self, stack: AsyncExitStack) -> tuple[Director, Heartbeat]:
        environment = self._environment
        secret = await asyncio.to_thread(read_secret, environment.control_secret_id)
        endpoint = self._endpoint = SipEndpoint(self._sip_config(), self._replace_process)
        services = await self._services(stack, endpoint)
        director = Director(services, self._capacity)
        control = ControlServer(node_id=self._node_id, secret=secret, orders=director, capacity=self._capacity)
        address = environment.control_address or environment.control_listen
        certificate = make_certificate(self._node_id, address.host)
        await control.start(environment.control_listen, certificate)
        stack.push_async_callback(control.close)
        await endpoint.start(director.on_invite)
        stack.push_async_callback(endpoint.close)
        heartbeat = await self._beat(stack, director, str(address), certificate.pem)
        # what lives as long as the process need not be looked at again by the collector
        gc.collect()
        gc.freeze()
        logger.info("media_process_ready", node_id=self._node_id, capacity=self._capacity.limit)
        return director, heartbeat

    def _sip_config(self) -> EndpointConfig:
        environment = self._environment
        return EndpointConfig(
            host=environment.sip_listen.host,
            port=environment.sip_listen.port,
            rtp_ports=environment.rtp_ports,
            jitter_ms=environment.sip_jitter_buffer,
            ca_file=environment.sip_ca_file,
            encrypts_calls_in=environment.sip_srtp_in == "offered",
        )

    async def _services(self, stack: AsyncExitStack, endpoint: SipEndpoint) -> CallServices:
        environment = self._environment
        if not (environment.model_cache / MODEL_FILE).is_file():
            raise ConfigurationError("MODEL_CACHE: holds no models; prepare it with `python -m infra.embedded.models`")
        table, cipher, keys = Table(environment.table_name), Cipher(environment.kms_key_id), KeyRing.from_environment()
        calls = CallStore(table, cipher=cipher)
        directory = TableDirectory(table, cipher, calls)
        client = egress.async_client()
        stack.push_async_callback(client.aclose)
        asker = WebhookAsker(client)
        stack.push_async_callback(asker.close)
        detector = SileroWorker(environment.model_cache, self._replace_process)
        stack.callback(detector.close)
        poller = Poller(detector)
        self._run_along(stack, poller.run())
        providers = Providers(keys, environment.model_cache, base_urls())
        await providers.warm_up({config["provider"] for config in default_configs().values()})
        telemetry = Telemetry(environment.otel_exporter_otlp_endpoint, node_id=self._node_id)
        stack.push_async_callback(asyncio.to_thread, telemetry.close)
        sessions = SessionFactory(
            providers=providers,
            detector=detector,
            poller=poller,
            asker=asker,
            calls=calls,
            directory=directory,
            fallbacks=environment.provider_fallbacks,
            report=telemetry.report,
            recordings=Recordings(bucket) if (bucket := environment.recordings_bucket) else None,
            dial_second_leg=endpoint.dial_second_leg,
        )
        return CallServices(
            node_id=self._node_id,
            calls=calls,
            directory=directory,
            asker=asker,
            prepare=sessions.prepare,
            announce=sessions.announce,
            dial=endpoint.dial,
            protect=self._protection(stack),
            executor=self._executor,
            behind_edge=environment.sip_source_mode == "edge",
            ring_timeout_seconds=environment.ring_timeout_seconds,
        )

    def _protection(self, stack: AsyncExitStack) -> Callable[[], Awaitable[object]]:
        """What a call awaits before it is answered or dialled."""
        if self._environment.ecs_agent_uri is None:
            return unprotected
        protection = ScaleInProtection(EcsTaskProtection(self._environment.ecs_agent_uri), self._capacity)
        self._run_along(stack, protection.run())
        return protection.confirm

    async def _beat(self, stack: AsyncExitStack, director: Director, control_address: str, pem: str) -> Heartbeat:
        now = utc_now()
        node = Node(
            node_id=self._node_id,
            control_address=control_address,
            certificate_pem=pem,
            heartbeat_at=now,
            started_at=now,
            capacity=self._capacity.limit,
            sip_address=self._environment.sip_address,
        )
        executor = ThreadPoolExecutor(1, thread_name_prefix="heartbeat")
        stack.callback(executor.shutdown, wait=False)
        lost: set[asyncio.Task[None]] = set()

        def on_lost() -> None:
            task = asyncio.create_task(director.stop_calls(EndReason.SHUTDOWN))
            lost.add(task)
            task.add_done_callback(lost.discard)

        heartbeat = Heartbeat(NodeStore(Table(self._environment.table_name)), node, self._capacity, executor, on_lost)
        await heartbeat.register()
        stack.push_async_callback(heartbeat.stop)
        self._run_along(stack, heartbeat.run())
        return heartbeat

    async def _wait_for_stop(self) -> None:
        while not self._stop.is_set():
            # a number that is outdated is one customer's matter: it costs nobody else this process while they speak
            if self._endpoint.full or (self._endpoint.outdated and not self._capacity.active):
                logger.warning("sip_identities_used_up", full=self._endpoint.full)
                self._exit_code = EXIT_REPLACE
                return
            try:
                async with asyncio.timeout(_WATCH_SECONDS):
                    await self._stop.wait()
            except TimeoutError:
                continue

    async def _drain(self, director: Director, heartbeat: Heartbeat) -> None:
        """Take no more calls, let the running ones end; who was asked to stop ends them at the deadline, with an
        apology, and who replaces itself does not."""
        self._capacity.drain()
        heartbeat.beat_soon()
        logger.info("draining", calls=self._capacity.active)
        await self._idle_or_stopped()
        if not await _within(self._capacity.idle(), self._environment.drain_seconds):
            await director.stop_calls(EndReason.SHUTDOWN)
        if not await _within(director.finished(), APOLOGY_SECONDS):
            logger.error("calls_left_behind", calls=self._capacity.active)
            director.abandon()
            await _within(director.finished(), ABANDON_SECONDS)

    async def _idle_or_stopped(self) -> None:
        waiting = [asyncio.ensure_future(self._capacity.idle()), asyncio.ensure_future(self._stop.wait())]
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waiting:
                task.cancel()

    def _run_along(self, stack: AsyncExitStack, work: Coroutine[Any, Any, None]) -> None:
        """Run something for as long as the process lives; without it the process is of no use."""
        task = asyncio.create_task(work)

        def on_done(done: asyncio.Task[None]) -> None:
            if not done.cancelled():
                logger.critical("background_work_ended", error=type(done.exception()).__name__)
                self._replace_process()

        async def cancel() -> None:
            task.cancel()
            await asyncio.wait({task})

        task.add_done_callback(on_done)
        stack.push_async_callback(cancel)

    def _replace_process(self) -> None:
        self._exit_code = EXIT_REPLACE
        self._stop.set()


async def _within(work: Coroutine[Any, Any, None], seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            await work
    except TimeoutError:
        return False
    return True


async def serve(index: int) -> int:
    """Run media process `index` until SIGTERM or SIGINT; the exit code."""
    environment = await locate(read_environment(MediaEnvironment))
    process = MediaProcess(environment.share(index))
    loop = asyncio.get_running_loop()
    for received in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(received, process.request_stop)
    return await process.run()


def main(arguments: list[str]) -> int:
    """`media.server INDEX`."""
    divert_native_output()
    process_logger()
    index = int(arguments[0]) if arguments else 0
    try:
        return asyncio.run(serve(index))
    except (ConfigurationError, EndpointError, ControlError, ProviderError) as problem:
        sys.stderr.write(f"media: {problem}\n")
        return EXIT_CONFIGURATION
    except UnknownAddressError as problem:
        sys.stderr.write(f"media: {problem}\n")
        return EXIT_REPLACE


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
