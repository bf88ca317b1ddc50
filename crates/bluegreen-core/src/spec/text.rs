//! The kinds of text that fields take.

use crate::diagnostic::codes;
use crate::model::{Arn, ListenerArn, RuleArn, TargetGroupArn, TaskDefinitionArn};

/// One kind of text.
#[derive(Debug)]
pub(super) struct TextKind {
    /// Its name in the JSON schema.
    pub name: &'static str,
    /// What it is, as the end of "must be …".
    pub expected: &'static str,
    /// The code for a text that is not of this kind.
    pub code: &'static str,
    /// The whole text as a regular expression that JSON Schema and Rust both understand. No stricter than `check`.
    pub pattern: &'static str,
    /// Whether a text is of this kind, or why it is not and what to write.
    pub check: fn(&str) -> Result<(), Misfit>,
}

/// Why a text does not fit, where there is more to say than that it does not.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Misfit {
    /// The finding; never shown for a text that came from a variable.
    pub message: Option<String>,
    /// What to write.
    pub help: Option<String>,
}

impl Misfit {
    pub(super) fn unless(fits: bool) -> Result<(), Misfit> {
        if fits { Ok(()) } else { Err(Misfit::default()) }
    }

    fn help(help: &str) -> Misfit {
        Misfit { message: None, help: Some(help.to_owned()) }
    }
}

const NAME_PATTERN: &str = "^[A-Za-z0-9][A-Za-z0-9_-]{0,254}$";

pub(super) const SERVICE: TextKind = TextKind {
    name: "name",
    expected: "a name of letters, digits, `-` and `_`, at most 255 long",
    code: codes::BAD_TEXT,
    pattern: NAME_PATTERN,
    check: |text| Misfit::unless(is_name(text)),
};

pub(super) const CLUSTER: TextKind = TextKind {
    name: "cluster",
    expected: "the name or ARN of an ECS cluster",
    code: codes::BAD_TEXT,
    pattern: "^(arn:aws[a-z-]*:ecs:[a-z0-9-]+:[0-9]{12}:cluster/)?[A-Za-z0-9][A-Za-z0-9_-]{0,254}$",
    check: |text| {
        let by_arn = |arn: Arn| arn.service == "ecs" && arn.resource.strip_prefix("cluster/").is_some_and(is_name);
        Misfit::unless(is_name(text) || text.parse().is_ok_and(by_arn))
    },
};

pub(super) const REGION: TextKind = TextKind {
    name: "region",
    expected: "an AWS region such as `eu-west-3`",
    code: codes::BAD_TEXT,
    pattern: "^[a-z]{2,}(-[a-z]+)+-[0-9]{1,2}$",
    check: |text| {
        let parts: Vec<&str> = text.split('-').collect();
        let letters = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase());
        let fits = match parts.split_last() {
            Some((number, words)) if words.len() >= 2 => {
                (1..=2).contains(&number.len())
                    && number.bytes().all(|b| b.is_ascii_digit())
                    && words.iter().all(letters)
                    && words[0].len() >= 2
            }
            _ => false,
        };
        Misfit::unless(fits)
    },
};

pub(super) const ACCOUNT: TextKind = TextKind {
    name: "account",
    expected: "an AWS account of 12 digits, in quotes",
    code: codes::BAD_TEXT,
    pattern: "^[0-9]{12}$",
    check: |text| Misfit::unless(text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())),
};

pub(super) const TARGET_GROUP: TextKind = TextKind {
    name: "targetGroup",
    expected: "the name (at most 32 letters, digits and `-`) or ARN of a target group",
    code: codes::BAD_ARN,
    pattern: "^(arn:aws[a-z-]*:elasticloadbalancing:.*:targetgroup/.+|[A-Za-z0-9]([A-Za-z0-9-]{0,30}[A-Za-z0-9])?)$",
    check: |text| {
        if text.starts_with("arn:") {
            let help = "its ARN looks like arn:aws:elasticloadbalancing:…:targetgroup/NAME/ID";
            return text.parse::<TargetGroupArn>().map(|_| ()).map_err(|_| Misfit::help(help));
        }
        let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        Misfit::unless(plain && (1..=32).contains(&text.len()) && !text.starts_with('-') && !text.ends_with('-'))
    },
};

pub(super) const RULE: TextKind = TextKind {
    name: "listenerRule",
    expected: "the ARN of a listener rule of an application load balancer",
    code: codes::BAD_ARN,
    pattern: "^arn:aws[a-z-]*:elasticloadbalancing:.*:listener-rule/app/.+$",
    check: |text| {
        let help = if text.parse::<ListenerArn>().is_ok() {
            "this is the ARN of a listener: for its default action, put it under `defaultActions` \
             (or `defaultAction` in `test`)"
        } else if other_balancer(text) {
            NO_WEIGHTS
        } else {
            "it looks like arn:aws:elasticloadbalancing:…:listener-rule/app/NAME/LB/LISTENER/RULE"
        };
        text.parse::<RuleArn>().map(|_| ()).map_err(|_| Misfit::help(help))
    },
};

pub(super) const LISTENER: TextKind = TextKind {
    name: "listener",
    expected: "the ARN of a listener of an application load balancer",
    code: codes::BAD_ARN,
    pattern: "^arn:aws[a-z-]*:elasticloadbalancing:.*:listener/app/.+$",
    check: |text| {
        let help = if text.parse::<RuleArn>().is_ok() {
            "this is the ARN of a rule: put it under `rules` (or `listenerRule` in `test`)"
        } else if other_balancer(text) {
            NO_WEIGHTS
        } else {
            "it looks like arn:aws:elasticloadbalancing:…:listener/app/NAME/LB/LISTENER"
        };
        text.parse::<ListenerArn>().map(|_| ()).map_err(|_| Misfit::help(help))
    },
};

const NO_WEIGHTS: &str =
    "this belongs to a network or gateway load balancer, whose listeners this version does not shift";

fn other_balancer(text: &str) -> bool {
    let kinds = [":listener/net/", ":listener/gwy/", ":listener-rule/net/"];
    kinds.iter().any(|kind| text.contains(kind))
}

pub(super) const TASK_DEFINITION: TextKind = TextKind {
    name: "taskDefinition",
    expected: "the ARN of a task definition with its revision",
    code: codes::BAD_ARN,
    pattern: "^arn:aws[a-z-]*:ecs:.*:task-definition/.+:[0-9]+$",
    check: |text| {
        let shape = "it looks like arn:aws:ecs:REGION:ACCOUNT:task-definition/FAMILY:REVISION";
        let arn = text.parse::<TaskDefinitionArn>().map_err(|_| Misfit::help(shape))?;
        let revision = arn.as_str().rsplit(':').next().unwrap_or_default();
        if !revision.is_empty() && revision.bytes().all(|b| b.is_ascii_digit()) {
            return Ok(());
        }
        let message = "this ARN names no revision, so what it means may change during the release";
        Err(Misfit {
            message: Some(message.to_owned()),
            help: Some("add the revision, such as `:42`, to its end".to_owned()),
        })
    },
};

pub(super) const ALARM: TextKind = TextKind {
    name: "alarm",
    expected: "the name of a CloudWatch alarm, 1 to 255 characters",
    code: codes::BAD_TEXT,
    pattern: "^.{1,255}$",
    check: |text| match text.split_once(":alarm:") {
        Some((head, name)) if head.starts_with("arn:") => Err(Misfit {
            message: Some("alarms are given by name, but this is an ARN".to_owned()),
            help: Some(format!("write `{name}`")),
        }),
        _ => Misfit::unless(!text.trim().is_empty() && text.chars().count() <= 255 && !text.contains(char::is_control)),
    },
};

pub(super) const URL: TextKind = TextKind {
    name: "url",
    expected: "a URL that begins with http:// or https://",
    code: codes::BAD_TEXT,
    pattern: "^https?://[^\\s]+$",
    check: |text| {
        let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
        Misfit::unless(rest.is_some_and(|rest| !rest.is_empty() && !unprintable(rest)))
    },
};

pub(super) const FILE: TextKind = TextKind {
    name: "file",
    expected: "the path of a file, relative to this one",
    code: codes::BAD_TEXT,
    pattern: "^.+$",
    check: |text| Misfit::unless(!text.trim().is_empty() && !text.contains('\0')),
};

pub(super) const IMAGE: TextKind = TextKind {
    name: "image",
    expected: "a container image such as `registry/name:tag` or `registry/name@sha256:…`",
    code: codes::BAD_TEXT,
    pattern: "^[A-Za-z0-9][A-Za-z0-9._:/@#-]*$",
    check: |text| {
        let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._:/@#-".contains(&b));
        Misfit::unless(plain && text.starts_with(|c: char| c.is_ascii_alphanumeric()))
    },
};

/// Applications, groups and configurations of CodeDeploy have names of one form.
pub(super) const CODE_DEPLOY: TextKind = TextKind {
    name: "codeDeployName",
    expected: "a name of CodeDeploy: at most 100 letters, digits and `+=,.@_-`",
    code: codes::BAD_TEXT,
    pattern: "^[A-Za-z0-9+=,.@_-]{1,100}$",
    check: |text| {
        let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"+=,.@_-".contains(&b));
        Misfit::unless(plain && (1..=100).contains(&text.len()))
    },
};

pub(super) const FUNCTION: TextKind = TextKind {
    name: "lambdaFunction",
    expected: "the name or ARN of a Lambda function",
    code: codes::BAD_TEXT,
    pattern: "^(arn:aws[a-z-]*:lambda:.+:function:.+|[A-Za-z0-9_-]{1,64})$",
    check: |text| {
        let by_arn = |arn: Arn| arn.service == "lambda" && arn.resource.starts_with("function:");
        let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        Misfit::unless(plain && (1..=64).contains(&text.len()) || text.parse().is_ok_and(by_arn))
    },
};

pub(super) const METRIC: TextKind = TextKind {
    name: "metricName",
    expected: "a name of CloudWatch, 1 to 255 characters",
    code: codes::BAD_TEXT,
    pattern: "^.{1,255}$",
    check: |text| Misfit::unless(is_cloud_watch(text)),
};

pub(super) const NAMESPACE: TextKind = TextKind {
    name: "namespace",
    expected: "a namespace of CloudWatch, such as `AWS/ApplicationELB`",
    code: codes::BAD_TEXT,
    pattern: "^[A-Za-z0-9._/#: -]{1,255}$",
    check: |text| {
        let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._/#: -".contains(&b));
        Misfit::unless(plain && is_cloud_watch(text) && !text.starts_with(':'))
    },
};

/// Averages and percentiles cannot be compared by counts.
pub(super) const STATISTIC: TextKind = TextKind {
    name: "statistic",
    expected: "`Sum`, `SampleCount` or a trimmed count such as `TC(0.8:)`",
    code: codes::BAD_TEXT,
    pattern: r"^(Sum|SampleCount|TC\([0-9.%]*:[0-9.%]*\))$",
    check: |text| {
        let bounds = |text: &str| {
            let (low, high) = text.strip_prefix("TC(")?.strip_suffix(')')?.split_once(':')?;
            let number = |bound: &str| bound.is_empty() || super::shape::number(bound).is_some();
            Some(number(low) && number(high) && low.len() + high.len() > 0)
        };
        if matches!(text, "Sum" | "SampleCount") || bounds(text).unwrap_or(false) {
            return Ok(());
        }
        Err(Misfit::help("only counts can be judged: `TC(0.8:)` counts the values above 0.8"))
    },
};

/// The id of a metric in metric math.
pub(super) const QUERY_ID: TextKind = TextKind {
    name: "queryId",
    expected: "an id that begins with a lower-case letter, such as `m1`",
    code: codes::BAD_TEXT,
    pattern: "^[a-z][A-Za-z0-9_]{0,99}$",
    check: |text| {
        let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        Misfit::unless(plain && text.len() <= 100 && text.starts_with(|c: char| c.is_ascii_lowercase()))
    },
};

pub(super) const MATH: TextKind = TextKind {
    name: "math",
    expected: "an expression of metric math, at most 1024 characters",
    code: codes::BAD_TEXT,
    pattern: "^.{1,1024}$",
    check: |text| Misfit::unless(!text.trim().is_empty() && text.len() <= 1024 && !text.contains(char::is_control)),
};

pub(super) const DIMENSION: TextKind = TextKind {
    name: "dimension",
    expected: "a dimension's value, 1 to 1024 characters",
    code: codes::BAD_TEXT,
    pattern: "^.{1,1024}$",
    check: |text| Misfit::unless(!text.trim().is_empty() && text.len() <= 1024 && !text.contains(char::is_control)),
};

pub(super) const ARGUMENT: TextKind = TextKind {
    name: "argument",
    expected: "text without a null character",
    code: codes::BAD_TEXT,
    pattern: "",
    check: |text| Misfit::unless(!text.contains('\0')),
};

fn is_name(text: &str) -> bool {
    (1..=255).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

fn is_cloud_watch(text: &str) -> bool {
    !text.trim().is_empty() && text.chars().count() <= 255 && text.is_ascii() && !text.contains(char::is_control)
}

fn unprintable(text: &str) -> bool {
    text.contains(|c: char| c.is_control() || c.is_whitespace())
}
