//! The laws about permission: S2, S4, S6, S8, S11.

use bluegreen_core::journal::{Body, Fact, Mutation};
use bluegreen_core::model::{NoData, Timestamp};
use bluegreen_core::observe::{AlarmSnapshot, AlarmState};
use bluegreen_core::plan::{PlannedAlarm, Release};

use super::sets::only_planned_sets;
use super::{Case, Judgement, control, percent, rise_of};
use crate::trace::{Detail, ReleaseWrite};

/// S2: a rise needs every alarm read as acceptable lately, and none that went red since the last rise.
pub(super) fn alarms_read_green(case: &Case<'_>) -> Judgement {
    let Some(rise) = case.rise() else { return Ok(()) };
    for alarm in &case.plan.alarms {
        alarm_green(case, alarm)
            .map_err(|why| format!("rise to {} while alarm {} {why}", percent(rise.to), alarm.name))?;
    }
    Ok(())
}

pub(super) fn alarm_green(case: &Case<'_>, alarm: &PlannedAlarm) -> Judgement {
    let policy = &case.plan.alarm_policy;
    let answer = case.told_lately(|call| match &call.detail {
        Detail::Alarms(asked, seen) if asked.contains(&alarm.name) => {
            Some((call.at, seen.iter().find(|found| found.name == alarm.name)))
        }
        _ => None,
    });
    let Some((read_at, seen)) = answer else {
        return if policy.unreadable == NoData::Allow { Ok(()) } else { Err("had not been read lately".to_owned()) };
    };
    match seen {
        None if policy.missing == NoData::Allow => return Ok(()),
        None => return Err("did not exist when it was read".to_owned()),
        Some(seen) => acceptable(case, alarm, seen)?,
    }
    let gives_traffic = |call: &&crate::trace::Call| {
        rise_of(case.plan, call).is_some() || matches!(call.detail, Detail::Release(ReleaseWrite::GoOn(..)))
    };
    let began = case.trace.iter().rev().filter(|call| call.applied).find(gives_traffic);
    let began = began.map_or(case.plan.created_at, |call| call.at);
    let visible = case.world.ms(read_at).saturating_sub(case.world.config.lags.alarms.max);
    let red = |change: &&bluegreen_core::observe::StateChange| {
        change.to == AlarmState::Alarm && change.at > began && case.world.ms(change.at) < visible
    };
    let history =
        case.world.state().alarms.get(&alarm.name).map(|record| record.history.as_slice()).unwrap_or_default();
    match history.iter().find(red) {
        Some(change) => Err(format!("had been red at {}, after the last rise", change.at)),
        None => Ok(()),
    }
}

fn acceptable(case: &Case<'_>, alarm: &PlannedAlarm, seen: &AlarmSnapshot) -> Judgement {
    let since_start = |at: &Timestamp| *at > case.plan.created_at;
    match &seen.state {
        _ if seen.definition != alarm.definition => Err("was read with another definition than planned".to_owned()),
        AlarmState::Ok => Ok(()),
        AlarmState::InsufficientData if case.plan.alarm_policy.insufficient_data == NoData::Allow => Ok(()),
        AlarmState::Alarm
            if case.plan.alarm_policy.allow_red.contains(&alarm.name)
                && !seen.transitioned_at.iter().any(since_start) =>
        {
            Ok(())
        }
        state => Err(format!("was read as {state:?}")),
    }
}

/// S4: what is written stands in the journal before, as an intent without an outcome. Only a retreat may go on after
/// the journal has failed.
pub(super) fn written_ahead(case: &Case<'_>) -> Judgement {
    let closed = |seq: u64| {
        case.journal.iter().any(|record| matches!(&record.body, Body::Outcome { intent, .. } if *intent == seq))
    };
    let matches = |mutation: &Mutation| match (mutation, &case.call.detail) {
        (Mutation::SetActions { route, actions, .. }, Detail::Actions(write)) => {
            *route == write.route && *actions == write.after
        }
        (Mutation::UpdateService(change), Detail::Service(write)) => {
            *change == write.change && !control::is_its(case.plan, write)
        }
        (Mutation::UpdateControl(change), Detail::Service(write)) => {
            *change == write.change && control::is_its(case.plan, write)
        }
        (Mutation::TaskSet(change), Detail::TaskSet(write)) => case.plan.task_set_request(change) == write.request,
        (Mutation::RegisterTaskDefinition, Detail::Registered(..)) => true,
        _ => false,
    };
    let intended = case.journal.iter().any(|record| match &record.body {
        Body::Intent { mutation, .. } => matches(mutation) && !closed(record.seq),
        _ => false,
    });
    if intended || (case.journal_failed && case.rise().is_none()) {
        return Ok(());
    }
    Err(format!("{} {} without an open intent of that value", case.call.operation, case.call.argument))
}

/// S6: once a run goes back, or has ended, nothing raises the canary again.
pub(super) fn no_way_forward_from_back(case: &Case<'_>) -> Judgement {
    let Some(rise) = case.rise() else { return Ok(()) };
    let over = case.journal.iter().any(|record| matches!(record.body, Body::Finished(_)));
    if over || case.has_fact(|fact| matches!(fact, Fact::Restoring(_))) {
        return Err(format!("rise to {} after the run had turned back or ended", percent(rise.to)));
    }
    Ok(())
}

/// S8: only the holder of the service's lock writes.
pub(super) fn single_writer(case: &Case<'_>) -> Judgement {
    match case.holder {
        Some(holder) if holder == case.call.operator => Ok(()),
        Some(holder) => Err(format!("written by {} while {holder} holds the lock", case.call.operator)),
        None => Err(format!("written by {} without the lock", case.call.operator)),
    }
}

/// S11: only the plan's routes, services and family are written.
pub(super) fn only_planned_things(case: &Case<'_>) -> Judgement {
    let plan = case.plan;
    let planned = match &case.call.detail {
        Detail::Actions(write) => plan.all_routes().any(|route| route.id == write.route),
        Detail::Service(write) => {
            let known = case.color_of_service(&write.service).is_some() || control::is_its(plan, write);
            write.cluster == plan.site.cluster && known
        }
        Detail::TaskSet(write) => return only_planned_sets(plan, write),
        Detail::Registered(family, _) => {
            matches!(&plan.release, Release::Register { family: own, .. } if own == family)
        }
        _ => true,
    };
    if planned { Ok(()) } else { Err(format!("{} is not part of the plan", case.call.argument)) }
}
