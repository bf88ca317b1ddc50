//! One look at the world: all reads of a pass, side by side, each with its own time and its own failure.

use std::time::Duration;

use futures::future::{Either, join, join_all, join4, select};
use jiff::Timestamp;

use super::Run;
use crate::analysis::requests;
use crate::decide::{ControlSeen, Seen, elapsed, later};
use crate::event::{ControlLook, Event, Look};
use crate::journal::Goal;
use crate::model::{Action, ByColor, Percent, RouteId, Step, TargetGroupArn, TaskDefinitionArn};
use crate::observe::{
    AlarmSnapshot, AlarmState, ManagedDeployments, Reading, RouteSnapshot, ServiceSnapshot, StateChange, TargetHealth,
};
use crate::plan::{Release, fleets};
use crate::ports::{CallError, ErrorClass, Points};

/// How often the observed split is asked for: its metric has one point a minute.
const OBSERVED_EVERY: Duration = Duration::from_secs(60);

/// How long a pass waits for it: it is shown and never decided upon, and a rollback has no time for it.
const OBSERVED_PATIENCE: Duration = Duration::from_secs(2);

/// The observed split, remembered between two looks.
#[derive(Default)]
pub(super) struct Observed {
    asked_at: Option<Timestamp>,
    share_ppm: Option<u32>,
}

impl Run<'_> {
    pub(super) async fn look(&mut self) -> Seen {
        let commands = self.journal.commands().await.unwrap_or_else(|error| {
            let text = format!("orders of other terminals cannot be read: {error}");
            self.report(&Event::Warning { at: self.now(), text });
            Vec::new()
        });
        // Before the routes: what a deployment says it has done is on the routes that are read after it.
        let deployments = self.read_deployments().await;
        let (routes, services, health, control) = join4(
            self.read_routes(),
            self.read_services(deployments.as_ref()),
            self.read_health(),
            self.read_control(),
        )
        .await;
        let ((alarms, histories), registered, old_revision_active, counted) =
            join4(self.read_alarms(), self.read_registered(), self.read_old_revision(), self.read_minutes()).await;
        self.counted = counted;
        let settings = self.read_settings().await;
        let interrupted = self.driver.interrupt.is_set();
        let seen = Seen {
            routes,
            services,
            health,
            control,
            alarms,
            histories,
            old_revision_active,
            registered,
            deployments,
            settings,
            minutes: self.counted.reading(),
            commands,
            interrupted,
        };
        self.ask_observed().await;
        self.report_look(&seen);
        seen
    }

    /// Awaits one read. Its time is that of the question: an answer that was long on its way is not young.
    pub(super) async fn read<T>(&self, call: impl Future<Output = Result<T, CallError>>) -> Reading<T> {
        let seen_at = self.now();
        let value = call.await;
        if let Err(error) = &value {
            self.report(&Event::ReadFailed { at: self.now(), error: error.clone() });
        }
        Reading { seen_at, value }
    }

    pub(super) async fn read_routes(&self) -> Reading<Vec<RouteSnapshot>> {
        let ids: Vec<RouteId> = self.state.plan.all_routes().map(|route| route.id.clone()).collect();
        self.read(self.driver.ports.router.routes(&ids)).await
    }

    async fn read_services(
        &self,
        deployments: Option<&Reading<ManagedDeployments>>,
    ) -> Reading<ByColor<ServiceSnapshot>> {
        let plan = &self.state.plan;
        if plan.managed().is_some() {
            return self.read_one_service(deployments).await;
        }
        let names: Vec<String> = plan.baseline.services.iter().map(|(_, service)| service.name.clone()).collect();
        let services = self.driver.ports.fleet.services(&plan.site.cluster, &names);
        self.read(async { Ok(fleets(plan, pair(services.await?, "ecs:DescribeServices")?)) }).await
    }

    pub(super) async fn read_health(&self) -> ByColor<Reading<TargetHealth>> {
        let groups = &self.state.plan.groups;
        let router = &self.driver.ports.router;
        let one = |group| self.read(router.health(group));
        let (blue, green) = join(one(&groups.blue), one(&groups.green)).await;
        ByColor { blue, green }
    }

    pub(super) async fn read_control(&self) -> Option<ControlSeen> {
        let plan = &self.state.plan;
        let control = plan.control.as_ref()?;
        let names = [control.service.name.clone()];
        let service = async {
            let found = self.driver.ports.fleet.services(&plan.site.cluster, &names).await?;
            let count = found.len();
            <[ServiceSnapshot; 1]>::try_from(found)
                .map(|[service]| service)
                .map_err(|_| malformed("ecs:DescribeServices", "one", count))
        };
        let (service, health) =
            join(self.read(service), self.read(self.driver.ports.router.health(&control.group))).await;
        Some(ControlSeen { service, health })
    }

    /// Alarms, and the history of those that have changed since the run began: a blip between two looks counts too.
    pub(super) async fn read_alarms(&self) -> (Reading<Vec<AlarmSnapshot>>, Vec<(String, Reading<Vec<StateChange>>)>) {
        let names = self.state.plan.alarm_names();
        if names.is_empty() || self.state.goal != Goal::Promote {
            return (Reading { seen_at: self.now(), value: Ok(Vec::new()) }, Vec::new());
        }
        let alarms = self.read(self.driver.ports.alarms.read(&names)).await;
        let since = self.state.started_at;
        let changed = |alarm: &&AlarmSnapshot| {
            alarm.state != AlarmState::Alarm && alarm.transitioned_at.is_some_and(|at| at >= since)
        };
        let suspects = alarms.ok().into_iter().flatten().filter(changed).map(|alarm| alarm.name.clone());
        let histories = suspects.map(|name| async move {
            let history = self.read(self.driver.ports.alarms.history(&name, since)).await;
            (name, history)
        });
        let histories = join_all(histories).await;
        (alarms, histories)
    }

    /// Asked for until commit: tasks of a revision that was deregistered run on, but lost ones are not replaced.
    async fn read_old_revision(&self) -> Option<Reading<bool>> {
        let may_have_traffic = self.state.attached || self.state.managed.may_have_started();
        if self.state.goal != Goal::Promote || self.state.committed_at.is_some() || !may_have_traffic {
            return None;
        }
        let arn = self.state.plan.stable_baseline().task_definition.clone();
        let definition = self.driver.ports.fleet.task_definition(arn.as_str());
        Some(self.read(async { Ok(definition.await?.active) }).await)
    }

    /// Asked for only while a registration is in doubt: it takes several calls.
    async fn read_registered(&self) -> Option<Reading<Option<TaskDefinitionArn>>> {
        let plan = &self.state.plan;
        let Release::Register { family, .. } = &plan.release else { return None };
        if self.state.task_definition.is_some() || self.state.registration().is_none() {
            return None;
        }
        Some(self.read(self.driver.ports.fleet.find_task_definition(family, &plan.run)).await)
    }

    async fn ask_observed(&mut self) {
        let now = self.now();
        let plan = &self.state.plan;
        let Some(written) = self.state.last_route_write_at() else { return };
        // Requests from before the weights were what they are tell nothing about them.
        let in_force = later(written, plan.timing.propagation);
        if self.observed.asked_at.is_some_and(|at| at < in_force) {
            self.observed.share_ppm = None;
        }
        if self.observed.asked_at.is_some_and(|at| elapsed(at, now) < OBSERVED_EVERY) {
            return;
        }
        self.observed.asked_at = Some(now);
        let groups = std::iter::once(plan.stable_group()).chain(plan.added_groups());
        let asked: Vec<_> = groups.map(|group| requests(&plan.load_balancer, group)).collect();
        let from = now.checked_sub(Duration::from_secs(240)).unwrap_or(now).max(in_force.min(now));
        let ports = &self.driver.ports;
        let counts = std::pin::pin!(ports.metrics.points(&asked, from, now));
        let patience = std::pin::pin!(ports.clock.sleep_until(later(now, OBSERVED_PATIENCE)));
        self.observed.share_ppm = match select(counts, patience).await {
            Either::Left((counts, _)) => counts.ok().and_then(|counts| share(&counts)),
            Either::Right(_) => None,
        };
    }

    fn report_look(&self, seen: &Seen) {
        let plan = &self.state.plan;
        let production = plan.baseline.routes.len();
        let routes = seen.routes.ok().map(Vec::as_slice).unwrap_or_default();
        let routes = &routes[..production.min(routes.len())];
        let control = plan.control.as_ref().zip(seen.control.as_ref()).map(|(fleet, seen)| ControlLook {
            configured: routes.iter().map(|route| configured(route, &fleet.group)).collect(),
            tasks: seen.service.ok().map(|service| (service.desired, service.running)),
            health: seen.health.ok().copied(),
        });
        let look = Look {
            at: self.now(),
            set: self.set_share(),
            configured: routes.iter().map(|route| (route.id.clone(), configured(route, plan.canary_group()))).collect(),
            observed: self.observed.share_ppm,
            tasks: seen.services.ok().map(|services| services.map(|service| (service.desired, service.running))),
            health: seen.health.map(|reading| reading.ok().copied()),
            alarms: seen.alarms.ok().into_iter().flatten().map(|a| (a.name.clone(), a.state.clone())).collect(),
            control,
        };
        self.report(&Event::Looked(Box::new(look)));
    }

    /// The share that the plan gives the canary at this point.
    fn set_share(&self) -> Percent {
        if self.state.goal != Goal::Promote {
            return Percent::ZERO;
        }
        let done = self.state.plan.steps.iter().take(self.state.step).rev();
        done.into_iter()
            .find_map(|step| match step {
                Step::SetWeight(share) => Some(*share),
                _ => None,
            })
            .unwrap_or(Percent::ZERO)
    }

    /// An order that came during the look is obeyed before anything is given up.
    async fn no_new_orders(&self) -> Result<(), String> {
        let orders = self.journal.commands().await.map_err(|error| format!("orders cannot be read: {error}"))?;
        match orders.iter().find(|order| !self.state.taken.contains(&order.id)) {
            Some(order) => Err(format!("{} gave an order meanwhile", order.by)),
            None => Ok(()),
        }
    }

    /// A second look, just before something that was held so far is given up: routes as last written, the canary on its revision, alarms
    /// green, all fresh.
    pub(super) async fn last_look(&self, seen: &Seen, mutation: &crate::journal::Mutation) -> Result<(), String> {
        use crate::decide::{RouteView, guard, view_route};

        let mut seen = seen.clone();
        if guard::needs_last_look(&self.state, mutation) {
            seen.deployments = self.read_deployments().await;
            (seen.routes, seen.services, seen.health, seen.control) = join4(
                self.read_routes(),
                self.read_services(seen.deployments.as_ref()),
                self.read_health(),
                self.read_control(),
            )
            .await;
            // Alarms last: nothing but the write itself comes after them.
            (seen.alarms, seen.histories) = self.read_alarms().await;
            seen.interrupted = self.driver.interrupt.is_set();
            self.no_new_orders().await?;
            let routes = seen.routes.value.as_ref().map_err(ToString::to_string)?;
            let foreign = |route: &&RouteSnapshot| {
                // The intent of this very write is folded already, so the route may show the state before it.
                view_route(&self.state, route, seen.routes.seen_at, self.state.plan.timing.settle) == RouteView::Foreign
            };
            if let Some(route) = routes.iter().find(foreign) {
                return Err(format!("{} was changed by someone else", route.id));
            }
        }
        match guard::check(&self.state, &seen, self.now(), mutation) {
            Ok(()) => Ok(()),
            Err(guard::Veto::NotNow(why) | guard::Veto::Never(why)) => Err(why),
        }
    }
}

/// A group's share of a route in parts of a million.
fn configured(route: &RouteSnapshot, group: &TargetGroupArn) -> Option<u32> {
    let split = Action::forward_of(&route.actions).and_then(|forward| forward.split().ok())?;
    Some(split.share_ppm(group))
}

/// The canary's share of all requests, in millionths; it comes second, after stable and before the control fleet.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a million")]
fn share(counts: &[Result<Points, CallError>]) -> Option<u32> {
    let sum = |points: &Points| points.iter().map(|(_, count)| count).sum::<f64>();
    let sums = counts.iter().map(|counts| counts.as_ref().ok().map(sum)).collect::<Option<Vec<f64>>>()?;
    let (canary, all) = (sums.get(1)?, sums.iter().sum::<f64>());
    (all > 0.0).then(|| (canary * 1e6 / all) as u32)
}

fn pair<T>(found: Vec<T>, operation: &str) -> Result<ByColor<T>, CallError> {
    let count = found.len();
    let mut found = found.into_iter();
    match (found.next(), found.next(), found.next()) {
        (Some(blue), Some(green), None) => Ok(ByColor { blue, green }),
        _ => Err(malformed(operation, "two", count)),
    }
}

fn malformed(operation: &str, asked: &str, count: usize) -> CallError {
    CallError {
        operation: operation.to_owned(),
        class: ErrorClass::Malformed,
        message: format!("{asked} were asked for, {count} came back"),
    }
}
