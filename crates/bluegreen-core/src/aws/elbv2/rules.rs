//! Rules that are made and deleted, and whose they are: tags.

use std::collections::BTreeMap;

use aws_sdk_elasticloadbalancingv2::types::{Rule, Tag};

use super::{
    AwsRouter, NAMES_PER_CALL, Unknown, actions, conditions, default_snapshot, failure, outcome, own, rule_snapshot,
};
use crate::aws::convert::{arn, required};
use crate::model::{ListenerArn, RuleArn};
use crate::observe::TaggedRoute;
use crate::ports::{CallError, ErrorClass, NewRule, Outcome};

const DESCRIBE_TAGS: &str = "elbv2:DescribeTags";
const CREATE_RULE: &str = "elbv2:CreateRule";
const DELETE_RULE: &str = "elbv2:DeleteRule";

type Tags = BTreeMap<String, String>;

impl AwsRouter {
    pub(super) async fn tagged(&self, listener: &ListenerArn) -> Result<Vec<TaggedRoute>, CallError> {
        let mut routes = Vec::new();
        for rule in self.rules(&[], Some(listener)).await?.0 {
            if rule.is_default != Some(true) {
                let route = rule_snapshot(&rule, Unknown::Show)?;
                routes.push(TaggedRoute { route, rewrites: rewrites(&rule), tags: Tags::new() });
            }
        }
        let arns: Vec<String> = routes.iter().map(|tagged| tagged.route.id.arn().to_owned()).collect();
        let mut tags = Tagged::new();
        for arns in arns.chunks(NAMES_PER_CALL) {
            tags.extend(self.tags(arns).await?);
        }
        for route in &mut routes {
            let found = tags.remove(route.route.id.arn());
            route.tags = required(DESCRIBE_TAGS, route.route.id.arn(), found)?;
        }
        routes.sort_by_key(|tagged| tagged.route.priority.parse::<u32>().unwrap_or(u32::MAX));
        for listener in self.listeners(std::slice::from_ref(listener), None).await?.0 {
            let route = default_snapshot(&listener, Unknown::Show)?;
            routes.push(TaggedRoute { route, rewrites: false, tags: Tags::new() });
        }
        Ok(routes)
    }

    async fn tags(&self, arns: &[String]) -> Result<Tagged, CallError> {
        let answer = self.reads.describe_tags().set_resource_arns(Some(arns.to_vec())).send().await;
        let found = answer.map_err(|error| failure(DESCRIBE_TAGS, &error))?.tag_descriptions.unwrap_or_default();
        let pair = |tag: Tag| Some((tag.key?, tag.value.unwrap_or_default()));
        let one = |found: aws_sdk_elasticloadbalancingv2::types::TagDescription| {
            Some((found.resource_arn?, found.tags.unwrap_or_default().into_iter().filter_map(pair).collect()))
        };
        Ok(found.into_iter().filter_map(one).collect())
    }

    pub(super) async fn create(&self, rule: &NewRule) -> Outcome<RuleArn> {
        let refused = |what: &str| Outcome::NotApplied(own(CREATE_RULE, ErrorClass::Invalid, what));
        let actions = match rule.actions.iter().map(actions::to_sdk).collect::<Result<Vec<_>, _>>() {
            Ok(actions) => actions,
            Err(error) => return refused(&error.to_string()),
        };
        let conditions = match conditions::from_json(&rule.conditions) {
            Ok(conditions) => conditions,
            Err(error) => return refused(&error),
        };
        let Ok(priority) = i32::try_from(rule.priority) else { return refused("the priority is too large") };
        let tag = |(key, value): (&String, &String)| Tag::builder().key(key).value(value).build();
        let call = self
            .writes
            .create_rule()
            .listener_arn(rule.listener.as_str())
            .priority(priority)
            .set_conditions(Some(conditions))
            .set_actions(Some(actions))
            .set_tags(Some(rule.tags.iter().map(tag).collect()));
        match outcome(CREATE_RULE, call.send().await) {
            Outcome::Applied(made) => {
                let rule = made.rules.unwrap_or_default().into_iter().next();
                // It was made, whatever its name is: only a look can tell.
                arn(CREATE_RULE, "RuleArn", rule.as_ref().and_then(|rule| rule.rule_arn.as_deref()))
                    .map_or_else(Outcome::Unknown, Outcome::Applied)
            }
            Outcome::NotApplied(error) => Outcome::NotApplied(error),
            Outcome::Unknown(error) => Outcome::Unknown(error),
        }
    }

    pub(super) async fn delete(&self, rule: &RuleArn) -> Outcome<()> {
        outcome(DELETE_RULE, self.writes.delete_rule().rule_arn(rule.as_str()).send().await).map(drop)
    }
}

type Tagged = BTreeMap<String, Tags>;

fn rewrites(rule: &Rule) -> bool {
    rule.transforms.as_ref().is_some_and(|transforms| !transforms.is_empty())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::aws::testing::{Answer, Script, xml};
    use crate::model::{Action, ActionKind, Forward, ForwardGroup, GroupStickiness, RouteId, Weight};

    const LISTENER: &str = "arn:aws:elasticloadbalancing:eu-west-3:111122223333:listener/app/shop/50dc/f2f7";
    const RULE: &str = "arn:aws:elasticloadbalancing:eu-west-3:111122223333:listener-rule/app/shop/50dc/f2f7/9683";
    const GROUP: &str = "arn:aws:elasticloadbalancing:eu-west-3:111122223333:targetgroup/blue/1";

    fn rules(more: &str) -> Answer {
        xml(&format!(
            "<DescribeRulesResponse><DescribeRulesResult><Rules>\
             <member><RuleArn>{RULE}d</RuleArn><Priority>default</Priority><IsDefault>true</IsDefault></member>\
             <member><RuleArn>{RULE}</RuleArn><Priority>7</Priority><IsDefault>false</IsDefault>{more}</member>\
             </Rules></DescribeRulesResult></DescribeRulesResponse>"
        ))
    }

    fn tags(arn: &str) -> Answer {
        xml(&format!(
            "<DescribeTagsResponse><DescribeTagsResult><TagDescriptions><member><ResourceArn>{arn}</ResourceArn>\
             <Tags><member><Key>k</Key><Value>v</Value></member></Tags></member></TagDescriptions>\
             </DescribeTagsResult></DescribeTagsResponse>"
        ))
    }

    fn listeners() -> Answer {
        xml(&format!(
            "<DescribeListenersResponse><DescribeListenersResult><Listeners><member><ListenerArn>{LISTENER}</ListenerArn>\
             </member></Listeners></DescribeListenersResult></DescribeListenersResponse>"
        ))
    }

    fn new_rule() -> NewRule {
        let group = |weight| ForwardGroup { arn: GROUP.parse().unwrap(), weight: Weight::try_from(weight).ok() };
        let stickiness = Some(GroupStickiness { enabled: true, duration_seconds: Some(604_800) });
        let forward = Forward { groups: vec![group(1)], stickiness };
        NewRule {
            listener: LISTENER.parse().unwrap(),
            priority: 9,
            conditions: json!([{"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": "X-A", "Values": ["b"]}}]),
            actions: vec![Action { order: None, kind: ActionKind::Forward(forward) }],
            tags: BTreeMap::from([("bluegreen:experiment".to_owned(), "run/0".to_owned())]),
        }
    }

    #[tokio::test]
    async fn routes_come_with_their_tags_and_the_default_action_last() {
        let transforms = "<Transforms><member><Type>url-rewrite</Type></member></Transforms>";
        let script = Script::start(vec![rules(transforms), tags(RULE), listeners()]);
        let read = script.ports().await.router.tagged_routes(&LISTENER.parse().unwrap()).await.unwrap();
        let first = &read[0];
        assert_eq!((first.route.priority.as_str(), first.rewrites, first.tags["k"].as_str()), ("7", true, "v"));
        assert_eq!(read[1].route.id, RouteId::DefaultAction(LISTENER.parse().unwrap()));
        assert_eq!(read.len(), 2);
    }

    #[tokio::test]
    async fn a_rule_whose_tags_are_not_told_is_nobodys() {
        let script = Script::start(vec![rules(""), tags("arn:other"), listeners()]);
        let error = script.ports().await.router.tagged_routes(&LISTENER.parse().unwrap()).await.unwrap_err();
        assert_eq!(error.class, ErrorClass::Malformed);
    }

    #[tokio::test]
    async fn a_rule_is_made_with_all_that_it_needs() {
        let made = format!(
            "<CreateRuleResponse><CreateRuleResult><Rules><member><RuleArn>{RULE}</RuleArn></member></Rules>\
             </CreateRuleResult></CreateRuleResponse>"
        );
        let script = Script::start(vec![xml(&made)]);
        let outcome = script.ports().await.router.create_rule(&new_rule()).await;
        assert_eq!(outcome, Outcome::Applied(RULE.parse().unwrap()));
        let heard = script.heard().remove(0);
        for part in [
            "Action=CreateRule",
            "Priority=9",
            "Conditions.member.1.HttpHeaderConfig.HttpHeaderName=X-A",
            "TargetGroupStickinessConfig.DurationSeconds=604800",
            "Tags.member.1.Key=bluegreen%3Aexperiment",
            "Tags.member.1.Value=run%2F0",
        ] {
            assert!(heard.contains(part), "{part} is missing: {heard}");
        }
    }

    #[tokio::test]
    async fn a_made_rule_without_a_name_is_unknown_and_not_made_again() {
        let script = Script::start(vec![xml("<CreateRuleResponse><CreateRuleResult/></CreateRuleResponse>")]);
        let outcome = script.ports().await.router.create_rule(&new_rule()).await;
        assert!(matches!(&outcome, Outcome::Unknown(error) if error.class == ErrorClass::Malformed), "{outcome:?}");
    }

    #[tokio::test]
    async fn a_condition_that_is_not_understood_is_not_sent() {
        let script = Script::start(vec![xml("")]);
        let rule = NewRule { conditions: json!([{"Field": "moon-phase"}]), ..new_rule() };
        let outcome = script.ports().await.router.create_rule(&rule).await;
        assert!(matches!(&outcome, Outcome::NotApplied(error) if error.message.contains("moon-phase")), "{outcome:?}");
        assert!(script.heard().is_empty());
    }

    #[tokio::test]
    async fn silence_leaves_a_deletion_unknown_and_a_missing_rule_is_told() {
        let script = Script::start(vec![Answer::Silence]);
        let router = script.ports().await.router;
        assert!(matches!(router.delete_rule(&RULE.parse().unwrap()).await, Outcome::Unknown(_)));
        let gone = "<ErrorResponse><Error><Type>Sender</Type><Code>RuleNotFound</Code><Message>no</Message></Error>\
                    </ErrorResponse>";
        let script = Script::start(vec![Answer::Body(400, "text/xml", gone.as_bytes().to_vec())]);
        let outcome = script.ports().await.router.delete_rule(&RULE.parse().unwrap()).await;
        assert!(matches!(&outcome, Outcome::NotApplied(error) if error.class == ErrorClass::NotFound), "{outcome:?}");
    }
}
