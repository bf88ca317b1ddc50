//! The limits of the account.

use super::paged;
use crate::node;
use crate::services::Context;
use crate::wire::{ApiError, Input, Node};

pub(super) fn describe(context: &mut Context<'_>, input: &Input) -> Result<Node, ApiError> {
    let quotas = &context.world.config.quotas;
    let limits = [
        ("application-load-balancers", quotas.balancers),
        ("certificates-per-application-load-balancer", 25),
        ("condition-values-per-alb-rule", 5),
        ("condition-wildcards-per-alb-rule", 5),
        ("listeners-per-application-load-balancer", quotas.listeners_per_balancer),
        ("rules-per-application-load-balancer", quotas.rules_per_balancer),
        ("target-groups", quotas.groups),
        ("target-groups-per-action-on-application-load-balancer", quotas.groups_per_action),
        ("target-groups-per-application-load-balancer", quotas.groups_per_balancer),
        ("targets-per-application-load-balancer", 1_000),
        ("targets-per-target-group", 1_000),
    ];
    let item = |(name, most): (&str, usize)| (name.to_owned(), node! { "Name": name, "Max": most.to_string() });
    paged(context.world, input, "Limits", limits.into_iter().map(item).collect())
}
