"""Factor IV, for people: what an app has sent to its mail catcher. Nobody else gets to see it."""

from twelve.core.errors import UsageError
from twelve.core.model import Resource
from twelve.flow.platform import Platform
from twelve.stages.services.mails import Mail
from twelve.stages.services.smtp import SmtpProvider


def caught(platform: Platform, resource: Resource) -> list[Mail]:
    """Oldest first."""
    provider = platform.providers[resource.provider]
    if not isinstance(provider, SmtpProvider):
        raise UsageError(f"{resource.name} catches no mails.", hint="`twelve services add smtp` makes one that does.")
    return provider.mails(resource)
