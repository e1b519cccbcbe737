"""README's "Install it in Azure", from an empty settings file to the first deal, with nobody's help."""

from pathlib import Path

import pytest

from tests.support.stages.installation import APP, Installation
from tools.simulators.sellers import SELLERS


@pytest.mark.parametrize("crm", SELLERS)
def test_readme_leads_from_a_fresh_checkout_to_the_first_deal(crm: str, tmp_path: Path) -> None:
    with Installation(crm, tmp_path) as here:
        nothing_works_without_settings(here)
        the_settings_reach_the_function_app(here)
        the_service_user_signs_in(here)
        the_crm_gets_its_columns(here)
        the_doctor_and_the_preview_agree(here)
        the_app_starts(here)
        partner_center_learns_where_to_send_events(here)
        the_first_opportunity_becomes_a_referral(here)
        the_first_event_becomes_a_deal(here)


def nothing_works_without_settings(here: Installation) -> None:
    assert here.cosell("doctor") == 2
    assert "local.settings.sample.json" in here.err
    here.copy_the_sample()
    assert here.cosell("doctor") == 1
    for name in ("PARTNER_CENTER_TENANT_ID", "PARTNER_CENTER_CLIENT_ID", "TOKEN_ENCRYPTION_KEY"):
        assert f"settings: {name}" in here.out


def the_settings_reach_the_function_app(here: Installation) -> None:
    here.fill_in()
    assert here.cosell("settings --for-azure --with-secrets") == 0
    sent = here.folder / "settings.json"
    sent.write_text(here.out)
    command = f"functionapp config appsettings set --name {APP} --resource-group cosell --settings @{sent}"
    assert here.az(command) == 0
    there, local = here.app_settings(), here.local_settings()
    assert {"AzureWebJobsStorage", "CRM_POLL_SCHEDULE", "RECONCILE_SCHEDULE", "SYNC_QUEUE"} <= there.keys()
    assert there["AzureWebJobsStorage"] != local["AzureWebJobsStorage"], "the machine's storage is not the app's"
    assert {name: there[name] for name in here.seller.settings()} == here.seller.settings()


def the_service_user_signs_in(here: Installation) -> None:
    assert here.cosell(f"sign-in --app {APP}") == 0, here.err
    token = here.app_settings()["PARTNER_CENTER_REFRESH_TOKEN"]
    assert token
    assert token not in here.out + here.err


def the_crm_gets_its_columns(here: Installation) -> None:
    writes = here.seller.server.log.count()
    assert here.provision("--dry-run") == 0, here.out
    assert "--apply carries this out" in here.out
    assert here.provision("--apply") == 0, here.out
    assert here.seller.server.log.count() > writes
    assert here.provision("--dry-run") == 0
    assert "Nothing to do" in here.out


def the_doctor_and_the_preview_agree(here: Installation) -> None:
    assert here.cosell(f"doctor --from-app {APP}") == 0, here.out
    for line in ("settings: complete", "DRY_RUN is on", "roots: 1, intermediates are fetched", "nothing is registered"):
        assert line in here.out
    assert here.cosell(f"preview --from-app {APP}") == 0, here.out + here.err
    assert "Nothing was written." in here.out
    assert here.cosell(f"register --from-app {APP} --url https://app.example/api/WebhookReceiver") == 2
    assert "DRY_RUN is on" in here.err


def the_app_starts(here: Installation) -> None:
    command = f"functionapp config appsettings set --name {APP} --resource-group cosell --settings DRY_RUN=false"
    assert here.az(command) == 0
    here.publish()
    assert here.app.load_errors == {}
    assert {"WebhookReceiver", "SyncWorker", "CrmPoller", "Reconciler", "RegisterWebhook"} <= set(here.app.functions)


def partner_center_learns_where_to_send_events(here: Installation) -> None:
    key = here.app.function_keys["WebhookReceiver"]
    assert here.cosell("register --url https://app.example/api/RegisterWebhook", WEBHOOK_RECEIVER_KEY=key) == 2
    issuers = here.vendors.servers["issuers"].log
    assert issuers.count() == 0
    command = f"register --from-app {APP} --url {here.app.url}/api/WebhookReceiver --test-event"
    assert here.cosell(command, WEBHOOK_RECEIVER_KEY=key) == 0, here.out + here.err + here.app.log_text()
    assert "✔ test event" in here.out
    assert key not in here.out + here.err


def the_first_opportunity_becomes_a_referral(here: Installation) -> None:
    record_id = here.seller.opportunity()
    here.poll()
    here.eventually(lambda: here.seller.deal(record_id).sync_status.startswith("✔ Synchronized"))
    referral_id = here.seller.deal(record_id).referral_identifier
    assert here.vendors.partner_center.referral(referral_id)["externalReferenceId"] == record_id


def the_first_event_becomes_a_deal(here: Installation) -> None:
    referral_id = str(here.vendors.partner_center.portal.create_referral()["id"])
    deal = here.eventually(lambda: here.seller.find(referral_id))[0]
    assert deal.sync
    # Nobody gave the app a certificate: it holds one root, and found each authority below it by itself, once.
    bundle = Path(here.app_settings()["WEBHOOK_TRUST_BUNDLE"])
    assert bundle.read_text().count("BEGIN CERTIFICATE") == 1
    fetched = here.vendors.servers["issuers"].log.entries
    assert sorted(entry.path for entry in fetched) == sorted(here.vendors.partner_center.signer.issuers)
    assert {entry.status for entry in fetched} == {200}
    assert here.cosell(f"doctor --from-app {APP}") == 0, here.out
    assert "no event of Partner Center has come yet" not in here.out
