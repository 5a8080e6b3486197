"""Every rule finds its bad example and passes its good one: that is what `--explain` shows."""

import pytest

from twelve.audit.codebase import Codebase
from twelve.audit.engine import findings
from twelve.audit.model import ITEMS
from twelve.audit.probes.run import all_probes
from twelve.audit.rules import all_rules

RULES = {rule.id: rule for rule in all_rules()}
CATALOGUE = """
    TF01-no-vcs TF01-multi-app-repo TF01-shared-code TF01-env-branch TF01-vendored-copy
    TF01-build-artifact-committed TF02-no-manifest TF02-no-lockfile TF02-unpinned TF02-lock-drift
    TF02-undeclared-import TF02-shell-out-system-tool TF02-runtime-unpinned TF02-runtime-eol
    TF02-base-image-unpinned TF02-base-image-eol TF02-global-install TF02-curl-pipe-sh TF03-hardcoded-secret
    TF03-known-token TF03-private-key-file TF03-secret-in-log TF03-insecure-default TF03-secret-fallback
    TF03-random-secret-default TF03-debug-on TF03-env-file-committed TF03-example-env-loaded TF03-secret-in-image
    TF03-secret-in-manifest TF03-config-file-required TF03-config-file-written TF03-env-groups
    TF03-env-branch-in-code TF03-platform-sniff TF03-hardcoded-hostname TF03-secret-in-history TF03-env-undocumented
    TF03-env-unused TF04-hardcoded-backing-service TF04-localhost-default TF04-default-endpoint TF04-local-db-file
    TF04-local-vs-remote-branch TF04-embedded-service TF04-split-credentials TF05-no-start-command TF05-build-at-run
    TF05-dev-server TF05-code-mutation-at-run TF05-build-touches-resources TF05-build-needs-config TF05-mutable-tag
    TF05-no-ignore-file TF06-inmemory-session TF06-sticky-session TF06-local-write TF06-local-lock TF06-local-upload
    TF06-compose-volume TF06-module-state TF06-memory-rate-limit TF06-local-cache TF07-external-container
    TF07-no-server-dep TF07-https-self TF07-port-hardcoded TF07-port-other-var TF07-bind-loopback
    TF08-no-process-types TF08-in-web-background TF08-daemonize TF08-nested-supervisor TF08-multi-process-container
    TF08-pidfile TF08-fixed-workers TF09-job-not-reentrant TF09-no-sigterm TF09-sigterm-ignored TF09-shell-form-cmd
    TF09-npm-pid1 TF09-boot-wait-loop TF09-heavy-import TF10-service-version-drift TF10-runtime-drift
    TF10-dev-only-deps-in-prod TF10-no-local-services TF10-sqlite-dev TF10-adapter-divergence TF10-eager-queue
    TF11-file-handler TF11-log-shipping TF11-stdout-opt-in TF11-server-log-to-file TF11-log-file-committed
    TF11-buffered-stdout TF12-http-admin-endpoint TF12-startup-ddl TF12-training-not-declared TF12-migrate-on-boot
    TF12-seed-on-boot TF12-cron-outside TF12-admin-different-env TF12-not-shipped AI01-data-missing
    AI01-data-unversioned AI01-data-in-git AI01-no-seed AI09-retrain-in-web AI09-no-retrain-process
    AI02-model-in-git AI02-model-overwrite AI02-model-unpinned-download AI02-no-checksum AI02-unsafe-pickle
    AI02-lib-version-drift AI04-model-path-hardcoded AI04-no-model-version AI03-train-in-serve AI03-inference-state
    AI05-device-hardcoded AI06-ml-metrics-missing AI06-ml-metrics-partial AI06-ml-metrics-to-file AI07-no-fallback
    AI07-no-timeout AI08-no-rollout
"""
LIVE = """
    AI04-live-version-switch AI04-live-version-missing AI05-live-scale AI06-live-prediction-line AI07-live-model-missing
    AI02-live-tamper AI08-live-split
    TF09-live-job-return
    TF02-live-clean-build TF05-live-repro-build TF10-live-same-release TF03-live-boot-from-env
    TF03-live-missing-config TF03-live-secret-leak TF12-live-oneoff TF07-live-port TF07-live-two-ports
    TF08-live-scale TF08-live-foreground TF05-live-readonly-code TF06-live-write TF06-live-two-instances
    TF06-live-restart TF11-live-log-files TF11-live-stream TF09-live-startup TF09-live-sigterm TF09-live-inflight
    TF09-live-kill9 TF04-live-swap TF04-live-down TF02-live-exec-outside
"""


def hits(rule, files):
    return findings(Codebase.of(files), [rule])


def test_ids_are_unique_and_name_their_item():
    assert len(RULES) == len(all_rules())
    assert all(rule.item in ITEMS for rule in all_rules())


@pytest.mark.parametrize("id_", RULES)
def test_the_bad_example_is_found(id_):
    assert hits(RULES[id_], RULES[id_].bad)


@pytest.mark.parametrize("id_", RULES)
def test_the_good_example_is_not(id_):
    assert not hits(RULES[id_], RULES[id_].good)


@pytest.mark.parametrize("id_", RULES)
def test_it_says_what_and_what_instead(id_):
    rule = RULES[id_]
    assert rule.title.endswith(".")
    assert rule.fix.endswith(".")
    assert rule.bad != rule.good


def test_no_rule_of_the_catalogue_has_gone():
    """Ids are names that people write into ignores and baselines: one that is no more has to be a decision."""
    lost = [id_ for id_ in CATALOGUE.split() if id_ not in RULES]
    assert lost == []


def test_no_probe_of_the_catalogue_has_gone():
    assert {one.id for one in all_probes()} >= set(LIVE.split())
