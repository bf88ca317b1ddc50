//! Who one is: everybody is in the world's one account.

use super::Context;
use crate::node;
use crate::wire::{ApiError, Node, Request};

pub(super) fn serve(context: &mut Context<'_>, request: &Request) -> Result<Node, ApiError> {
    match request.operation.as_str() {
        "GetCallerIdentity" => Ok(caller_identity(context)),
        other => Err(ApiError::not_implemented(request.service, other)),
    }
}

fn caller_identity(context: &Context<'_>) -> Node {
    let (account, name) = (&context.world.config.account, &context.caller.name);
    node! {
        "UserId": format!("AROASANDBOXSANDBOX00:{name}"),
        "Account": account,
        "Arn": format!("arn:aws:sts::{account}:assumed-role/sandbox/{name}"),
    }
}
