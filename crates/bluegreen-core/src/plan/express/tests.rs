use super::*;
use crate::spec;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The steps of a strategy as a spec writes it.
fn steps(strategy: &str) -> Vec<Step> {
    let text = format!(
        "version: 1\nservice: s\nenvironments: {{ prod: {{ cluster: c }} }}\ntaskDefinition: {{ file: t.json }}\n\
         fleet: {{ service: s }}\nengine: auto\nstrategy: {strategy}\nbake: 10m\nalarms: [a]\n"
    );
    spec::parse("f", &text, None, &|_| None).unwrap_or_else(|report| panic!("{report}")).0.steps
}

/// `[1 5m, 10 15m, promote]` as the steps of a canary.
fn canary(list: &str) -> Vec<Step> {
    let one = |word: &str| match word {
        "promote" => "{ pause: {} }".to_owned(),
        scale if scale.starts_with('x') => format!("{{ setCanaryScale: {} }}", &scale[1..]),
        time if time.ends_with(['s', 'm', 'h', 'd']) => format!("{{ pause: {{ duration: {time} }} }}"),
        share => format!("{{ setWeight: {share} }}"),
    };
    let items: Vec<String> = list.split(' ').map(one).collect();
    steps(&format!("{{ canary: {{ steps: [{}] }} }}", items.join(", ")))
}

fn linear(step: &str, every: &str) -> Vec<Step> {
    steps(&format!("{{ linear: {{ step: {step}, every: {every} }} }}"))
}

fn said(kind: EngineKind, steps: &[Step]) -> String {
    match express(kind, steps, DAY) {
        Ok(Shift::AllAtOnce) => "all".to_owned(),
        Ok(Shift::Canary { first, wait }) => format!("canary {first} {}", duration::format(wait)),
        Ok(Shift::Linear { each, wait }) => format!("linear {each} {}", duration::format(wait)),
        Err(misfits) => {
            let all: Vec<String> = misfits.iter().map(|misfit| format!("{} {misfit}", misfit.code())).collect();
            all.join("; ")
        }
    }
}

fn code_deploy(steps: &[Step]) -> String {
    said(EngineKind::CodeDeploy, steps)
}

fn ecs(steps: &[Step]) -> String {
    said(EngineKind::Ecs, steps)
}

#[test]
fn shapes_that_both_know() {
    for kind in [EngineKind::CodeDeploy, EngineKind::Ecs] {
        let said = |steps: &[Step]| said(kind, steps);
        assert_eq!(said(&steps("{ blueGreen: {} }")), "all");
        assert_eq!(said(&canary("5 10m")), "canary 5% 10m");
        assert_eq!(said(&canary("5 10m 5 5m")), "canary 5% 15m", "the same share twice is one");
        assert_eq!(said(&canary("50 10m")), "canary 50% 10m");
        assert_eq!(said(&linear("10", "3m")), "linear 10% 3m");
        assert_eq!(said(&canary("25 2m 50 2m 75 2m")), "linear 25% 2m", "however it is written");
        assert_eq!(said(&linear("30", "2m")), "linear 30% 2m", "the last step may be smaller");
    }
}

#[test]
fn shapes_that_neither_knows() {
    for kind in [EngineKind::CodeDeploy, EngineKind::Ecs] {
        let said = |list: &str| said(kind, &canary(list));
        let shape = "BG3201 go through these shares: it takes one before 100%, or equal ones";
        assert_eq!(said("1 5m 10 5m 50 5m"), shape);
        assert_eq!(said("20 5m 40 5m"), shape, "60% at the end is no step of 20%");
        assert_eq!(said("x50 10 5m"), "BG3204 set the canary's task count");
    }
}

#[test]
fn code_deploy_counts_in_whole_percents_and_minutes() {
    assert_eq!(code_deploy(&canary("12.5 5m")), "BG3201 give the canary 12.5%: its finest share is 1%");
    assert_eq!(ecs(&canary("12.5 5m")), "canary 12.5% 5m");
    assert_eq!(ecs(&canary("0.1 5m")), "canary 0.1% 5m");
    assert_eq!(code_deploy(&canary("10 90s")), "BG3202 hold for 1m30s: it counts whole minutes");
    assert_eq!(ecs(&canary("10 90s")), "canary 10% 1m30s");
    assert_eq!(
        code_deploy(&canary("10 5m 20 6m 30 5m 40 5m 50 5m 60 5m 70 5m 80 5m 90 5m")),
        "BG3202 hold for different times at equal shares"
    );
    assert_eq!(ecs(&canary("50 6m 100")), "canary 50% 6m");
    assert_eq!(code_deploy(&canary("1 2d")), "canary 1% 2d");
    let long = "BG3202 take 2d1m from the first share to the last: 2d is its limit";
    assert_eq!(code_deploy(&canary("1 2d 1m")), long);
}

#[test]
fn ecs_takes_no_equal_shares_below_three_percent() {
    assert_eq!(ecs(&linear("2.5", "1m")), "BG3201 take equal shares of 2.5%: it begins at 3%");
    assert_eq!(ecs(&linear("3", "1m")), "linear 3% 1m");
    assert_eq!(code_deploy(&linear("2", "1m")), "linear 2% 1m");
}

#[test]
fn only_ecs_waits_for_people_between_shares() {
    assert_eq!(code_deploy(&canary("10 promote")), "BG3203 wait for `promote` at 10%");
    assert_eq!(ecs(&canary("10 promote")), "canary 10% 0s");
    assert_eq!(ecs(&canary("promote 50 5m promote 100")), "canary 50% 5m");
    assert_eq!(code_deploy(&canary("promote 50 5m")), "canary 50% 5m", "whether the group waits is looked at later");
    assert_eq!(code_deploy(&canary("5m 50 5m")), "BG3202 hold before the first share");
    assert_eq!(ecs(&canary("5m 50 5m")), "canary 50% 5m");
}

#[test]
fn ecs_holds_differ_but_end_before_the_pause_does() {
    let unequal = canary("25 1m 50 2h 75 promote");
    assert_eq!(ecs(&unequal), "linear 25% 1m");
    assert_eq!(ecs(&canary("25 1d")), "BG3207 hold for 1d: it pauses for 1d and then rolls back");
    assert_eq!(ecs(&canary("25 23h 25 2h")), "BG3207 hold for 1d1h: it pauses for 1d and then rolls back");
    let long = express(EngineKind::Ecs, &linear("3", "23h"), DAY).unwrap_err();
    assert!(matches!(long.as_slice(), [Misfit::Long(..)]), "{long:?}");
}

#[test]
fn our_own_weights_take_anything() {
    for list in ["1 5m 10 5m 50 promote", "x50 0.1 90s", "promote 10 5m 20 2d"] {
        assert_eq!(express(EngineKind::Alb, &canary(list), DAY), Err(Vec::new()), "{list}");
    }
}

#[test]
fn what_is_nearest_can_be_done() {
    let at = |kind, steps: &[Step]| nearest(kind, steps, DAY).unwrap_or_default();
    let lists = [
        "1 5m 10 5m 50 promote",
        "x50 0.1 90s 20 5m",
        "0.5 3d",
        "12.5 5m 25 6m 37.5 7m 50 5m 62.5 5m 75 5m 87.5 5m",
        "99.9 1m",
        "10 promote",
    ];
    for kind in [EngineKind::CodeDeploy, EngineKind::Ecs] {
        let linears = ["0.1", "0.7", "2.9", "12.5", "33.3", "99.9", "100"];
        let strange = linears.into_iter().flat_map(|step| ["1s", "90s", "1d", "3d"].map(|every| linear(step, every)));
        for steps in lists.into_iter().map(canary).chain(strange) {
            let line = at(kind, &steps);
            let again = self::steps(line.strip_prefix("strategy: ").unwrap());
            assert!(express(kind, &again, DAY).is_ok(), "{kind}: {line}: {}", said(kind, &again));
        }
    }
    assert_eq!(
        at(EngineKind::CodeDeploy, &canary("0.5 5m 10 90s 50 promote")),
        "strategy: { canary: { steps: [{ setWeight: 1 }, { pause: { duration: 7m } }] } }"
    );
    assert_eq!(at(EngineKind::Ecs, &linear("2", "5m")), "strategy: { linear: { step: 3, every: 5m } }");
}

#[test]
fn configurations_have_amazons_name_or_one_that_tells_all() {
    let name = |steps: &[Step]| config_name(&express(EngineKind::CodeDeploy, steps, DAY).unwrap());
    let built_in = |name: &str| (format!("CodeDeployDefault.{name}"), true);
    assert_eq!(name(&steps("{ blueGreen: {} }")), built_in("ECSAllAtOnce"));
    assert_eq!(name(&canary("10 5m")), built_in("ECSCanary10Percent5Minutes"));
    assert_eq!(name(&canary("10 15m")), built_in("ECSCanary10Percent15Minutes"));
    assert_eq!(name(&linear("10", "1m")), built_in("ECSLinear10PercentEvery1Minutes"));
    assert_eq!(name(&linear("10", "3m")), built_in("ECSLinear10PercentEvery3Minutes"));
    assert_eq!(name(&canary("5 7m")), ("bluegreen-ecs-canary-5pct-7min".to_owned(), false));
    assert_eq!(name(&canary("10 10m")), ("bluegreen-ecs-canary-10pct-10min".to_owned(), false));
    assert_eq!(name(&linear("20", "5m")), ("bluegreen-ecs-linear-20pct-5min".to_owned(), false));
}
