use proptest::prelude::*;

use super::*;
use crate::appspec::{self, Event};
use crate::diagnostic::Place;
use crate::model::{NoData, OnInterrupt, Percent};

const RULE: &str = "arn:aws:elasticloadbalancing:eu-west-3:111122223333:listener-rule/app/shop/8f1d/3c5e/0a1b";
const LISTENER: &str = "arn:aws:elasticloadbalancing:eu-west-3:111122223333:listener/app/shop/8f1d/3c5e";

/// The least that is a spec, with more keys behind it.
fn with(more: &str) -> String {
    format!(
        "version: 1
service: frontend
environments: {{ prod: {{ cluster: shop }} }}
taskDefinition: {{ file: taskdef.json }}
fleet: {{ services: {{ blue: b, green: g }} }}
traffic: {{ targetGroups: {{ blue: b, green: g }}, rules: ['{RULE}'] }}
{more}"
    )
}

const REST: &str = "strategy: { blueGreen: {} }\nalarms: [a]\n";

fn unset(_: &str) -> Option<String> {
    None
}

fn read(text: &str) -> Spec {
    let (spec, warnings) = parse("bluegreen.yaml", text, None, &unset).unwrap_or_else(|report| panic!("{report}"));
    assert_eq!(warnings, [], "{text}");
    spec
}

fn codes_of(text: &str) -> Vec<&'static str> {
    match parse("bluegreen.yaml", text, None, &unset) {
        Ok((_, warnings)) => warnings.iter().map(|finding| finding.code).collect(),
        Err(report) => report.diagnostics.iter().map(|finding| finding.code).collect(),
    }
}

fn steps_of(strategy: &str) -> Vec<Step> {
    read(&with(&format!("strategy: {strategy}\nbake: 1m\nalarms: [a]\n"))).steps
}

fn weight(text: &str) -> Step {
    Step::SetWeight(text.parse().unwrap())
}

const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn every_field_reaches_the_spec() {
    let text = format!(
        r#"
version: 1
service: frontend
environments:
  beta: {{ cluster: shop-beta }}
  prod: {{ region: eu-west-3, account: "111122223333", cluster: shop-prod }}
engine: alb
taskDefinition: {{ file: task/def.json, images: {{ app: "${{IMAGE}}", log: "repo/log@sha256:ab" }} }}
fleet: {{ services: {{ blue: fb, green: fg }}, service: f }}
traffic:
  targetGroups: {{ blue: tb, green: tg }}
  rules: ["{RULE}"]
  defaultActions: ["{LISTENER}"]
  test: {{ defaultAction: "{LISTENER}-test", url: "http://t/" }}
strategy:
  canary: {{ steps: [ {{ setCanaryScale: 50% }}, {{ setWeight: 0.1 }}, {{ pause: {{ duration: 1m }} }}, {{ pause: {{}} }} ] }}
bake: 2m
capacity: matchWeight
after: {{ scaleTo: 3 }}
alarms: [a, b]
alarmPolicy: {{ allowRed: [b], atStart: refuse, insufficientData: allow, missing: wait 1m, unreadable: refuse }}
drift: rollback
rollback: {{ onInterrupt: rollback, deadline: 3m, stickyHold: 4m }}
hooks: {{ preTraffic: [[./a, "{{{{ testUrl }}}}"], {{ argv: [./b], timeout: 1m }}] }}
timing: {{ poll: 1s, settle: 2s, propagation: 3s, drain: 4s, phaseDeadline: 5m, freshness: 6s, stableFor: 7s }}
state: file
codedeploy: {{ application: app, deploymentGroup: dg, config: own, hooks: {{ AfterAllowTraffic: fn2, BeforeInstall: fn1 }} }}
ecs: {{ pauseTimeout: 48h }}
"#
    );
    let variables = |name: &str| (name == "IMAGE").then(|| "repo/app:1".to_owned());
    let (spec, warnings) = parse("f", &text, Some("prod"), &variables).unwrap_or_else(|report| panic!("{report}"));
    assert_eq!(warnings, []);
    let pair = |blue: &str, green: &str| ByColor { blue: blue.to_owned(), green: green.to_owned() };
    let images = [("app", "repo/app:1"), ("log", "repo/log@sha256:ab")];
    let seconds = Duration::from_secs;
    let expected = Spec {
        service: "frontend".into(),
        environment: Environment {
            name: "prod".into(),
            region: Some("eu-west-3".into()),
            account: Some("111122223333".into()),
            cluster: "shop-prod".into(),
        },
        release: Release::Register {
            file: "task/def.json".into(),
            images: images.map(|(name, image)| (name.to_owned(), image.to_owned())).into(),
        },
        engine: Engine::Alb,
        fleet: Fleet { services: Some(pair("fb", "fg")), service: Some("f".into()), task_sets: None },
        target_groups: Some(pair("tb", "tg")),
        control: None,
        routes: vec![RouteId::Rule(RULE.parse().unwrap()), RouteId::DefaultAction(LISTENER.parse().unwrap())],
        test: Some(TestRoute {
            route: Some(RouteId::DefaultAction(format!("{LISTENER}-test").parse().unwrap())),
            url: Some("http://t/".into()),
        }),
        steps: vec![
            Step::SetCanaryScale("50".parse().unwrap()),
            weight("0.1"),
            Step::Hold(MINUTE),
            Step::AwaitPromote,
            weight("100"),
            Step::Bake(2 * MINUTE),
        ],
        capacity: Capacity::MatchWeight,
        after: AfterCommit::ScaleTo(3),
        alarms: vec!["a".into(), "b".into()],
        alarm_policy: AlarmPolicy {
            allow_red: vec!["b".into()],
            insufficient_data: NoData::Allow,
            missing: NoData::Wait(MINUTE),
            unreadable: NoData::Refuse,
        },
        drift: DriftPolicy::Rollback,
        rollback: RollbackPolicy { on_interrupt: OnInterrupt::Rollback, deadline: 3 * MINUTE, sticky_hold: 4 * MINUTE },
        pre_traffic: vec![
            Hook { argv: vec!["./a".into(), "{{ testUrl }}".into()], timeout: DEFAULT_HOOK_TIMEOUT },
            Hook { argv: vec!["./b".into()], timeout: MINUTE },
        ],
        timing: Timing {
            poll: seconds(1),
            settle: seconds(2),
            propagation: seconds(3),
            drain: seconds(4),
            phase_deadline: seconds(300),
            freshness: seconds(6),
            stable_for: seconds(7),
        },
        code_deploy: CodeDeploy {
            application: Some("app".into()),
            group: Some("dg".into()),
            config: Some("own".into()),
            appspec: None,
            hooks: [("fn1", Event::BeforeInstall), ("fn2", Event::AfterAllowTraffic)]
                .map(|(function, event)| appspec::Hook { event, function: function.into() })
                .into(),
        },
        pause_timeout: 48 * 60 * MINUTE,
        analysis: None,
    };
    assert_eq!(spec, expected);
}

#[test]
fn each_engine_needs_its_own_fleet() {
    let fleets =
        ["{ services: { blue: b, green: g } }", "{ service: s }", "{ services: { blue: b, green: g }, service: s }"];
    let found = |engine: &str, fleet: &str| {
        let text = with(&format!("{REST}engine: {engine}\n"));
        codes_of(&text.replace("fleet: { services: { blue: b, green: g } }", &format!("fleet: {fleet}")))
    };
    let (fine, wrong) = (Vec::<&str>::new(), vec![codes::ENGINE_FLEET]);
    assert_eq!(fleets.map(|fleet| found("alb", fleet)), [fine.clone(), wrong.clone(), fine.clone()]);
    for engine in ["codedeploy", "ecs"] {
        assert_eq!(fleets.map(|fleet| found(engine, fleet)), [wrong.clone(), fine.clone(), fine.clone()]);
    }
    assert_eq!(fleets.map(|fleet| found("auto", fleet)), [fine.clone(), fine.clone(), fine.clone()]);
    let sets = [
        "{ taskSets: { service: s } }",
        "{ taskSets: { service: s }, service: s }",
        "{ taskSets: { service: s }, services: { blue: b, green: g } }",
    ];
    assert_eq!(sets.map(|fleet| found("alb", fleet)), [fine.clone(), fine.clone(), wrong.clone()]);
    assert_eq!(sets.map(|fleet| found("ecs", fleet)), [wrong.clone(), fine.clone(), wrong]);
    assert_eq!(found("alb", "{ taskSets: { } }"), [codes::MISSING_KEY]);
    let text = with(REST).replace("services: { blue: b, green: g }", "taskSets: { service: s }");
    assert_eq!(read(&text).fleet, Fleet { task_sets: Some("s".into()), ..Fleet::default() });
}

#[test]
fn only_our_own_weights_need_to_be_told_where_they_are() {
    let found = |engine: &str, fleet: &str, traffic: &str| {
        let text = with(&format!("{REST}engine: {engine}\n"));
        let text = text.replace("fleet: { services: { blue: b, green: g } }", &format!("fleet: {fleet}"));
        let from = text.find("traffic:").unwrap();
        let to = from + text[from..].find('\n').unwrap();
        codes_of(&format!("{}{traffic}{}", &text[..from], &text[to..]))
    };
    let one = "{ service: s }";
    let two = "{ services: { blue: b, green: g } }";
    let fine = Vec::<&str>::new();
    for engine in ["codedeploy", "ecs", "auto"] {
        assert_eq!(found(engine, one, ""), fine, "{engine}");
        assert_eq!(found(engine, one, "traffic: { test: { url: 'http://t/' } }"), fine, "{engine}");
    }
    for engine in ["alb", "auto"] {
        assert_eq!(found(engine, two, ""), [codes::MISSING_KEY], "{engine}");
        assert_eq!(found(engine, two, "traffic: { }"), [codes::MISSING_KEY, codes::KEY_CHOICE], "{engine}");
    }
    let test = format!(
        "traffic: {{ targetGroups: {{ blue: b, green: g }}, rules: ['{RULE}'], test: {{ url: 'http://t/' }} }}"
    );
    assert_eq!(found("alb", two, &test), [codes::KEY_CHOICE]);
}

#[test]
fn a_pause_lasts_for_whole_minutes_that_ecs_takes() {
    let found = |time: &str| codes_of(&with(&format!("{REST}ecs: {{ pauseTimeout: {time} }}\n")));
    assert!(["1m", "14d", "36h"].iter().all(|time| found(time).is_empty()));
    assert!(["59s", "90s", "15d"].iter().all(|time| found(time) == [codes::BAD_DURATION]));
}

/// Writes out every default that the table names, under its block.
fn written_defaults(fields: &[shape::Field]) -> Vec<String> {
    let plain = |default: &str| !default.contains("the ");
    let line = |field: &shape::Field| match (&field.shape, field.default) {
        (_, Some(default)) if plain(default) => Some(format!("{}: {default}", field.key)),
        (shape::Shape::Object(object), None) if !field.required => {
            let inside = written_defaults(object.fields);
            (!inside.is_empty()).then(|| format!("{}: {{ {} }}", field.key, inside.join(", ")))
        }
        _ => None,
    };
    fields.iter().filter_map(line).collect()
}

#[test]
fn the_defaults_that_are_told_are_those_that_hold() {
    let lines = written_defaults(table::SPEC.fields);
    assert!(lines.len() > 8, "{lines:?}");
    let bare = with("strategy: { blueGreen: {} }\n");
    let told = with(&format!("strategy: {{ blueGreen: {{}} }}\n{}\n", lines.join("\n")));
    let spec = |text: &str| parse("f", text, None, &unset).unwrap_or_else(|report| panic!("{report}")).0;
    assert_eq!(spec(&bare), spec(&told));
    assert_eq!(spec(&bare).steps, [weight("100"), Step::Bake(DEFAULT_BAKE)]);
}

#[test]
fn strategies_become_flat_steps() {
    let end = [weight("100"), Step::Bake(MINUTE)];
    assert_eq!(steps_of("{ blueGreen: {} }"), end);
    let linear = steps_of("{ linear: { step: 30, every: 5m } }");
    let hold = Step::Hold(5 * MINUTE);
    let expected =
        [weight("30"), hold.clone(), weight("60"), hold.clone(), weight("90"), hold, end[0].clone(), end[1].clone()];
    assert_eq!(linear, expected);
    assert_eq!(steps_of("{ linear: { step: 100, every: 5m } }"), end);
    assert_eq!(steps_of("{ linear: { step: 10, every: 5m } }").len(), 20);
    assert_eq!(steps_of("{ linear: { step: 0.1, every: 5m } }").len(), 2 * 999 + 2);
    let canary = "{ canary: { steps: [ { setWeight: 5 }, { pause: { duration: 1m } }, { setWeight: 100 } ] } }";
    assert_eq!(steps_of(canary), [weight("5"), Step::Hold(MINUTE), weight("100"), Step::Bake(MINUTE)]);
}

#[test]
fn weights_never_fall_and_end_once_at_full() {
    for strategy in ["{ linear: { step: 7.7, every: 1s } }", "{ linear: { step: 33.3, every: 1s } }"] {
        let weights: Vec<Percent> = steps_of(strategy)
            .into_iter()
            .filter_map(|step| if let Step::SetWeight(weight) = step { Some(weight) } else { None })
            .collect();
        assert!(weights.windows(2).all(|pair| pair[0] < pair[1]), "{weights:?}");
        assert_eq!(weights.last(), Some(&Percent::FULL));
    }
}

#[test]
fn a_release_is_a_file_a_revision_or_the_live_definition() {
    let release = |block: &str| {
        read(&with(REST).replace("taskDefinition: { file: taskdef.json }", &format!("taskDefinition: {block}"))).release
    };
    let arn = "arn:aws:ecs:eu-west-3:111122223333:task-definition/frontend:42";
    assert_eq!(release(&format!("{{ arn: '{arn}' }}")), Release::Existing(arn.parse().unwrap()));
    let images: BTreeMap<String, String> = [("app".to_owned(), "r/a:1".to_owned())].into();
    assert_eq!(release("{ images: { app: r/a:1 } }"), Release::Live { images: images.clone() });
    let file = PathBuf::from("t.json");
    assert_eq!(release("{ file: t.json, images: { app: r/a:1 } }"), Release::Register { file, images });
}

#[test]
fn only_the_chosen_environment_needs_its_variables() {
    let text = with(REST).replace(
        "{ prod: { cluster: shop } }",
        "{ prod: { cluster: '${PROD}' }, beta: { cluster: '${BETA}', account: '${ACCOUNT}' } }",
    );
    let variables = |name: &str| (name == "PROD").then(|| "shop".to_owned());
    let (spec, _) = parse("f", &text, Some("prod"), &variables).unwrap();
    assert_eq!(spec.environment.cluster, "shop");
    let report = parse("f", &text, Some("beta"), &variables).unwrap_err();
    let found: Vec<&str> = report.diagnostics.iter().map(|finding| finding.code).collect();
    assert_eq!(found, [codes::VARIABLE_UNSET, codes::VARIABLE_UNSET]);
    // A wrong value that needs no variable is wrong in every environment.
    let text = text.replace("'${ACCOUNT}'", "'12'");
    assert!(parse("f", &text, Some("prod"), &variables).is_err());
}

#[test]
fn times_and_numbers_may_come_from_variables() {
    let text = with(
        "strategy: { linear: { step: '${STEP}', every: '${EVERY:-1m}' } }\nalarms: [a]\nafter: { scaleTo: '${N}' }\n",
    );
    let variables = |name: &str| {
        Some(
            if name == "STEP" {
                "50%"
            } else if name == "N" {
                "2"
            } else {
                ""
            }
            .to_owned(),
        )
    };
    let (spec, _) = parse("f", &text, None, &variables).unwrap();
    assert_eq!(spec.steps[..2], [weight("50"), Step::Hold(MINUTE)]);
    assert_eq!(spec.after, AfterCommit::ScaleTo(2));
}

#[test]
fn the_environment_is_chosen_by_name() {
    let two = with(REST).replace("{ prod: { cluster: shop } }", "{ prod: { cluster: p }, beta: { cluster: b } }");
    assert_eq!(parse("f", &two, Some("beta"), &unset).unwrap().0.environment.cluster, "b");
    assert_eq!(codes_of(&two), [codes::ENVIRONMENT]);
    assert!(parse("f", &with(REST), Some("beta"), &unset).is_err());
    assert_eq!(read(&with(REST)).environment.name, "prod");
}

#[test]
fn json_is_a_spec_too() {
    let yaml = with(REST);
    let json = document::parse(&yaml).root.unwrap().to_json();
    let text = serde_json::to_string_pretty(&json).unwrap().replace("  ", "\t");
    assert_eq!(read(&text), read(&yaml));
}

#[test]
fn a_sticky_hold_and_a_drain_may_be_zero() {
    let spec = read(&with(&format!("{REST}rollback: {{ stickyHold: 0s }}\ntiming: {{ drain: 0, propagation: 0s }}\n")));
    assert_eq!((spec.rollback.sticky_hold, spec.timing.drain), (Duration::ZERO, Duration::ZERO));
}

#[test]
fn an_alarm_list_that_is_full_is_fine_and_one_more_is_not() {
    let names = |n: usize| (0..n).map(|i| format!("a{i}")).collect::<Vec<_>>().join(", ");
    let text = |n: usize| with(&format!("strategy: {{ blueGreen: {{}} }}\nalarms: [{}]\n", names(n)));
    assert_eq!(codes_of(&text(100)), Vec::<&str>::new());
    assert_eq!(codes_of(&text(101)), [codes::LIST_SIZE]);
}

#[test]
fn a_target_group_is_the_same_by_name_and_by_arn() {
    let arn = |name: &str| format!("arn:aws:elasticloadbalancing:eu-west-3:111122223333:targetgroup/{name}/1a2b");
    let groups = |blue: &str, green: &str| {
        let pair = format!("targetGroups: {{ blue: '{blue}', green: '{green}' }}");
        codes_of(&with(REST).replace("targetGroups: { blue: b, green: g }", &pair))
    };
    assert_eq!(groups("front", &arn("front")), [codes::SAME_FLEET]);
    assert_eq!(groups(&arn("front"), "front"), [codes::SAME_FLEET]);
    assert_eq!(groups(&arn("front"), &arn("front")), [codes::SAME_FLEET]);
    assert_eq!(groups(&arn("front"), &arn("back")), Vec::<&str>::new());
    assert_eq!(groups("front", &arn("back")), Vec::<&str>::new());
}

#[test]
fn other_environments_may_be_elsewhere() {
    let text = with(REST).replace(
        "{ prod: { cluster: shop } }",
        "{ prod: { cluster: shop, region: eu-west-3 }, beta: { cluster: shop, region: us-east-1 } }",
    );
    assert!(parse("f", &text, Some("prod"), &unset).is_ok());
    let report = parse("f", &text, Some("beta"), &unset).unwrap_err();
    assert_eq!(report.diagnostics[0].code, codes::ELSEWHERE);
}

#[test]
fn the_reference_lists_every_key() {
    let markdown = reference_markdown();
    for path in
        ["`version`", "`environments.NAME.account`", "`strategy.canary.steps[].pause.duration`", "`after.scaleTo`"]
    {
        assert!(markdown.contains(path), "{path} is missing from\n{markdown}");
    }
    assert!(markdown.contains("taskSets") && !markdown.contains("notify"));
    let cells = |line: &str| line.replace("\\|", "").matches('|').count();
    assert!(markdown.lines().all(|line| cells(line) == 5), "{markdown}");
}

#[test]
fn a_report_of_a_whole_file_ends_with_its_numbers() {
    let report = parse("my.yaml", "version: 1\n", None, &unset).unwrap_err();
    assert!(report.to_string().ends_with("my.yaml: 6 errors, 1 warning"), "{report}");
}

proptest! {
    #[test]
    fn mutated_specs_never_panic(at in 0..700usize, cut in 0..8usize, insert in "[ \\n\\t:*!&{}\\[\\]'\"#|>%?,.~<$a-f0-9-]{0,4}") {
        let text = with("strategy:\n  canary:\n    steps:\n      - setWeight: 10\n      - pause: { duration: 5m }\nalarms: [a]\ntiming: { poll: 5s }\nhooks: { preTraffic: [['./x', '{{color}}']] }\n");
        let start = at.min(text.len());
        let mut changed = text.clone();
        changed.replace_range(start..(start + cut).min(text.len()), &insert);
        if let Err(report) = parse("f", &changed, None, &unset) {
            prop_assert!(report.has_errors());
            let end = |place: Option<Place>| place.map_or(0, |place| place.span.end);
            prop_assert!(report.diagnostics.iter().all(|finding| end(finding.place) <= changed.len()));
            prop_assert!(report.render().lines().count() > 1);
        }
    }

    #[test]
    fn values_of_variables_are_never_shown(secret in "[a-z]{3}[A-Z0-9 :*{}'\"\\n,/-]{9,20}[a-z]{3}", at in 0..12usize) {
        // Each scalar in turn becomes the secret.
        let spec = with("strategy: { linear: { step: 10, every: 5m } }\nalarms: [a]\nbake: 1m\nengine: alb\nhooks: { preTraffic: [['./x']] }\n");
        let places = ["frontend", "shop", "taskdef.json", "b,", "10", "5m", "[a]", "1m", "alb\n", "./x", "prod: { cluster", "arn:aws:"];
        let place = places[at];
        let value = match place {
            "b," => "'${S}',".to_owned(),
            "[a]" => "['${S}', '${S}']".to_owned(),
            "alb\n" => "${S}\n".to_owned(),
            "prod: { cluster" => "prod: { region: '${S}', account: '${S}', cluster".to_owned(),
            "arn:aws:" => "${S}arn:aws:".to_owned(),
            _ => "${S}".to_owned(),
        };
        let text = spec.replacen(place, &value, 1);
        if let Err(report) = parse("f", &text, None, &|_| Some(secret.clone())) {
            for part in secret.split_whitespace().filter(|part| part.len() > 5) {
                prop_assert!(!report.render().contains(part), "{}", report);
            }
        }
    }
}
