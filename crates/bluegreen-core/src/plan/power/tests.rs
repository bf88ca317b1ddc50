use super::*;
use crate::plan::managed::testing::{World, seen};
use crate::plan::{describe_findings, lint};

/// A release by ECS with an hour of stable's counts.
fn world(strategy: &str, settings: &str, hour: Hour) -> World {
    judged(strategy, &format!("{{ metrics: [ {{ metric: errorRate }} ]{settings} }}"), hour)
}

fn judged(strategy: &str, analysis: &str, hour: Hour) -> World {
    let mut world = World::ecs(&format!("{strategy}\nanalysis: {analysis}"));
    let hours = ByColor { blue: hour, green: Hour::default() };
    world.survey.hours = vec![seen(hours); 2];
    world
}

fn hour(per_minute: f64, rate: f64) -> Hour {
    Hour { minutes: 60, bad: per_minute * 60.0 * rate, all: per_minute * 60.0 }
}

fn power_of(world: &World) -> Power {
    power(&world.built().plan, &world.survey).unwrap()
}

/// Compares with a checked-in text; `UPDATE_EXPECTED=1` writes it anew.
fn expect(name: &str, made: &str) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/plan/power").join(name);
    if std::env::var_os("UPDATE_EXPECTED").is_some() {
        std::fs::write(&path, made).unwrap();
    }
    assert_eq!(made, std::fs::read_to_string(path).unwrap(), "UPDATE_EXPECTED=1 writes {name} anew");
}

const TWO_STEPS: &str = "{ linear: { step: 50, every: 15m } }";
const ONE_STEP: &str = "{ canary: { steps: [{ setWeight: 5 }, { analysis: { for: 15m } }] } }";

#[test]
fn what_is_told_reads_so() {
    let strategy = "{ linear: { step: 25, every: 30m } }";
    let power = power_of(&world(strategy, "", hour(1200.0, 0.005)));
    let text = describe_power(&power);
    expect("power.txt", &text);
    assert_eq!(text.lines().find(|line| line.chars().count() > 80), None);
    let json = serde_json::to_string_pretty(&power).unwrap() + "\n";
    expect("power.json", &json);
    let guide = include_str!("../../../../../docs/guide/analysis.md");
    assert!(guide.contains(&text), "the guide shows another table");
    let none = power_of(&world(strategy, ", notWorseThan: 3", hour(2.0, 0.0)));
    expect("none.txt", &describe_power(&none));
}

#[test]
fn a_step_that_will_not_find_a_doubling_is_warned_of() {
    let world = world(ONE_STEP, "", hour(40.0, 0.005));
    let findings = lint(&world.built().plan, &world.survey);
    let said = describe_findings(&findings);
    expect("blind.txt", &said);
    assert!(include_str!("../../../../../docs/guide/analysis.md").contains(&said), "the guide shows another finding");
    let codes = |world: &World| -> Vec<String> {
        lint(&world.built().plan, &world.survey).into_iter().map(|finding| finding.code).collect()
    };
    assert_eq!(codes(&self::world(TWO_STEPS, "", hour(60_000.0, 0.005))), Vec::<String>::new());
    let cures = |strategy: &str, hour: Hour| {
        let world = self::world(strategy, "", hour);
        lint(&world.built().plan, &world.survey).into_iter().map(|finding| finding.cure).collect::<Vec<_>>()
    };
    assert_eq!(cures(TWO_STEPS, hour(400.0, 0.005)), ["let the step last 1h42m"], "half is the best share");
    assert_eq!(cures(ONE_STEP, hour(1200.0, 0.005)), ["let the step last 2h44m, or give the canary a larger share"]);
    let longer = ONE_STEP.replace("15m", "2h44m");
    assert_eq!(cures(&longer, hour(1200.0, 0.005)), Vec::<String>::new(), "what was told is enough");
    // Nobody minds a rate below that.
    assert_eq!(codes(&self::world(ONE_STEP, ", harmless: 2%", hour(40.0, 0.005))), Vec::<String>::new());
    assert_eq!(codes(&self::world(ONE_STEP, ", harmless: 0.9%", hour(40.0, 0.005))), ["BG3303"]);
    assert_eq!(codes(&self::world(ONE_STEP, "", Hour::default())), ["BG3302"]);
}

#[test]
fn a_metric_that_cannot_be_read_refuses() {
    let mut world = world(ONE_STEP, "", hour(60_000.0, 0.05));
    for (class, cure) in [
        (crate::call::ErrorClass::Denied, "cloudwatch:GetMetricData"),
        (crate::call::ErrorClass::Throttled, "try again"),
        (crate::call::ErrorClass::Invalid, "dimensions"),
    ] {
        world.survey.hours = vec![crate::plan::managed::testing::lost(class)];
        let found = lint(&world.built().plan, &world.survey);
        assert_eq!((found.len(), found[0].code.as_str()), (1, "BG3301"));
        assert_eq!(found[0].severity, crate::plan::Severity::Refuse);
        assert!(found[0].cure.contains(cure), "{found:?}");
    }
}

#[test]
fn dry_metrics_find_nothing_and_weights_divide_the_evidence() {
    let with = |analysis: &str| power_of(&judged(ONE_STEP, analysis, hour(6_000.0, 0.005)));
    let alone = with("[ { metric: errorRate } ]").metrics[0].steps[0].needs;
    let power = with("[ { metric: errorRate }, { metric: lost, dryRun: true } ]");
    assert_eq!((power.metrics.len(), power.metrics[0].steps[0].needs), (1, alone));
    let power = with("[ { metric: errorRate }, { metric: lost, weight: 3 } ]");
    let needs: Vec<_> = power.metrics.iter().map(|metric| metric.steps[0].needs.unwrap()).collect();
    assert!(needs[0] > needs[1] && needs[1] > alone.unwrap(), "{needs:?} {alone:?}");
}

#[test]
fn time_that_is_lost_is_told_too() {
    let with = |settings: &str| power_of(&world(TWO_STEPS, settings, hour(60_000.0, 0.02))).metrics.remove(0);
    let (usual, late) = (with(", warmUp: 0s, lag: 60s"), with(", warmUp: 3m, lag: 5m"));
    let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
    assert_eq!(late.steps[0].needs, usual.steps[0].needs.map(|needs| needs + minutes(7)));
    assert_eq!(late.release, usual.release.map(|found| found + minutes(7)));
    assert!(late.release.is_some());
}

/// Two small fleets are compared then, and not a small one with a large one.
#[test]
fn a_control_fleet_makes_it_take_longer() {
    let world = world(ONE_STEP, "", hour(6_000.0, 0.005));
    let mut plan = world.built().plan;
    let needs = |plan: &Plan| power(plan, &world.survey).unwrap().metrics[0].steps[0].needs;
    let alone = needs(&plan);
    plan.control = Some(crate::plan::ControlFleet {
        service: plan.stable_baseline().clone(),
        group: crate::plan::managed::testing::group_arn("control"),
    });
    assert!(needs(&plan) > alone, "{alone:?}");
}

/// Evidence of one step is not lost to the next.
#[test]
fn the_release_finds_what_none_of_its_steps_finds() {
    let strategy = "{ linear: { step: 10, every: 15m } }";
    let found = power_of(&world(strategy, "", hour(1_000.0, 0.005))).metrics.remove(0);
    assert!(found.steps.iter().all(|step| !step.is_enough()), "{found:?}");
    assert!(found.release.is_some_and(|time| time <= found.release_lasts), "{found:?}");
    assert_eq!(found.release_lasts, Duration::from_secs(9 * 15 * 60));
    assert_eq!(power_of(&world(strategy, "", hour(10.0, 0.005))).metrics.remove(0).release, None);
}

/// A rate cannot grow above 1, and nothing is found without traffic at the canary.
#[test]
fn what_cannot_be_is_never_found() {
    let found = power_of(&world(TWO_STEPS, "", hour(60_000.0, 0.6))).metrics.remove(0);
    assert_eq!(found.steps[0].needs, None);
    assert!(found.steps[0].in_time.is_some_and(|ratio| ratio < 2.0));
}

#[test]
fn nine_of_ten_take_longer_than_half_of_them() {
    let guards = Guards::default();
    for (per_minute, share, base) in [(600.0, 0.05, 0.005), (60_000.0, 0.25, 0.02), (60.0, 0.5, 0.1)] {
        let median = minutes_to_detect(per_minute, share, base, 2.0, 0.01, guards);
        let most = minutes_to_find(per_minute, share, base, 2.0, 0.01, guards);
        assert!(most > median && most <= 2.25 * median + 1.0, "{median} {most}");
    }
    assert!(minutes_to_find(0.0, 0.1, 0.01, 2.0, 0.01, guards).is_infinite());
}

#[test]
fn a_step_is_not_extended_beyond_a_pause_of_ecs() {
    let codes = |pause: &str, settings: &str| -> Vec<String> {
        let strategy = format!("{TWO_STEPS}\necs: {{ pauseTimeout: {pause} }}");
        let world = world(&strategy, settings, hour(60_000.0, 0.02));
        lint(&world.built().plan, &world.survey).into_iter().map(|finding| finding.code).collect()
    };
    assert_eq!(codes("31m", ""), Vec::<String>::new());
    assert_eq!(codes("30m", ""), ["BG3304"]);
    assert_eq!(codes("44m", ", inconclusiveLimit: 2"), ["BG3304"]);
    assert_eq!(codes("30m", ", inconclusive: hold"), Vec::<String>::new());
}
