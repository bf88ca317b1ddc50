//! A look at the raw answer for members of actions that the SDK's types would drop.
//!
//! `ModifyRule` replaces whole actions. A member that AWS added after this SDK was made would be read by nobody and
//! vanish with the first weight; so its mere presence is reported.

use std::collections::BTreeSet;

/// Every element that the conversions carry over, at whatever depth below `Actions` or `DefaultActions`.
const KNOWN: &[&str] = &[
    "member",
    "Type",
    "Order",
    "TargetGroupArn",
    "ForwardConfig",
    "TargetGroups",
    "Weight",
    "TargetGroupStickinessConfig",
    "Enabled",
    "DurationSeconds",
    "AuthenticateOidcConfig",
    "Issuer",
    "AuthorizationEndpoint",
    "TokenEndpoint",
    "UserInfoEndpoint",
    "ClientId",
    // Never returned by AWS; where an emulator does, it is not kept.
    "ClientSecret",
    "UseExistingClientSecret",
    "SessionCookieName",
    "Scope",
    "SessionTimeout",
    "AuthenticationRequestExtraParams",
    "entry",
    "key",
    "value",
    "OnUnauthenticatedRequest",
    "AuthenticateCognitoConfig",
    "UserPoolArn",
    "UserPoolClientId",
    "UserPoolDomain",
    "RedirectConfig",
    "Protocol",
    "Port",
    "Host",
    "Path",
    "Query",
    "StatusCode",
    "FixedResponseConfig",
    "MessageBody",
    "ContentType",
    "JwtValidationConfig",
    "JwksEndpoint",
    "AdditionalClaims",
    "Format",
    "Name",
    "Values",
];

/// The names of elements inside actions that are not [`KNOWN`].
pub(super) fn unknown_in_actions(xml: &[u8]) -> BTreeSet<String> {
    let text = String::from_utf8_lossy(xml);
    let (mut depth, mut unknown) = (0_usize, BTreeSet::new());
    for tag in tags(&text) {
        let (closing, name) = match tag.strip_prefix('/') {
            Some(name) => (true, name),
            None => (false, tag),
        };
        let list = matches!(name, "Actions" | "DefaultActions");
        match (list, closing) {
            (true, true) => depth = depth.saturating_sub(1),
            (true, false) => depth += 1,
            (false, false) if depth > 0 && !KNOWN.contains(&name) => {
                unknown.insert(name.to_owned());
            }
            (false, _) => {}
        }
    }
    unknown
}

/// The names of all tags, closing ones with their `/`; an element without content counts as an opening one.
fn tags(xml: &str) -> impl Iterator<Item = &str> {
    let parts = xml.split('<').skip(1);
    parts.filter_map(|part| {
        let tag = part.split_once('>')?.0;
        // An empty list opens and closes in one tag and holds nothing.
        if tag.ends_with('/') && (tag.starts_with("Actions") || tag.starts_with("DefaultActions")) {
            return None;
        }
        let tag = tag.split([' ', '\t', '\r', '\n']).next()?.trim_end_matches('/');
        (!tag.is_empty() && !tag.starts_with(['?', '!'])).then_some(tag)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_from_the_future_is_noticed() {
        let xml = "<?xml version=\"1.0\"?><R><Rules><member><IsDefault>false</IsDefault><Actions><member>\
                   <Type>forward</Type><ForwardConfig><TargetGroups><member><Weight>1</Weight><Zone>a</Zone></member>\
                   </TargetGroups><Spill/></ForwardConfig></member></Actions><Later>x</Later></member></Rules></R>";
        let found: Vec<String> = unknown_in_actions(xml.as_bytes()).into_iter().collect();
        assert_eq!(found, ["Spill", "Zone"]);
    }

    #[test]
    fn what_is_known_and_what_lies_outside_actions_passes() {
        let xml = "<R><Listeners><member><DefaultActions><member><Type>redirect</Type></member></DefaultActions>\
                   <Actions/><SslPolicy>x</SslPolicy></member></Listeners></R>";
        assert!(unknown_in_actions(xml.as_bytes()).is_empty());
    }
}
