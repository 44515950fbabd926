"""
Where FakeCluster answers differently from the real API server.

Each entry names a case of the suite (``test_api_*.py``; the test's name, with its parameters but without the server's) that the
fake does not pass. It is expected to fail there: as soon as it passes, the suite fails and the entry must go.
``docs/reference/fake-cluster.md`` tells users the same.
"""

from __future__ import annotations

from typing import NamedTuple


class Difference(NamedTuple):
    """What the fake does, what the real server does, and why it stays so; ``always`` is false where the fake differs sometimes."""

    fake: str
    real: str
    why: str
    always: bool = True


_TO_MEND = "not mended yet"

DIFFERENCES: dict[str, Difference] = {
    "test_a_manager_has_a_longest_name": Difference("accepts any", "422 beyond 128 characters", _TO_MEND),
    "test_a_uid_keeps_what_is_gone_from_being_created": Difference("creates it", "409 uid mismatch", _TO_MEND),
    "test_the_order_of_items_follows_the_configuration": Difference("keeps the live order", "takes the applied order", _TO_MEND),
    "test_a_group_is_there[events.k8s.io]": Difference("lacks it", "serves it", _TO_MEND),
    "test_openapi_v3_is_indexed_by_group_and_version": Difference("401 or 501", "an index", _TO_MEND),
    "test_a_bad_selector_is_a_bad_request[-x=y]": Difference("accepts it", "400", _TO_MEND),
    "test_a_continue_token_of_a_forgotten_version_has_expired": Difference("tokens of its own form", "JSON in base64", _TO_MEND),
    "test_an_expired_list_can_go_on_with_what_is_there_now": Difference("tokens of its own form", "JSON in base64", _TO_MEND),
    "test_a_table_has_columns_and_rows": Difference("other columns", "Name, Data, Age", _TO_MEND),
    "test_a_table_of_deployments": Difference("other columns", "Name, Ready, Up-to-date, Available, Age", _TO_MEND),
    "test_an_object_of_the_wrong_type_is_a_bad_request": Difference("another message", "Go's message", _TO_MEND),
    "test_a_replacement_of_an_old_version_conflicts": Difference("details without group", "details as they come", _TO_MEND),
    "test_a_version_that_is_no_number_is_an_internal_error": Difference("another status", "500", _TO_MEND),
    "test_a_version_on_create_is_refused": Difference("another status", "500", _TO_MEND),
    "test_secret_data_must_be_base64": Difference("accepts it", "400", _TO_MEND),
    "test_one_object_is_served_in_each_version_of_its_kind[autoscaling/v1]": Difference("no conversion", "converts", _TO_MEND),
    "test_json_patch[operations6-None]": Difference("accepts it", "422: no key of a ConfigMap", _TO_MEND),
    "test_replacing_a_missing_key_adds_it": Difference("422 as RFC 6902", "adds it", _TO_MEND),
    "test_a_json_patch_must_be_a_list_of_operations[[1]]": Difference("another status", "400", _TO_MEND),
    "test_a_definition_is_established_before_its_objects_in_one_pass": Difference(
        "a definition that is applied is never established", "it is", _TO_MEND
    ),
    "test_an_unknown_kind_is_deferred_while_the_rest_goes_on_and_taken_up_when_it_is_known": Difference(
        "a definition that is applied is never established", "it is", _TO_MEND
    ),
    "test_objects_go_before_their_definition_and_a_definition_needs_permission": Difference(
        "a definition that is applied is never established", "it is", _TO_MEND
    ),
    "test_a_kind_that_we_may_not_see_is_unknown_and_the_others_go_on": Difference(
        "a user without a role may write a Secret by apply", "403", _TO_MEND
    ),
    "test_no_secret_is_in_what_an_invalid_secret_is_answered_with": Difference("takes any key in data", "422", _TO_MEND),
    "test_a_role_for_one_name_allows_to_list_it": Difference("403", "allows it by the field selector", _TO_MEND),
    "test_a_lease_lasts_longer_than_nothing": Difference("accepts it", "422", _TO_MEND),
    "test_a_structural_schema_needs_types": Difference("accepts it", "422", _TO_MEND),
    "test_a_schema_refuses[spec10-expected10]": Difference("drops the connection", "422", _TO_MEND),
    "test_a_replacement_needs_a_version": Difference("replaces", "422 for custom kinds", _TO_MEND),
    "test_a_namespace_goes_with_its_last_finalizer": Difference("501 for finalize", "lets it go", _TO_MEND),
    "test_some_namespaces_cannot_be_deleted[default]": Difference("deletes it", "403", _TO_MEND),
    "test_some_namespaces_cannot_be_deleted[kube-system]": Difference("deletes it", "403", _TO_MEND),
    "test_some_namespaces_cannot_be_deleted[kube-public]": Difference("deletes it", "403", _TO_MEND),
    "test_the_finalizers_of_a_namespace_are_not_changed_by_an_update": Difference("changes them", "keeps them", _TO_MEND),
    "test_a_config_map_has_a_size": Difference("accepts it", "422 beyond 1 MiB", _TO_MEND),
    "test_a_request_has_a_size": Difference("resets the connection", "413", _TO_MEND, always=False),
    "test_a_bad_key_of_a_config_map_is_invalid[a b]": Difference("accepts it", "422", _TO_MEND),
    "test_a_bad_key_of_a_config_map_is_invalid[a/b]": Difference("accepts it", "422", _TO_MEND),
    "test_a_bad_key_of_a_config_map_is_invalid[]": Difference("accepts it", "422", _TO_MEND),
    "test_a_bad_key_of_a_config_map_is_invalid[key3]": Difference("accepts it", "422", _TO_MEND),
    "test_a_bad_key_of_a_config_map_is_invalid[..]": Difference("accepts it", "422", _TO_MEND),
}
