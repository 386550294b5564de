"""The SIP stack's user agents: one per identity we dial with, made once, never freed, so counted."""

import asyncio
import hashlib
from collections.abc import Mapping

from baresip.call import Call
from baresip.config import Account
from baresip.errors import BaresipError
from baresip.events import StackEvent
from baresip.runtime import Runtime
from baresip.ua import UserAgent

from media.telephony.addresses import Encryption, TrunkRoute

__all__ = ["CODECS", "DialRefusedError", "TooManyIdentitiesError", "UserAgents"]

CODECS = ("pcmu", "pcma", "g722/16000/1")

_KEYS = "auto"
"""Keys go as telephone-events (RFC 4733); by SIP INFO where the far end takes none, which would lose them unnoticed."""

_ENCRYPTION: Mapping[Encryption, tuple[str, ...]] = {
    "off": (),
    "optional": ("mediaenc=srtp",),
    "required": ("mediaenc=srtp-mand",),
}
"""SDES keys in an offer of plain RTP, which a far end may take or leave; or an offer of SRTP and nothing else."""

MAX_USER_AGENTS = 400
"""The stack has one table of 1,023 handles for user agents and calls and never frees a user agent: past this many
identities the process takes no new ones, so that calls always find a handle."""


class DialRefusedError(Exception):
    """The SIP stack could not send the INVITE; the message holds no number and no address."""


class TooManyIdentitiesError(DialRefusedError):
    """This process has dialled with too many different identities; another one must take the call."""


class UserAgents:
    """Keeps the user agent of each (trunk, caller number); changed trunk settings make a new one."""

    def __init__(self, runtime: Runtime, on_incoming: object, *, limit: int = MAX_USER_AGENTS) -> None:
        self._runtime = runtime
        self._on_incoming = on_incoming
        self._limit = limit
        self._by_identity: dict[bytes, UserAgent] = {}
        self._encrypts: dict[tuple[str, str], bool] = {}
        self._outdated = False
        self._making = asyncio.Lock()

    @property
    def full(self) -> bool:
        """Whether no further identity can be taken: the process is of little use to new calls."""
        return len(self._by_identity) >= self._limit

    @property
    def outdated(self) -> bool:
        """Whether a number has an agent from before its trunk was told to encrypt or not to, which still takes that
        number's calls. Other numbers' calls are not concerned."""
        return self._outdated

    async def listen(self, host: str, transport: str, *, encrypted: bool = False) -> None:
        """Take every call that arrives over a transport, whoever it is for; `encrypted` where the caller offers it."""
        account = Account(
            "sovereign",
            host,
            "",
            reg_interval=0,
            transport=transport,
            audio_codecs=CODECS,
            dtmf_mode=_KEYS,
            extra_params=("catchall=yes", *_ENCRYPTION["optional" if encrypted else "off"]),
        )
        await self._make(account)

    async def dial(
        self, trunk: TrunkRoute, caller: str, uri: str, headers: Mapping[str, str] | None = None
    ) -> tuple[Call, list[StackEvent]]:
        """Send an INVITE as `caller` through a trunk; the call, and what happened to it before it could be listened to.

        Raises DialRefusedError.
        """
        early: list[StackEvent] = []
        try:
            agent = await self._identity(trunk, caller)
            # a near far end answers before the library's call object exists, which would never hear of it
            self._runtime.subscribe(early.append)
            try:
                call = await agent.dial(uri, dict(headers or {}))
            finally:
                self._runtime.unsubscribe(early.append)
        except (BaresipError, ValueError) as refused:
            # the stack's own text can hold the number and the trunk's address
            raise DialRefusedError(f"the call could not be dialled ({type(refused).__name__})") from None
        return call, [event for event in early if event.call == call.handle]

    async def _identity(self, trunk: TrunkRoute, caller: str) -> UserAgent:
        account = _account(trunk, caller)
        # the rendered line holds the password: only its digest is kept as a key
        identity = hashlib.sha256(account.aor().encode()).digest()
        async with self._making:  # two calls at once from a new number share its agent
            agent = self._by_identity.get(identity)
            if agent is None:
                if len(self._by_identity) >= self._limit:
                    raise TooManyIdentitiesError("this process has no room for another caller number")
                agent = await self._make(account)
                self._by_identity[identity] = agent
                encrypts = trunk.srtp != "off"
                self._outdated |= self._encrypts.setdefault((trunk.trunk_id, caller), encrypts) != encrypts
        return agent

    async def _make(self, account: Account) -> UserAgent:
        agent = await UserAgent.create(self._runtime, account, transfer_policy="reject")
        # an INVITE for a number we also dial with goes to that number's agent, not to the catch-all
        agent.on_incoming(self._on_incoming)
        return agent


def _account(trunk: TrunkRoute, caller: str) -> Account:
    proxy = f"{trunk.outbound_proxy};transport={trunk.transport}" if trunk.outbound_proxy else None
    return Account(
        caller,
        trunk.from_domain or trunk.address,
        trunk.auth_password or "",
        registrar=proxy,
        reg_interval=0,
        transport=trunk.transport,
        audio_codecs=CODECS,
        dtmf_mode=_KEYS,
        auth_user=trunk.auth_username or None,
        extra_params=_ENCRYPTION[trunk.srtp],
    )
