"""A mail server for apps that keeps what they send."""

import smtplib
from datetime import UTC, datetime
from email.message import EmailMessage
from uuid import uuid4

import pytest

from twelve.core.model import ConfigVars, Resource
from twelve.stages.services import mails
from twelve.stages.services.smtp import SmtpProvider

pytestmark = pytest.mark.integration


def login(services, details, password=None) -> smtplib.SMTP:
    config = services["smtp"].config("SMTP", details)
    connection = smtplib.SMTP(config["SMTP_HOST"], int(config["SMTP_PORT"]), timeout=5)
    try:
        connection.login(config["SMTP_USER"], password or config["SMTP_PASSWORD"])
    except smtplib.SMTPException:
        connection.close()
        raise
    return connection


def kept(services, details) -> list[mails.Mail]:
    now = datetime.now(UTC)
    return services["smtp"].mails(Resource(uuid4(), uuid4(), "x", "smtp", "smtp", now, now, ConfigVars(details)))


def message(subject: str) -> EmailMessage:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "shop@example.com", "ann@example.com", subject
    mail.set_content("Grüße")
    return mail


def test_a_mail_is_kept_for_the_app_that_sent_it(services, resource):
    first, second = resource("smtp", "smtp-round-1"), resource("smtp", "smtp-round-2")
    with login(services, first) as connection:
        connection.send_message(message("Your order"))
    (mail,) = kept(services, first)
    assert (mail.sender, mail.recipients) == ("shop@example.com", ("ann@example.com",))
    assert mail.message["Subject"] == "Your order"
    assert mail.message.get_content().strip() == "Grüße"
    assert kept(services, second) == []


def test_nobody_sends_without_the_right_password(services, resource):
    first, second = resource("smtp", "smtp-flat-1"), resource("smtp", "smtp-flat-2")
    with pytest.raises(smtplib.SMTPAuthenticationError):
        login(services, first, second["password"])
    config = services["smtp"].config("SMTP", first)
    anonymous = smtplib.SMTP(config["SMTP_HOST"], int(config["SMTP_PORT"]), timeout=5)
    with anonymous, pytest.raises(smtplib.SMTPSenderRefused, match="530"):
        anonymous.send_message(message("spam"))
    assert kept(services, first) == []


def test_only_the_newest_are_kept(services, resource, monkeypatch):
    monkeypatch.setattr(mails, "KEPT", 3)
    details = resource("smtp", "smtp-tall-1")
    with login(services, details) as connection:
        for number in range(5):
            connection.send_message(message(f"Mail {number}"))
    assert [mail.message["Subject"] for mail in kept(services, details)] == ["Mail 2", "Mail 3", "Mail 4"]


def test_it_is_back_under_the_same_address_after_a_restart_of_the_platform(services, resource):
    details = resource("smtp", "smtp-oval-1")
    services["smtp"].release()
    with pytest.raises(ConnectionRefusedError):
        login(services, details)
    following = SmtpProvider(services.settings, mails.Mails(services.database))
    following.ensure_running([details])
    assert following.config("SMTP", details) == services["smtp"].config("SMTP", details)
    with login(services, details) as connection:
        connection.send_message(message("Still here"))
    following.stop()
    services["smtp"].ensure_running([details])
    assert len(kept(services, details)) == 1


def test_a_destroyed_account_is_gone_with_its_mails(services, resource):
    resource("smtp", "smtp-wide-1")  # keeps the server running
    details = services["smtp"].create("smtp-wide-2")
    with login(services, details) as connection:
        connection.send_message(message("Bye"))
    services["smtp"].destroy(details)
    assert kept(services, details) == []
    with pytest.raises(smtplib.SMTPAuthenticationError):
        login(services, details)
    assert set(services["smtp"].config("SMTP", details)) == services["smtp"].keys("SMTP")
