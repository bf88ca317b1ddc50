//! Pages of journals that are never rewritten, and of texts that would like to be more than text.
//!
//! `UPDATE_REPORTS=1 cargo test -p bluegreen-cli reports` writes the pages anew.

use std::path::PathBuf;

use bluegreen_core::event::Look;
use bluegreen_core::journal::{
    Body, Cause, Command, Ending, Fact, FileStore, Mutation, Purpose, Record, Resolution, Terminal, Verb,
};
use bluegreen_core::model::{Action, ByColor, Percent, Role, Step, Timestamp};
use bluegreen_core::observe::{AlarmState, TargetHealth};
use bluegreen_core::plan::{Plan, Release};
use bluegreen_core::report::{FleetReport, TrafficPoint};

use super::*;
use crate::exit::Exit;
use crate::sample;

fn place(parts: &[&str]) -> PathBuf {
    let mut path = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    path.extend(parts);
    path
}

/// The records of a journal from the library's own collection.
fn old_journal(name: &str) -> Vec<Record> {
    let root = std::env::temp_dir().join(format!("bluegreen-{}-{name}", std::process::id()));
    let plan = sample::plan("frontend", sample::run_id("frontend", 1).as_str());
    let store = FileStore::new(&root, &plan.site);
    std::fs::create_dir_all(store.run_path(&plan.run).parent().unwrap()).unwrap();
    std::fs::copy(place(&["..", "bluegreen-core", "testdata", name]), store.run_path(&plan.run)).unwrap();
    let contents = store.read(&plan.run).unwrap();
    std::fs::remove_dir_all(&root).unwrap();
    contents.records
}

fn page(report: &Report) -> String {
    let why = String::new();
    let exit = report.outcome.terminal.map(|terminal| Exit::from(&Ending { terminal, why }).code());
    html(report, Context { exit, alive: false }).unwrap()
}

/// Compares with the page that is checked in, without its style. A folder in `UPDATE_REPORTS` gets whole pages, to look
/// at.
fn same(name: &str, page: &str) {
    let file = place(&["tests", "report", name]);
    let without = page.replace(STYLE, "");
    if let Some(update) = std::env::var_os("UPDATE_REPORTS") {
        std::fs::write(&file, &without).unwrap();
        if PathBuf::from(&update).is_dir() {
            std::fs::write(PathBuf::from(update).join(name), page).unwrap();
        }
    }
    let before = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(before == without, "{name} changed: UPDATE_REPORTS=1 writes it anew");
}

/// The records of one run, as they are being made.
struct Story {
    plan: Plan,
    records: Vec<Record>,
    looks: Vec<Look>,
    second: i64,
}

impl Story {
    fn begin(plan: Plan) -> Story {
        let mut story = Story { records: Vec::new(), looks: Vec::new(), second: 0, plan };
        let (plan, hash) = (Box::new(story.plan.clone()), story.plan.hash());
        story.push(Body::Started { plan, hash, operator: sample::operator() });
        story
    }

    fn at(&self) -> Timestamp {
        at(self.second)
    }

    fn push(&mut self, body: Body) -> &mut Story {
        let record = Record { seq: self.records.len() as u64, at: self.at(), body };
        self.records.push(record);
        self
    }

    fn fact(&mut self, fact: Fact) -> &mut Story {
        self.push(Body::Fact(fact))
    }

    fn after(&mut self, seconds: i64) -> &mut Story {
        self.second += seconds;
        self
    }

    fn act(&mut self, mutation: Mutation, because: &str, resolution: Resolution) -> &mut Story {
        let intent = self.records.len() as u64;
        self.push(Body::Intent { mutation, because: because.to_owned() });
        self.after(1).push(Body::Outcome { intent, resolution })
    }

    fn set(&mut self, actions: Vec<Action>, purpose: Purpose, because: &str) -> &mut Story {
        let route = self.plan.baseline.routes[0].id.clone();
        let applied = Resolution::Applied { task_definition: None };
        self.act(Mutation::SetActions { route, actions, purpose }, because, applied)
    }

    fn weigh(&mut self, percent: &str) -> &mut Story {
        let share: Percent = percent.parse().unwrap();
        let (stable, canary) = (100 - percent.parse::<u32>().unwrap(), percent.parse::<u32>().unwrap());
        let actions = weights(&self.plan, stable, canary);
        self.set(actions, Purpose::Step(share), &format!("the canary gets {share}"))
    }

    fn command(&mut self, verb: Verb, by: &str) -> &mut Story {
        let (id, at) = (format!("c{}", self.records.len()), self.at());
        self.fact(Fact::Commanded(Command { id, at, by: by.to_owned(), verb }))
    }

    /// Looks every ten seconds until `until`.
    fn look(&mut self, until: i64, configured: u32, observed: Option<u32>, alarm: &AlarmState) -> &mut Story {
        let start = self.looks.last().map_or(0, |look| look.at.as_second() - at(0).as_second() + 10);
        for second in (start..until).step_by(10) {
            let health = |healthy| Some(TargetHealth { healthy, ..TargetHealth::default() });
            self.looks.push(Look {
                at: at(second),
                set: Percent::ZERO,
                configured: vec![(self.plan.baseline.routes[0].id.clone(), Some(configured))],
                observed,
                tasks: Some(ByColor { blue: (4, 4), green: (4, 4) }),
                health: ByColor { blue: health(4), green: health(4) },
                alarms: vec![("web-5xx".to_owned(), alarm.clone())],
                control: None,
            });
        }
        self
    }

    fn report(&self) -> Report {
        Report::from_records(&self.records, &self.looks).unwrap()
    }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_795_413_600 + second).unwrap()
}

fn weights(plan: &Plan, stable: u32, canary: u32) -> Vec<Action> {
    let mut actions = plan.baseline.routes[0].actions.clone();
    for action in &mut actions {
        if let bluegreen_core::model::ActionKind::Forward(forward) = &mut action.kind {
            forward.groups[0].weight = stable.try_into().ok();
            forward.groups[1].weight = canary.try_into().ok();
        }
    }
    actions
}

/// A release that goes to 10 %, is paused by a person for a while, turns red at 50 %, and is brought back.
fn bad_release() -> Story {
    let mut plan = sample::plan("web", sample::run_id("web", 1).as_str());
    plan.created_at = at(-20);
    plan.steps = vec![
        Step::SetWeight("10".parse().unwrap()),
        Step::Hold(std::time::Duration::from_secs(120)),
        Step::SetWeight("50".parse().unwrap()),
        Step::Hold(std::time::Duration::from_secs(300)),
        Step::SetWeight(Percent::FULL),
        Step::Bake(std::time::Duration::from_secs(600)),
    ];
    let mut story = Story::begin(plan);
    let new = "arn:aws:ecs:eu-west-3:111122223333:task-definition/web:8".parse().unwrap();
    let registered = Resolution::Applied { task_definition: Some(new) };
    story.after(2).fact(Fact::GreenAtStart).fact(Fact::Attached);
    story.act(Mutation::RegisterTaskDefinition, "web has no revision of this run", registered);
    story.after(45).fact(Fact::CanaryHealthy { healthy: 4 });
    story.weigh("10").after(6).fact(Fact::StepVerified(0));
    story.after(40).command(Verb::Pause, "eve@desk").after(70).command(Verb::Promote, "eve@desk");
    story.after(5).fact(Fact::GateClosed { why: "alarm web-5xx has insufficient data".to_owned() });
    story.after(30).fact(Fact::GateOpened);
    story.fact(Fact::StepPassed { step: 1, why: "promoted by eve@desk".to_owned() });
    story.weigh("50").after(6).fact(Fact::StepVerified(2));
    let reason = "Threshold Crossed: 3 datapoints were greater than the threshold (5.0)".to_owned();
    story.after(95).fact(Fact::Restoring(Cause::AlarmRed { alarm: "web-5xx".to_owned(), reason }));
    let baseline = story.plan.baseline.routes[0].actions.clone();
    story.set(baseline, Purpose::Restore, "the baseline comes back");
    story.after(30).fact(Fact::TrafficRestored).after(60).fact(Fact::CapacityRestored);
    let why = "the baseline was restored and read back; alarm web-5xx is red".to_owned();
    story.push(Body::Finished(Ending { terminal: Terminal::RolledBack, why }));
    story
}

fn looked_at(mut story: Story) -> Story {
    story.look(60, 0, None, &AlarmState::Ok).look(160, 100_000, Some(96_000), &AlarmState::Ok);
    story.look(200, 100_000, Some(102_000), &AlarmState::InsufficientData);
    story.look(260, 500_000, Some(310_000), &AlarmState::Ok).look(300, 500_000, Some(489_000), &AlarmState::Ok);
    story.look(310, 500_000, Some(489_000), &AlarmState::Alarm);
    for look in &mut story.looks {
        look.alarms.retain(|_| look.at <= at(310));
    }
    story.look(400, 0, Some(120_000), &AlarmState::Ok);
    story
}

fn counted() -> Vec<TrafficPoint> {
    let point = |second: i64, version: &str, requests: u64, errors: u64| TrafficPoint {
        at: at(second),
        version: version.to_owned(),
        requests,
        errors,
    };
    let share = |second: i64| match second {
        57..215 => 10,
        215..310 => 50,
        _ => 0,
    };
    let green = |second: i64| u64::try_from(share(second) * 2 + second % 3 * i64::from(share(second) > 0)).unwrap();
    (0..400)
        .flat_map(|second| {
            let (new, wave) = (green(second), u64::try_from(second % 7).unwrap());
            [point(second, "blue", 200 - new + wave, u64::from(second % 90 == 0)), point(second, "green", new, new / 9)]
        })
        .collect()
}

#[test]
fn reports_of_old_journals_are_as_they_were() {
    for name in ["journal-v1", "journal-v1-everything", "journal-v1-judged"] {
        let report = Report::from_records(&old_journal(&format!("{name}.jsonl")), &[]).unwrap();
        same(&format!("{name}.html"), &page(&report));
    }
}

#[test]
fn reports_of_all_that_can_be_known() {
    let report = looked_at(bad_release()).report().with_traffic(counted());
    same("rolled-back.html", &page(&report));
}

#[test]
fn a_page_loads_nothing_and_its_policy_allows_its_own_style_alone() {
    let page = page(&looked_at(bad_release()).report().with_traffic(counted()));
    for word in ["<script", "http://", "https://", "style=", "<link", "<img", "@import", "url(", "javascript:"] {
        assert!(!page.contains(word), "{word}");
    }
    let hash = base64(&Sha256::digest(page.split("<style>").nth(1).unwrap().split("</style>").next().unwrap()));
    assert!(page.contains(&format!("content=\"default-src 'none'; style-src 'sha256-{hash}'; ")));
    assert!(page.find(GENERATOR).is_some_and(|at| at < 1024), "that it is a report is said at its beginning");
}

#[test]
fn a_page_is_well_formed() {
    let page = page(&looked_at(bad_release()).report().with_traffic(counted()));
    let void = ["!doctype", "meta", "br"];
    let mut open: Vec<String> = Vec::new();
    for tag in page.replace(STYLE, "").split('<').skip(1) {
        let tag = tag.split('>').next().unwrap();
        let name = tag.trim_start_matches('/').split([' ', '/']).next().unwrap().to_owned();
        if let Some(closed) = tag.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(closed), "after {open:?}");
        } else if !void.contains(&name.as_str()) && !tag.ends_with('/') {
            open.push(name);
        }
    }
    assert_eq!(open, [""; 0]);
    let ids: Vec<&str> = page.split(" id=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    assert_eq!(ids.len(), ids.iter().collect::<std::collections::BTreeSet<_>>().len(), "each id once: {ids:?}");
    for part in ["aria-labelledby=\""] {
        for named in page.split(part).skip(1).flat_map(|rest| rest.split('"').next().unwrap().split(' ')) {
            assert!(ids.contains(&named), "{named} names nothing");
        }
    }
    assert_eq!(page.matches("<table").count(), page.matches("<caption>").count(), "every table has a caption");
    assert_eq!(page.matches("<svg").count(), page.matches("</desc>").count(), "every picture is told in words");
}

/// Markup, terminal controls, characters that turn lines around, and an attribute's end.
const NASTY: &str = "<script>alert(1)</script>\u{1b}[31m\u{202e}\u{7}\"'>&{{ 7*7 }}{% raw %}";

#[test]
fn texts_from_outside_stay_texts() {
    let nasty = || NASTY.to_owned();
    let mut plan = sample::plan("web", sample::run_id("web", 1).as_str());
    plan.site.cluster = nasty();
    plan.site.service = nasty();
    plan.site.environment = nasty();
    plan.baseline.services.blue.name = nasty();
    plan.baseline.services.green.name = nasty();
    plan.baseline.routes[0].priority = nasty();
    let config = serde_json::Map::new();
    let kind = bluegreen_core::model::ActionKind::Other { name: nasty(), config };
    plan.baseline.routes[0].actions.insert(0, Action { order: None, kind });
    plan.alarms[0].name = nasty();
    let document = serde_json::json!({ "containerDefinitions": [{ "name": NASTY, "image": NASTY }] });
    plan.release = Release::Register { family: nasty(), document };
    let alarms = vec![(nasty(), AlarmState::Unknown(nasty()))];
    let mut story = Story::begin(plan.clone());
    let operator = bluegreen_core::journal::Operator { user: nasty(), host: nasty(), ..sample::operator() };
    story.push(Body::Resumed { operator });
    story.weigh("10").command(Verb::Pause, NASTY).fact(Fact::GateClosed { why: nasty() });
    story.fact(Fact::CanaryUnhealthy { seen: nasty() });
    let output = format!("{NASTY}\n{NASTY}");
    story.act(Mutation::RegisterTaskDefinition, NASTY, Resolution::HookFailed { output: output.clone() });
    story.act(Mutation::RegisterTaskDefinition, NASTY, Resolution::Withheld { why: nasty() });
    let (route, expected) = (plan.baseline.routes[0].id.clone(), plan.baseline.routes[0].actions.clone());
    story.fact(Fact::Drift { route, expected, found: weights(&plan, 1, 1) });
    story.fact(Fact::StepVerified(0)).fact(Fact::StepPassed { step: 1, why: nasty() });
    story.fact(Fact::Restoring(Cause::Hook(output)));
    story.fact(Fact::Restoring(Cause::AlarmRed { alarm: nasty(), reason: nasty() }));
    story.push(Body::Finished(Ending { terminal: Terminal::Held, why: nasty() }));
    story.look(30, 1, Some(1), &AlarmState::Unknown(nasty()));
    story.looks.iter_mut().for_each(|look| look.alarms.clone_from(&alarms));
    let counted = vec![TrafficPoint { at: at(0), version: nasty(), requests: 1, errors: 1 }];
    let page = page(&story.report().with_traffic(counted));
    assert!(!page.contains("<script") && !page.contains("alert(1)</script>"), "markup is escaped");
    assert!(page.matches("&lt;script&gt;").count() > 25, "and still shown");
    assert!(!page.contains("\"'>"), "no attribute is left");
    assert!(page.contains("{{ 7*7 }}"), "a text is no template");
    let control = page.chars().find(|c| (c.is_control() && *c != '\n') || ('\u{202a}'..='\u{202e}').contains(c));
    assert_eq!(control, None);
}

#[test]
fn secrets_never_appear() {
    let mut plan = sample::plan("web", sample::run_id("web", 1).as_str());
    let hook = bluegreen_core::model::Hook {
        argv: vec!["./smoke.sh".to_owned(), "--token=s3cret-arg".to_owned()],
        timeout: std::time::Duration::from_secs(1),
    };
    plan.pre_traffic = vec![hook.clone()];
    plan.test_url = Some("https://user:s3cret-url@example.com/".to_owned());
    let mut story = Story::begin(plan);
    story.act(Mutation::RunHook(0, hook), "hook 1 of 1", Resolution::Applied { task_definition: None });
    let report = story.report();
    for text in [page(&report), serde_json::to_string(&report).unwrap()] {
        assert!(text.contains("smoke.sh") && text.contains("example&#x2f;web:8") || text.contains("example/web:8"));
        assert!(!text.contains(sample::SECRET) && !text.contains("s3cret"));
    }
}

#[test]
fn a_run_that_is_not_over_says_so() {
    let mut story = bad_release();
    story.records.truncate(8);
    let page = html(&story.report(), Context { exit: None, alive: true }).unwrap();
    assert!(page.contains("Not over, so without an exit code") && page.contains("an operator worked on it"));
    story.records.truncate(1);
    assert!(html(&story.report(), Context::default()).unwrap().contains("nobody worked on it"));
}

#[test]
fn what_was_not_counted_is_said_to_be_unknown() {
    let bare = page(&bad_release().report());
    for text in ["which share of the requests", "how many requests were answered", "when the alarm itself turned red"] {
        assert!(bare.contains(text), "{text}");
    }
    let full = page(&looked_at(bad_release()).report().with_traffic(counted()));
    for text in ["which share of the requests", "how many requests were answered"] {
        assert!(!full.contains(text), "{text}");
    }
}

#[test]
fn base64_is_as_others_write_it() {
    let of = |text: &str| base64(text.as_bytes());
    assert_eq!([of(""), of("f"), of("fo"), of("foo"), of("foob")], ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg=="]);
    assert_eq!(base64(&[0xfb, 0xff]), "+/8=");
}

#[test]
fn times_of_another_day_bring_their_date() {
    assert_eq!(clock("2026-11-23T06:05:12.5Z", "2026-11-23"), "06:05:12");
    assert_eq!(clock("2026-11-24T06:05:12Z", "2026-11-23"), "2026-11-24 06:05:12");
}

#[test]
fn a_control_fleet_is_a_third_row() {
    let mut report = bad_release().report();
    assert!(page(&report).contains("The two fleets before"));
    let fleet = report.fleets.blue.clone();
    report.control = Some(FleetReport { role: Role::Control, service: "web-control".to_owned(), ..fleet });
    let page = page(&report);
    assert!(page.contains("The three fleets before"));
    assert!(page.contains(r#"web-control <span class="tag">control</span>"#));
}
