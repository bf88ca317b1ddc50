//! The routes that AWS moves, found in its own wiring and held against the spec's.

use super::Site;
use crate::model::{Action, ListenerArn, RouteId, RuleArn};
use crate::observe::RouteSnapshot;
use crate::plan::service::native_wirings;
use crate::plan::{EngineKind, Finding};

/// The routes that a deployment moves.
pub(super) struct Found<'a> {
    /// Production traffic.
    pub production: Vec<&'a RouteSnapshot>,
    /// The smoke test's, where there is one.
    pub test: Option<&'a RouteSnapshot>,
}

pub(super) fn find<'a>(site: &Site<'a>, findings: &mut Vec<Finding>) -> Found<'a> {
    for reading in &site.survey.load_balancers {
        crate::plan::build::readable(reading, "a load balancer of the target groups", findings);
    }
    let (production, tests) = match site.kind {
        EngineKind::CodeDeploy => on_listeners(site, findings),
        _ => by_rules(site, findings),
    };
    let asked = site.spec.test.as_ref().and_then(|test| test.route.as_ref());
    let test = tests.iter().copied().find(|route| asked.is_none_or(|asked| *asked == route.id));
    if let (Some(asked), None) = (asked, test) {
        let what = format!("test {asked} is not where {} sends test traffic", site.kind.who());
        let cure = format!("leave the route under `traffic.test` out, or {}", wiring_of(site.kind));
        findings.push(Finding::refuse("BG3214", what, cure));
    }
    findings.extend(against_spec(site, &production));
    findings.extend(elsewhere(site, &production, &tests));
    Found { production, test }
}

fn wiring_of(kind: EngineKind) -> &'static str {
    match kind {
        EngineKind::CodeDeploy => "correct the listeners of the deployment group",
        _ => "correct the listener rules in the service's `advancedConfiguration`",
    }
}

fn all<'a>(site: &Site<'a>) -> impl Iterator<Item = &'a RouteSnapshot> {
    site.survey.load_balancers.iter().filter_map(|reading| reading.ok()).flat_map(|found| &found.routes)
}

fn carries(site: &Site<'_>, route: &RouteSnapshot) -> bool {
    Action::forward_of(&route.actions)
        .is_some_and(|forward| site.groups.iter().any(|(_, group)| forward.contains(&group.arn)))
}

type Pair<'a> = (Vec<&'a RouteSnapshot>, Vec<&'a RouteSnapshot>);

/// CodeDeploy moves what forwards to the pair on its listeners.
fn on_listeners<'a>(site: &Site<'a>, findings: &mut Vec<Finding>) -> Pair<'a> {
    let Some(group) = site.live.deployment_group() else { return (Vec::new(), Vec::new()) };
    let on = |listeners: &[String]| -> Vec<&'a RouteSnapshot> {
        let on = |route: &&RouteSnapshot| listeners.iter().any(|arn| arn == route.id.listener().as_str());
        all(site).filter(on).filter(|route| carries(site, route)).collect()
    };
    let production = on(&group.production_listeners);
    if production.is_empty() {
        let what = match group.production_listeners.as_slice() {
            [] => format!("deployment group {} has no production listener", group.name),
            listeners => format!(
                "nothing on the production listener of deployment group {} forwards to its target groups: {}",
                group.name,
                listeners.join(", ")
            ),
        };
        let cure = "let the listener's default action or a rule forward to the target group that serves";
        findings.push(Finding::refuse("BG3214", what, cure));
    }
    (production, on(&group.test_listeners))
}

/// ECS moves the rules that the service names.
fn by_rules<'a>(site: &Site<'a>, findings: &mut Vec<Finding>) -> Pair<'a> {
    let wirings = native_wirings(site.service);
    let Some(wiring) = wirings.first() else { return (Vec::new(), Vec::new()) };
    let mut find = |what: &str, arn: &str| {
        let found = route_of(arn).and_then(|ids| ids.into_iter().find_map(|id| all(site).find(|route| route.id == id)));
        match found {
            Some(route) if carries(site, route) => Some(route),
            Some(route) => {
                let what =
                    format!("the {what} of service {}, {}, forwards to neither target group", site.name, route.id);
                let cure = "let the rule forward to the target group that serves: ECS itself does not check it";
                findings.push(Finding::refuse("BG3221", what, cure));
                None
            }
            None => {
                let what = format!("the {what} of service {} is not on the load balancer: {arn}", site.name);
                findings.push(Finding::refuse("BG3221", what, "name a rule that exists in `advancedConfiguration`"));
                None
            }
        }
    };
    let production = find("production listener rule", &wiring.production);
    let test = wiring.test.as_ref().and_then(|arn| find("test listener rule", arn));
    (production.into_iter().collect(), test.into_iter().collect())
}

/// A rule by its ARN. That of a default rule looks like any other, so that its listener is tried too.
fn route_of(arn: &str) -> Option<[RouteId; 2]> {
    if let Ok(rule) = arn.parse::<RuleArn>() {
        let listener = rule.listener();
        return Some([RouteId::Rule(rule), RouteId::DefaultAction(listener)]);
    }
    let listener: ListenerArn = arn.parse().ok()?;
    Some([RouteId::DefaultAction(listener.clone()), RouteId::DefaultAction(listener)])
}

/// Routes that the spec names have to be those that AWS moves, and all of them.
fn against_spec(site: &Site<'_>, production: &[&RouteSnapshot]) -> Vec<Finding> {
    let asked = &site.spec.routes;
    if asked.is_empty() || production.is_empty() {
        return Vec::new();
    }
    let who = site.kind.who();
    let foreign = asked.iter().filter(|id| production.iter().all(|route| route.id != **id)).map(|id| {
        let what = format!("{id} is not moved by {who}");
        let cure = format!("take it out of `traffic`, or {}", wiring_of(site.kind));
        Finding::refuse("BG3214", what, cure)
    });
    let missing = production.iter().filter(|route| !asked.contains(&route.id)).map(|route| {
        let what = format!("{who} moves {} too, and it is not part of the release", route.id);
        let cure = "add it to `traffic`, or leave `rules` and `defaultActions` out: AWS's own wiring is taken then";
        Finding::refuse("BG3018", what, cure)
    });
    foreign.chain(missing).collect()
}

/// A route that carries one of the groups and is not moved would keep its own split.
fn elsewhere(site: &Site<'_>, production: &[&RouteSnapshot], tests: &[&RouteSnapshot]) -> Vec<Finding> {
    if production.is_empty() {
        return Vec::new();
    }
    let moved = |route: &RouteSnapshot| production.iter().chain(tests).any(|other| other.id == route.id);
    let refuse = |route: &RouteSnapshot| {
        let what = format!("{} carries one of the target groups, and {} does not move it", route.id, site.kind.who());
        Finding::refuse(
            "BG3018",
            what,
            "let it forward to another group, or release with `engine: alb`, which moves several",
        )
    };
    all(site).filter(|route| carries(site, route) && !moved(route)).map(refuse).collect()
}
