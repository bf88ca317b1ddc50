//! Amazon resource names, checked for the kind of thing they name.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A resource name in its six parts: `arn:partition:service:region:account:resource`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Arn {
    /// `aws`, `aws-cn`, `aws-us-gov`, `aws-iso` …: any partition is taken.
    pub partition: String,
    /// The service's namespace, such as `ecs`.
    pub service: String,
    /// The region, such as `eu-west-3`; empty for global services.
    pub region: String,
    /// Twelve digits; empty for some services.
    pub account: String,
    /// All that follows the fifth colon.
    pub resource: String,
}

/// Why a text is not the resource name that was expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArnError {
    /// It lacks the six parts.
    #[error("`{0}` is not an ARN: expected arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE")]
    Shape(String),
    /// It names another kind of thing.
    #[error("`{found}` is not the ARN of a {expected}: expected {pattern}")]
    Kind {
        /// What stood there.
        found: String,
        /// The kind that was expected, in words.
        expected: &'static str,
        /// How such an ARN looks.
        pattern: &'static str,
    },
}

impl FromStr for Arn {
    type Err = ArnError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let shape = || ArnError::Shape(text.to_owned());
        let mut parts = text.splitn(6, ':');
        let mut next = || parts.next().map(str::to_owned).ok_or_else(shape);
        let (head, partition, service, region, account, resource) =
            (next()?, next()?, next()?, next()?, next()?, next()?);
        let known = head == "arn" && (partition == "aws" || partition.starts_with("aws-"));
        let account_fits = account.is_empty() || (account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit()));
        if !known || service.is_empty() || resource.is_empty() || !account_fits {
            return Err(shape());
        }
        Ok(Arn { partition, service, region, account, resource })
    }
}

impl fmt::Display for Arn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Arn { partition, service, region, account, resource } = self;
        write!(f, "arn:{partition}:{service}:{region}:{account}:{resource}")
    }
}

macro_rules! arn_kind {
    ($(#[$doc:meta])* $name:ident, $service:literal, [$($prefix:literal),+], $expected:literal, $pattern:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The whole name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The six parts.
            pub fn parts(&self) -> Arn {
                let mut parts = self.0.splitn(6, ':').skip(1).map(str::to_owned);
                let mut next = || parts.next().unwrap_or_default();
                Arn { partition: next(), service: next(), region: next(), account: next(), resource: next() }
            }
        }

        impl FromStr for $name {
            type Err = ArnError;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let kind = ArnError::Kind { found: text.to_owned(), expected: $expected, pattern: $pattern };
                let arn: Arn = text.parse()?;
                let prefixes: &[&str] = &[$($prefix),+];
                if arn.service != $service || !prefixes.iter().any(|prefix| arn.resource.starts_with(prefix)) {
                    return Err(kind);
                }
                Ok(Self(text.to_owned()))
            }
        }

        impl TryFrom<String> for $name {
            type Error = ArnError;
            fn try_from(text: String) -> Result<Self, Self::Error> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(arn: $name) -> String {
                arn.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

arn_kind!(
    /// A target group.
    TargetGroupArn, "elasticloadbalancing", ["targetgroup/"], "target group",
    "arn:aws:elasticloadbalancing:REGION:ACCOUNT:targetgroup/NAME/ID"
);
arn_kind!(
    /// A rule of an application load balancer's listener.
    RuleArn, "elasticloadbalancing", ["listener-rule/app/"], "listener rule",
    "arn:aws:elasticloadbalancing:REGION:ACCOUNT:listener-rule/app/NAME/LB/LISTENER/RULE"
);
arn_kind!(
    /// A listener of an application load balancer.
    ListenerArn, "elasticloadbalancing", ["listener/app/"], "listener",
    "arn:aws:elasticloadbalancing:REGION:ACCOUNT:listener/app/NAME/LB/LISTENER"
);
arn_kind!(
    /// A load balancer.
    LoadBalancerArn, "elasticloadbalancing", ["loadbalancer/"], "load balancer",
    "arn:aws:elasticloadbalancing:REGION:ACCOUNT:loadbalancer/app/NAME/ID"
);
arn_kind!(
    /// One revision of a task definition.
    TaskDefinitionArn, "ecs", ["task-definition/"], "task definition",
    "arn:aws:ecs:REGION:ACCOUNT:task-definition/FAMILY:REVISION"
);

impl TargetGroupArn {
    /// The group's name.
    pub fn name(&self) -> &str {
        self.0.split('/').nth(1).unwrap_or_default()
    }

    /// The value of CloudWatch's `TargetGroup` dimension: `targetgroup/NAME/ID`.
    pub fn dimension(&self) -> &str {
        self.0.rsplit(':').next().unwrap_or_default()
    }
}

impl LoadBalancerArn {
    /// The value of CloudWatch's `LoadBalancer` dimension: `app/NAME/ID`.
    pub fn dimension(&self) -> &str {
        self.0.split_once("loadbalancer/").map_or("", |(_, tail)| tail)
    }
}

impl ListenerArn {
    /// The load balancer that the listener belongs to.
    pub fn load_balancer(&self) -> LoadBalancerArn {
        let text = self.0.replacen(":listener/", ":loadbalancer/", 1);
        let cut = text.rfind('/').unwrap_or(text.len());
        LoadBalancerArn(text[..cut].to_owned())
    }
}

impl RuleArn {
    /// The listener that the rule belongs to.
    pub fn listener(&self) -> ListenerArn {
        let text = self.0.replacen(":listener-rule/", ":listener/", 1);
        let cut = text.rfind('/').unwrap_or(text.len());
        ListenerArn(text[..cut].to_owned())
    }
}

impl TaskDefinitionArn {
    /// `family:revision`.
    pub fn short(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }

    /// The family without the revision.
    pub fn family(&self) -> &str {
        self.short().split(':').next().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: &str = "arn:aws-cn:elasticloadbalancing:cn-north-1:111122223333:listener-rule/app/shop/50dc/f2f7/9683";

    #[test]
    fn a_rule_knows_its_listener_in_every_partition() {
        let rule: RuleArn = RULE.parse().unwrap();
        assert_eq!(
            rule.listener().as_str(),
            "arn:aws-cn:elasticloadbalancing:cn-north-1:111122223333:listener/app/shop/50dc/f2f7"
        );
        assert_eq!(rule.parts().partition, "aws-cn");
    }

    #[test]
    fn a_listener_knows_its_load_balancer() {
        let listener: ListenerArn =
            "arn:aws-cn:elasticloadbalancing:cn-north-1:111122223333:listener/app/shop/50dc/f2f7".parse().unwrap();
        let balancer = listener.load_balancer();
        assert_eq!(balancer.dimension(), "app/shop/50dc");
        assert_eq!(balancer.as_str().parse(), Ok(balancer.clone()));
    }

    #[test]
    fn a_listener_is_no_rule() {
        let text = RULE.replacen("listener-rule", "listener", 1);
        let error = text.parse::<RuleArn>().unwrap_err();
        assert!(error.to_string().contains("is not the ARN of a listener rule"), "{error}");
        assert!("arn:aws:ecs".parse::<RuleArn>().is_err());
        assert!("arn:aws:ecs:eu-west-3:12:task-definition/x:1".parse::<TaskDefinitionArn>().is_err());
    }

    #[test]
    fn dimensions_are_arn_tails() {
        let group: TargetGroupArn =
            "arn:aws:elasticloadbalancing:eu-west-3:111122223333:targetgroup/front/73e2".parse().unwrap();
        assert_eq!((group.name(), group.dimension()), ("front", "targetgroup/front/73e2"));
        let lb: LoadBalancerArn =
            "arn:aws:elasticloadbalancing:eu-west-3:111122223333:loadbalancer/app/shop/50dc".parse().unwrap();
        assert_eq!(lb.dimension(), "app/shop/50dc");
    }
}
