//! What single values cannot tell: pairs, places, and references between parts of a spec.

mod analysis;
mod control;
mod needs;

use super::read::{at, items, parsed, test_route_id, timing, word};
use super::shape::list;
use super::suggest::nearest;
use super::text::{self, TextKind};
use crate::diagnostic::{Diagnostic, Place, codes, printable};
use crate::document::{Node, Plain, Scalar};
use crate::model::{Arn, ListenerArn, RouteId, RuleArn, TargetGroupArn, duration};

/// The placeholders of hooks.
const PLACEHOLDERS: [&str; 4] = ["testUrl", "run", "color", "taskDefinition"];

/// Checks everything that concerns more than one value.
pub(super) fn check(root: &Node, environment: Option<&str>, meant: &[&str]) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    findings.extend(different(at(root, &["fleet", "services"]), "ECS service"));
    findings.extend(different(at(root, &["traffic", "targetGroups"]), "target group"));
    findings.extend(control::check(root, meant));
    findings.extend(needs::check(root, meant));
    findings.extend(root.get("taskDefinition").and_then(|node| task_definition(node, meant)));
    findings.extend(places(root, environment));
    findings.extend(root.get("traffic").map(routes).unwrap_or_default());
    findings.extend(alarms(root, meant));
    findings.extend(root.get("timing").map(times).unwrap_or_default());
    findings.extend(hooks(root));
    findings.extend(analysis::check(root, meant));
    findings
}

fn different(pair: Option<&Node>, kind: &str) -> Option<Diagnostic> {
    let (blue, green) = (pair?.get("blue")?, pair?.get("green")?);
    if green.is_null() || !same(blue.text()?, green.text()?) {
        return None;
    }
    let message = format!("blue and green are the same {kind}");
    let help = format!("name two: a release moves traffic from one {kind} to the other");
    Some(Diagnostic::error(codes::SAME_FLEET, message).at(green.place).help(help))
}

/// Whether two names or ARNs mean the same thing. A target group's name is unique in its account and region, so that
/// a name and an ARN can be compared too.
fn same(one: &str, other: &str) -> bool {
    let name = |text: &str| text.parse::<TargetGroupArn>().ok().map(|arn| arn.name().to_owned());
    match (name(one), name(other)) {
        (Some(_), Some(_)) | (None, None) => one == other,
        (Some(name), None) => name == other,
        (None, Some(name)) => name == one,
    }
}

fn task_definition(node: &Node, meant: &[&str]) -> Option<Diagnostic> {
    let entries = node.entries()?;
    match (node.get("file"), node.get("arn"), node.entry("images")) {
        (None, None, None) if !["file", "arn", "images"].iter().any(|key| meant.contains(key)) => {
            let place = entries.first().map_or(node.place, |(key, _)| key.place);
            let message = "`taskDefinition` names nothing to release";
            let help = "give a `file`, the `arn` of a revision, or `images` to set in a copy of the live definition";
            Some(Diagnostic::error(codes::NOTHING_TO_RELEASE, message).at(place).help(help))
        }
        (_, Some(_), Some((images, _))) => {
            let message = "a registered revision is released as it is, so `images` has no effect beside `arn`";
            let help = "remove `images`, or give the definition as a `file`";
            Some(Diagnostic::error(codes::IMAGES_OF_ARN, message).at(images.place).help(help))
        }
        _ => None,
    }
}

/// Takes one part out of an ARN.
type Part = fn(&Arn) -> &String;

/// Something that names a partition, region or account.
struct Named<'a> {
    node: &'a Node,
    value: String,
}

/// Every ARN must be of the environment's region and account, and of one partition.
fn places(root: &Node, environment: Option<&str>) -> Vec<Diagnostic> {
    let settings = environment.and_then(|name| at(root, &["environments", name]));
    // A value that is wrong in itself has been reported: nothing can be compared with it.
    let setting = |key, kind: &TextKind| {
        let node = settings?.get(key)?;
        let scalar = node.scalar().filter(|scalar| scalar.plain() == Plain::String || scalar.quoted)?;
        (kind.check)(&scalar.text).ok()?;
        Some(Named { node, value: scalar.text.clone() })
    };
    let nodes = arns(root, settings);
    let parts: [(&str, Option<Named<'_>>, Part); 3] = [
        ("account", setting("account", &text::ACCOUNT), |arn| &arn.account),
        ("region", setting("region", &text::REGION), |arn| &arn.region),
        ("partition", None, |arn| &arn.partition),
    ];
    let mut findings = Vec::new();
    for (what, setting, part) in parts {
        let by_environment = setting.is_some();
        let first = || nodes.first().map(|(node, arn)| Named { node, value: part(arn).clone() });
        let Some(expected) = setting.or_else(first) else { continue };
        for (node, arn) in nodes.iter().filter(|(_, arn)| *part(arn) != expected.value) {
            findings.push(foreign(node, what, part(arn), &expected, by_environment));
        }
    }
    findings
}

fn foreign(node: &Node, what: &str, found: &str, expected: &Named<'_>, by_environment: bool) -> Diagnostic {
    let secret = |node: &Node| node.scalar().is_some_and(Scalar::substituted);
    let found = if secret(node) { format!("another {what}") } else { format!("{what} `{}`", printable(found)) };
    let line = expected.node.place.line;
    let wanted = match (by_environment, secret(expected.node)) {
        (true, true) => format!("the environment says `{}`", shown(expected.node)),
        (true, false) => format!("the environment says `{}`", printable(&expected.value)),
        (false, true) => format!("the one on line {line} is of another"),
        (false, false) => format!("the one on line {line} is of `{}`", printable(&expected.value)),
    };
    let help = if by_environment {
        "is this the ARN of another environment? A variable such as ${RULE_ARN} can hold one for each"
    } else {
        "all parts of a release are in one account and region"
    };
    Diagnostic::error(codes::ELSEWHERE, format!("this ARN is of {found}, but {wanted}")).at(node.place).help(help)
}

/// All ARNs of a spec that apply to the environment.
fn arns<'a>(root: &'a Node, settings: Option<&'a Node>) -> Vec<(&'a Node, Arn)> {
    let traffic = |path: &[&str]| root.get("traffic").and_then(|node| at(node, path));
    let single = [
        settings.and_then(|node| node.get("cluster")),
        at(root, &["taskDefinition", "arn"]),
        traffic(&["targetGroups", "blue"]),
        traffic(&["targetGroups", "green"]),
        traffic(&["targetGroups", "control"]),
        traffic(&["test", "listenerRule"]),
        traffic(&["test", "defaultAction"]),
    ];
    let listed = items(traffic(&["rules"])).iter().chain(items(traffic(&["defaultActions"])));
    let all = single.into_iter().flatten().chain(listed);
    all.filter_map(|node| Some((node, parsed::<Arn>(Some(node))?))).collect()
}

fn routes(traffic: &Node) -> Vec<Diagnostic> {
    let rules = items(traffic.get("rules")).iter();
    let rules = rules.filter_map(|node| Some((node, RouteId::Rule(parsed::<RuleArn>(Some(node))?))));
    let defaults = items(traffic.get("defaultActions")).iter();
    let defaults = defaults.filter_map(|node| Some((node, RouteId::DefaultAction(parsed::<ListenerArn>(Some(node))?))));
    let mut all: Vec<(&Node, RouteId)> = rules.chain(defaults).collect();
    let mut findings = Vec::new();

    let test = traffic.get("test");
    if let Some((node, route)) = test.and_then(|test| {
        let node = test.get("listenerRule").or_else(|| test.get("defaultAction"))?;
        Some((node, test_route_id(test)?))
    }) {
        if let Some((production, _)) = all.iter().find(|(_, other)| *other == route) {
            let message = format!("this test route also carries production traffic (line {})", production.place.line);
            let help = "give smoke tests a rule or listener of their own";
            findings.push(Diagnostic::error(codes::TEST_ROUTE, message).at(node.place).help(help));
        }
        all.push((node, route));
    }
    let Some((first, balancer)) = all.first().map(|(node, route)| (*node, load_balancer(route))) else {
        return findings;
    };
    for (node, _) in all.iter().filter(|(_, route)| load_balancer(route) != balancer) {
        let message = format!("this is on another load balancer than the one on line {}", first.place.line);
        let help = "a target group belongs to one load balancer, so all routes of a pair are on the same one";
        findings.push(Diagnostic::error(codes::TWO_BALANCERS, message).at(node.place).help(help));
    }
    findings
}

/// `app/NAME/ID`.
fn load_balancer(route: &RouteId) -> String {
    let resource = route.listener().parts().resource;
    resource.split('/').skip(1).take(3).collect::<Vec<_>>().join("/")
}

fn alarms(root: &Node, meant: &[&str]) -> Vec<Diagnostic> {
    let alarms = items(root.get("alarms"));
    let mut findings = Vec::new();
    let none = root.get("alarms").is_none_or(|node| node.items().is_some_and(<[Node]>::is_empty));
    let judged = root.get("analysis").is_some();
    if none && !judged && root.entries().is_some() && !meant.contains(&"alarms") {
        let message = "no alarms: nothing rolls back by itself";
        let help = "name the CloudWatch alarms that show a bad version, such as `alarms: [frontend-5xx]`";
        let finding = Diagnostic::warning(codes::NO_ALARMS, message).help(help);
        findings.push(match root.entry("alarms") {
            Some((key, _)) => finding.at(key.place),
            None => finding,
        });
    }
    let names: Vec<&str> = alarms.iter().filter_map(Node::text).collect();
    for item in items(at(root, &["alarmPolicy", "allowRed"])) {
        let Some(name) = item.text().filter(|name| !names.contains(name)) else { continue };
        let message = format!("`{}` may be red at the start, but is not among `alarms`", shown(item));
        // Nothing about a value that a variable gave, not even what it resembles.
        let plain = item.scalar().is_some_and(|scalar| !scalar.substituted());
        let candidates = alarms.iter().filter(|alarm| plain && alarm.scalar().is_some_and(|s| !s.substituted()));
        let near = nearest(name, candidates.filter_map(Node::text));
        let help = match near {
            Some(near) => format!("did you mean `{}`?", printable(near)),
            None => "add it to `alarms`, or remove it here".to_owned(),
        };
        findings.push(Diagnostic::error(codes::UNKNOWN_ALARM, message).at(item.place).help(help));
    }
    findings
}

fn times(node: &Node) -> Vec<Diagnostic> {
    let timing = timing(Some(node));
    let pairs = [
        ("freshness", timing.freshness, "poll", timing.poll, "a reading would be too old before the next one is taken"),
        ("phaseDeadline", timing.phase_deadline, "poll", timing.poll, "a phase would end before it is looked at twice"),
        ("phaseDeadline", timing.phase_deadline, "stableFor", timing.stable_for, "no canary could ever be believed"),
    ];
    let mut findings = Vec::new();
    for (key, time, other, least, why) in pairs {
        if time >= least || time.is_zero() {
            continue;
        }
        // Point at what the user wrote: at least one of the two is no default.
        let Some(place) = node.get(key).or_else(|| node.get(other)).map(|node| node.place) else { continue };
        let hidden =
            [key, other].iter().any(|key| node.get(key).and_then(Node::scalar).is_some_and(Scalar::substituted));
        let message = if hidden {
            format!("`{key}` is shorter than `{other}`: {why}")
        } else {
            let (time, least) = (duration::format(time), duration::format(least));
            format!("`{key}` ({time}) is shorter than `{other}` ({least}): {why}")
        };
        let help = format!("make `{key}` at least as long as `{other}`");
        findings.push(Diagnostic::error(codes::TIMING, message).at(place).help(help));
    }
    findings
}

fn hooks(root: &Node) -> Vec<Diagnostic> {
    let test_url = word(at(root, &["traffic", "test", "url"])).is_some();
    let mut findings = Vec::new();
    for hook in items(at(root, &["hooks", "preTraffic"])) {
        let argv = items(if hook.items().is_some() { Some(hook) } else { hook.get("argv") });
        for (i, argument) in argv.iter().enumerate() {
            let Some(scalar) = argument.scalar() else { continue };
            if i == 0 && scalar.text.trim().is_empty() {
                let finding = Diagnostic::error(codes::BAD_TEXT, "a command needs the name of a program");
                findings.push(finding.at(argument.place).help("write a program and its arguments: [\"./smoke.sh\"]"));
            }
            findings.extend(placeholders(scalar, argument.place, &PLACEHOLDERS, test_url));
        }
    }
    findings
}

/// What is wrong with the placeholders in a text that takes `known` ones.
fn placeholders(argument: &Scalar, place: Place, known: &[&str], test_url: bool) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    let mut rest = argument.text.as_str();
    while let Some(start) = rest.find("{{") {
        let inside = &rest[start + 2..];
        let end = inside.find("}}");
        let name = inside[..end.unwrap_or(0)].trim();
        rest = end.map_or("", |end| &inside[end + 2..]);
        if !known.contains(&name) {
            let message = if argument.substituted() {
                format!("the value of `{}` holds a `{{{{` that begins no placeholder", printable(&argument.shown()))
            } else if end.is_none() {
                "this placeholder is not closed by `}}`".to_owned()
            } else {
                format!("unknown placeholder `{{{{{}}}}}`", printable(name))
            };
            let all = list(known.iter().map(|name| format!("`{{{{{name}}}}}`")), "and");
            let near = nearest(name, known.iter().copied()).filter(|_| !argument.substituted());
            let help = near.map_or_else(
                || format!("the placeholders are {all}"),
                |near| format!("did you mean `{{{{{near}}}}}`?"),
            );
            findings.push(Diagnostic::error(codes::PLACEHOLDER, message).at(place).help(help));
        } else if name == "testUrl" && !test_url {
            let message = "`{{testUrl}}` has no value: `traffic.test.url` is missing";
            let help = "add `url` under `traffic.test`, with the address where test traffic enters";
            findings.push(Diagnostic::error(codes::NO_TEST_URL, message).at(place).help(help));
        }
    }
    findings
}

/// A scalar's text for a message: what the file says, never what a variable holds.
fn shown(node: &Node) -> String {
    node.scalar().map_or_else(String::new, |scalar| printable(&scalar.shown()))
}
