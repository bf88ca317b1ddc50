//! What only the engines read that AWS runs.

use crate::spec::shape::{Field, Keys, Object, Shape, Zero};
use crate::spec::text;

pub(in crate::spec) const CODE_DEPLOY: Object = Object {
    keys: Keys::AtMostOne(&["appspec", "hooks"]),
    cure: "write `codedeploy: { application: NAME, deploymentGroup: NAME }`",
    fields: &[
        Field::new("application", Shape::Text(&text::CODE_DEPLOY), "The CodeDeploy application's name.")
            .default("the ECS console's `AppECS-CLUSTER-SERVICE`, else the one whose group moves the service"),
        Field::new("deploymentGroup", Shape::Text(&text::CODE_DEPLOY), "The deployment group's name.")
            .default("the ECS console's `DgpECS-CLUSTER-SERVICE`, else the group that moves the service"),
        Field::new(
            "config",
            Shape::Text(&text::CODE_DEPLOY),
            "A traffic configuration of your own; it must move traffic as `strategy` says.",
        )
        .default("the built-in one that is equal to `strategy`, else one that is made for it"),
        Field::new(
            "appspec",
            Shape::Text(&text::FILE),
            "An AppSpec document of your own, relative to this file. Its task definition is filled in.",
        )
        .default("written from the service and the task definition"),
        Field::new(
            "hooks",
            Shape::Object(&LIFECYCLE),
            "Lambda functions, by name or ARN, that CodeDeploy runs at its lifecycle events.",
        ),
    ],
};

const LIFECYCLE: Object = Object {
    keys: Keys::Any,
    cure: "write `hooks: { AfterAllowTestTraffic: FUNCTION }`",
    fields: &[
        Field::new("BeforeInstall", Shape::Text(&text::FUNCTION), "Before the new tasks are made."),
        Field::new("AfterInstall", Shape::Text(&text::FUNCTION), "Once the new tasks stand."),
        Field::new("AfterAllowTestTraffic", Shape::Text(&text::FUNCTION), "Once test traffic reaches the new tasks."),
        Field::new("BeforeAllowTraffic", Shape::Text(&text::FUNCTION), "Before the first share of production traffic."),
        Field::new("AfterAllowTraffic", Shape::Text(&text::FUNCTION), "Once all production traffic has moved."),
    ],
};

pub(in crate::spec) const ECS: Object = Object {
    keys: Keys::Any,
    cure: "write `ecs: { pauseTimeout: 24h }`",
    fields: &[Field::new(
        "pauseTimeout",
        Shape::Duration(Zero::Refused("each pause needs time: 24h is the default, and 1m to 14d are possible")),
        "How long ECS waits at one of our pauses before it rolls back by itself: at least the longest hold and the bake, 1m to 14d in whole minutes.",
    )
    .default("24h")],
};
