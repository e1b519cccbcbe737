"""What infra/ would make: every setting wired, every role that the code needs and no other, no keys, TLS, logs."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from shared.ledger.table_ledger import TABLE
from shared.settings.declaration import declared
from shared.settings.model import Azure
from shared.webhook.receiver import MAX_BODY
from tests.support.bicep import FOLDER, FUNCTIONS, Declared, Expression, Template, read, templates
from tools.admin.settings_files import parameter, with_parameter

ROOT = FOLDER.parent
MAIN, SITE, STORAGE, VAULT = (read(FOLDER / f"{name}.bicep") for name in ("main", "site", "storage", "vault"))
MONITORING = read(FOLDER / "monitoring.bicep")


def resource(template: Template, name: str) -> Declared:
    return next(each for each in template.resources() if each.name == name)


# --- it holds together -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", templates())
def test_a_template_is_grammatical_and_uses_what_it_declares(name: str) -> None:
    template = templates()[name]
    assert template.broken == []
    assert template.used - template.known - FUNCTIONS == set()
    given = {*template.of("parameter"), *template.of("variable")}
    assert given - template.used == set(), "declared and used by nothing"


def test_modules_are_given_what_they_ask_for_and_asked_for_what_they_give() -> None:
    reached = {"main.bicep"}
    for name, template in templates().items():
        for module in template.of("module").values():
            target = templates()[module.type]
            reached.add(module.type)
            wanted = target.of("parameter")
            required = {each.name for each in wanted.values() if each.value is None}
            assert required <= set(module.value["params"]) <= set(wanted), f"{name}: {module.name}"
            text = template.path.read_text()
            assert set(re.findall(rf"\b{module.name}\.outputs\.(\w+)", text)) <= set(target.of("output"))
    assert reached == set(templates())


def test_what_a_template_gives_is_asked_for() -> None:
    text = "".join(file.read_text() for file in FOLDER.glob("*.bicep"))
    for name, template in templates().items():
        module = name.removesuffix(".bicep")
        for output in template.of("output"):
            assert name == "main.bicep" or f"{module}.outputs.{output}" in text, f"{name}: {output}"


def test_azd_finds_the_template_the_service_and_the_next_steps() -> None:
    azd = yaml.safe_load((ROOT / "azure.yaml").read_text())
    assert (ROOT / azd["infra"]["path"] / f"{azd['infra']['module']}.bicep").is_file()
    (service,) = azd["services"]
    assert f"'azd-service-name': '{service}'" in SITE.path.read_text()
    assert (ROOT / azd["services"][service]["project"] / "host.json").is_file()
    for hook in azd["hooks"]["postprovision"].values():
        assert (ROOT / hook["run"].split()[-1]).is_file()


# --- every setting ---------------------------------------------------------------------------------------------------


def test_every_setting_reaches_the_app_in_its_declared_way() -> None:
    names = {way: {each.name for each in declared().values() if each.wiring is way} for way in Azure}
    variables = MAIN.of("variable")
    assert variables["declaredSettings"].value == {each.name: parameter(each) for each in with_parameter()}
    assert set(variables["declaredSettings"].value) == names[Azure.PARAMETER]
    kept = [each.name for each in declared().values() if each.none_when_empty]
    assert variables["keptWhenEmpty"].value == kept
    assert set(variables["secretSettings"].value) == names[Azure.VAULT]
    platform = SITE.of("variable")["platformSettings"].value
    assert set(platform) & {each.name for each in declared().values()} == names[Azure.COMPUTED]
    text = "".join(file.read_text() for file in FOLDER.glob("*.bicep"))
    for name in names[Azure.LEFT_OUT]:
        assert not re.search(rf"\b{name}\b", text), name
    applied = resource(SITE, "appSettings").value["properties"]
    assert all(f"{each}" in applied for each in ("declaredSettings", "secrets", "platformSettings"))


def test_parameters_are_declared_with_their_choices_and_defaults() -> None:
    for setting in with_parameter():
        found = MAIN.of("parameter")[parameter(setting)]
        assert (found.value or "") == (setting.in_azure or setting.default)
        assert (found.value is None) == (setting.required and not setting.default)
        assert all(f"'{choice}'" in found.decorators for choice in setting.kind.choices)
        assert setting.name in found.decorators


def test_azd_supplies_every_parameter_that_has_no_default_and_none_that_is_unknown() -> None:
    supplied = json.loads((FOLDER / "main.parameters.json").read_text())["parameters"]
    wanted = MAIN.of("parameter")
    assert set(supplied) <= set(wanted)
    assert {name for name, each in wanted.items() if each.value is None} <= set(supplied)
    # azd replaces text by text: what is no string needs no place in the file.
    assert all(wanted[name].type == "string" for name in supplied)


def test_no_secret_is_a_parameter() -> None:
    secrets = {parameter(each) for each in declared().values() if each.secret}
    assert not secrets & set(MAIN.of("parameter"))
    text = "".join(file.read_text() for file in FOLDER.glob("*.bicep"))
    assert "@secure" not in text
    begins_with = json.loads((FOLDER / "main.parameters.json").read_text())["parameters"]["vaultSecrets"]["value"]
    listed = begins_with.removeprefix("${VAULT_SECRETS=").removesuffix("}").split(",")
    assert set(listed) <= set(MAIN.of("variable")["secretSettings"].value)
    assert {each.name for each in declared().values() if each.secret and each.required} <= set(listed)


def test_the_first_installation_writes_nothing_and_shows_no_page() -> None:
    assert MAIN.of("parameter")["dryRun"].value == "true"
    assert MAIN.of("parameter")["pages"].value == "off"


# --- whom it trusts, and with what -----------------------------------------------------------------------------------

ROLES = {
    "b7e6dc6d-f1e8-4753-8033-0f276bb0955b": "Storage Blob Data Owner",
    "974c5e8b-45b9-4653-ba55-5f855dd0fb88": "Storage Queue Data Contributor",
    "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3": "Storage Table Data Contributor",
    "b86a8fe4-44ce-4948-aee5-eccb2c155cd7": "Key Vault Secrets Officer",
    "3913510d-42f4-4e42-8a64-420c390055eb": "Monitoring Metrics Publisher",
}
"""Azure's built-in roles, by id (role-based-access-control/built-in-roles)."""


def granted() -> set[tuple[str, str, str]]:
    """Every role assignment: who, on which type of resource, which role."""
    found = set()
    for template in templates().values():
        ids = {name: each.value for name, each in template.of("variable").items() if str(each.value) in ROLES}
        for each in template.resources():
            if each.type.startswith("Microsoft.Authorization/roleAssignments@"):
                named = each.repeated or each.value["properties"]["roleDefinitionId"]
                scope = resource(template, each.value["scope"]).type.partition("@")[0]
                who = each.value["properties"]["principalId"]
                found |= {(who, scope, ROLES[ids[name]]) for name in ids if re.search(rf"\b{name}\b", named)}
    return found


def test_the_identity_has_every_role_that_is_needed_and_no_other() -> None:
    storage, vault, insights = (
        "Microsoft.Storage/storageAccounts",
        "Microsoft.KeyVault/vaults",
        "Microsoft.Insights/components",
    )
    app, admin = "identityPrincipalId", "adminPrincipalId"
    assert granted() == {
        # The host: leases, timers' status, keys, the package.
        (app, storage, "Storage Blob Data Owner"),
        # The host's trigger and poison queue; shared/queue.
        (app, storage, "Storage Queue Data Contributor"),
        # shared/ledger.
        (app, storage, "Storage Table Data Contributor"),
        # References of settings; shared/partner_center/key_vault.py stores the renewed token.
        (app, vault, "Key Vault Secrets Officer"),
        # Telemetry without a key.
        (app, insights, "Monitoring Metrics Publisher"),
        # A person: only where a principal is named; the data roles only with adminMayExamine.
        (admin, vault, "Key Vault Secrets Officer"),
        (admin, storage, "Storage Queue Data Contributor"),
        (admin, storage, "Storage Table Data Contributor"),
    }
    assert MAIN.of("module")["storage"].value["params"]["adminPrincipalId"] == "adminMayExamine ? adminPrincipalId : ''"
    assert MAIN.of("parameter")["adminMayExamine"].value is False
    assert resource(VAULT, "adminRole").condition == "(!empty(adminPrincipalId))"
    assert "empty(adminPrincipalId) ? []" in resource(STORAGE, "adminRoles").repeated


def test_the_documents_name_the_same_roles() -> None:
    text = (ROOT / "docs" / "SECURITY.md").read_text() + (ROOT / "docs" / "INSTALL.md").read_text()
    for role in ROLES.values():
        assert role in text


def test_nothing_is_reached_by_key_or_password() -> None:
    account, site = resource(STORAGE, "account").value["properties"], resource(SITE, "site").value["properties"]
    assert account["allowSharedKeyAccess"] is False
    assert account["allowBlobPublicAccess"] is False
    assert resource(VAULT, "vault").value["properties"]["enableRbacAuthorization"] is True
    assert resource(MONITORING, "insights").value["properties"]["DisableLocalAuth"] is True
    assert resource(MONITORING, "workspace").value["properties"]["features"]["disableLocalAuth"] is True
    for policy in ("noFtpPassword", "noScmPassword"):
        assert resource(SITE, policy).value["properties"] == {"allow": False}
    package = site["functionAppConfig"]["deployment"]["storage"]["authentication"]
    assert package == {"type": "UserAssignedIdentity", "userAssignedIdentityResourceId": "identityId"}
    assert site["keyVaultReferenceIdentity"] == "identityId"
    settings = SITE.of("variable")["platformSettings"].value
    for name in ("AzureWebJobsStorage__clientId", "AZURE_CLIENT_ID"):
        assert settings[name] == "identityClientId"
    assert settings["AzureWebJobsStorage__credential"] == "managedidentity"
    text = "".join(file.read_text() for file in FOLDER.glob("*.bicep"))
    assert not re.search(r"listKeys|AccountKey|SharedAccessSignature|listCredentials", text)


def test_everything_is_reached_by_tls() -> None:
    site = resource(SITE, "site").value["properties"]
    assert site["httpsOnly"] is True
    config = site["siteConfig"]
    assert (config["minTlsVersion"], config["scmMinTlsVersion"], config["ftpsState"]) == ("1.2", "1.2", "Disabled")
    account = resource(STORAGE, "account").value["properties"]
    assert (account["minimumTlsVersion"], account["supportsHttpsTrafficOnly"]) == ("TLS1_2", True)
    host = json.loads((ROOT / "host.json").read_text())["extensions"]["http"]
    assert host["hsts"] == {"isEnabled": True, "maxAge": "365"}


def test_secrets_survive_a_mistake() -> None:
    vault = resource(VAULT, "vault").value["properties"]
    assert (vault["enableSoftDelete"], vault["softDeleteRetentionInDays"], vault["enablePurgeProtection"]) == (
        True,
        90,
        True,
    )


def test_who_looked_at_secrets_and_deals_is_logged() -> None:
    scopes = {
        (name, each.value["scope"])
        for name, template in templates().items()
        for each in template.resources()
        if each.type.startswith("Microsoft.Insights/diagnosticSettings@")
    }
    assert scopes == {("vault.bicep", "vault"), ("storage.bicep", "tables"), ("site.bicep", "site")}
    for template, name in ((VAULT, "accessLog"), (STORAGE, "ledgerLog")):
        assert resource(template, name).value["properties"]["logs"] == [{"categoryGroup": "audit", "enabled": True}]


# --- what people and Partner Center reach ----------------------------------------------------------------------------


def http_functions() -> set[str]:
    found = ((file.parent.name, json.loads(file.read_text())["bindings"]) for file in ROOT.glob("*/function.json"))
    return {name for name, bindings in found if bindings[0]["type"] == "httpTrigger"}


def test_pages_can_be_closed_and_the_receiver_never_is() -> None:
    settings = SITE.of("variable")["platformSettings"].value
    closed = {name.split(".")[1] for name in settings if name.endswith(".Disabled")}
    assert closed == http_functions() - {"WebhookReceiver"}
    assert all(value == "pages == 'off' ? 'true' : 'false'" for name, value in settings.items() if "Disabled" in name)


def test_partner_center_need_not_sign_in_where_people_must() -> None:
    sign_in = resource(SITE, "signIn")
    assert sign_in.condition == "(pages == 'signIn')"
    validation = sign_in.value["properties"]["globalValidation"]
    assert validation["requireAuthentication"] is True
    assert validation["excludedPaths"] == ["/api/WebhookReceiver"]
    binding = json.loads((ROOT / "WebhookReceiver" / "function.json").read_text())["bindings"][0]
    prefix = json.loads((ROOT / "host.json").read_text())["extensions"]["http"]["routePrefix"]
    assert validation["excludedPaths"] == [f"/{prefix}/{binding['route']}"]


def test_the_host_reads_no_more_than_twice_what_the_receiver_takes() -> None:
    assert int(SITE.of("variable")["largestRequest"].value) == 2 * MAX_BODY


def test_a_subnet_closes_storage_and_vault_to_everybody_else() -> None:
    for template, name in ((STORAGE, "account"), (VAULT, "vault")):
        rules = resource(template, name).value["properties"]["networkAcls"]
        assert rules["defaultAction"] == "empty(subnetId) ? 'Allow' : 'Deny'"
        assert isinstance(rules["virtualNetworkRules"], Expression)


# --- names that code and infrastructure share ------------------------------------------------------------------------


def test_queue_and_table_are_those_of_the_code() -> None:
    assert resource(STORAGE, "ledger").value["name"] == TABLE
    assert MAIN.of("module")["storage"].value["params"]["queueName"] == "syncQueue"
    assert resource(STORAGE, "poison").value["name"] == "'${queueName}-poison'"


def test_the_plan_is_flex_with_a_python_that_is_tested() -> None:
    assert resource(SITE, "plan").value["sku"] == {"tier": "FlexConsumption", "name": "FC1"}
    scale = resource(SITE, "site").value["properties"]["functionAppConfig"]["scaleAndConcurrency"]
    assert scale["maximumInstanceCount"] == "maximumInstanceCount"
    assert MAIN.of("parameter")["maximumInstanceCount"].value == 40
    text = SITE.path.read_text()
    # Flex Consumption refuses these, or they belong to another plan.
    for name in ("FUNCTIONS_WORKER_RUNTIME", "WEBSITE_RUN_FROM_PACKAGE", "WEBSITE_CONTENT", "linuxFxVersion", "ORYX"):
        assert name not in text
    suite = (Path(ROOT) / "pyproject.toml").read_text()
    assert 'requires-python = ">=3.11"' in suite
    assert "['3.11', '3.12', '3.13']" in MAIN.of("parameter")["pythonVersion"].decorators
