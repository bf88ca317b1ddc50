//! The sandbox judged by clients that this project did not write: boto3 and the AWS CLI, by their own parsers, paginators
//! and waiters.
//!
//! One test an area; the checks themselves are in `tests/sandbox`, and a failure shows which did not hold.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use bluegreen_tests::emulator::{Outcome, Trouble};
use bluegreen_tests::sandbox::{Sandbox, operations};

/// Runs an area on a sandbox of its own.
fn judge(flags: &[&str], program: &str, more: &[&str]) -> Outcome<()> {
    let sandbox = Sandbox::start(flags)?;
    let said = sandbox.run(program, more)?;
    if said.contains("checks hold") { Ok(()) } else { Err(Trouble::new(format!("{program} checked nothing:\n{said}"))) }
}

/// Metrics are to be seen soon after they were put.
const QUICK: [&str; 2] = ["--metric-period", "1s"];

#[test]
fn load_balancers_are_made_and_read_back() -> Outcome<()> {
    judge(&[], "balancers.py", &[])
}

#[test]
fn load_balancers_in_the_smallest_pages() -> Outcome<()> {
    judge(&["--page-size", "1"], "balancers.py", &[])
}

#[test]
fn fleets_are_made_and_read_back() -> Outcome<()> {
    judge(&["--speed", "5"], "fleets.py", &[])
}

#[test]
fn fleets_in_the_smallest_pages() -> Outcome<()> {
    judge(&["--speed", "5", "--page-size", "1"], "fleets.py", &[])
}

#[test]
fn metrics_and_alarms_in_cbor() -> Outcome<()> {
    judge(&QUICK, "monitoring.py", &["--protocol", "smithy-rpc-v2-cbor"])
}

#[test]
fn metrics_and_alarms_in_json() -> Outcome<()> {
    judge(&QUICK, "monitoring.py", &["--protocol", "json"])
}

#[test]
fn metrics_and_alarms_in_the_query_protocol() -> Outcome<()> {
    judge(&QUICK, "monitoring.py", &["--protocol", "query"])
}

#[test]
fn metrics_and_alarms_in_the_smallest_pages() -> Outcome<()> {
    judge(&["--metric-period", "1s", "--page-size", "1"], "monitoring.py", &[])
}

#[test]
fn alarms_turn_by_themselves() -> Outcome<()> {
    judge(&QUICK, "evaluation.py", &[])
}

#[test]
fn load_balancing_refuses_as_aws_does() -> Outcome<()> {
    judge(&[], "refusals_balancers.py", &[])
}

#[test]
fn ecs_refuses_as_aws_does() -> Outcome<()> {
    judge(&[], "refusals_fleets.py", &[])
}

#[test]
fn cloudwatch_refuses_as_aws_does() -> Outcome<()> {
    judge(&[], "refusals_monitoring.py", &["--protocol", "smithy-rpc-v2-cbor"])
}

#[test]
fn cloudwatch_refuses_in_the_query_protocol_too() -> Outcome<()> {
    judge(&[], "refusals_monitoring.py", &["--protocol", "query"])
}

#[test]
fn callers_and_tags_are_known() -> Outcome<()> {
    judge(&["--page-size", "1"], "identity.py", &[])
}

#[test]
fn the_aws_cli_makes_and_reads_a_world() -> Outcome<()> {
    judge(&["--page-size", "1"], "cli.py", &[])
}

#[test]
fn faults_are_what_botocore_takes_them_for() -> Outcome<()> {
    judge(&["--fault", "throttle=0.33"], "faults.py", &[])
}

#[test]
fn a_service_really_runs() -> Outcome<()> {
    // Health checks come every five seconds at the most: five times as fast is a second.
    let sandbox = Sandbox::start(&["--metric-period", "1s", "--speed", "5"])?;
    let notes = sandbox.notes_path();
    sandbox.run("service.py", &["--notes", &notes.to_string_lossy()]).map(drop)
}

/// Short minutes, fast health checks, and a hook that fails.
const REHEARSED: [&str; 6] = ["--minute", "10s", "--speed", "5", "--hook", "says-no=false"];

#[test]
fn codedeploy_really_deploys() -> Outcome<()> {
    let sandbox = Sandbox::start(&REHEARSED)?;
    let notes = sandbox.notes_path();
    sandbox.run("codedeploy.py", &["--notes", &notes.to_string_lossy()]).map(drop)
}

#[test]
fn codedeploy_in_the_smallest_pages() -> Outcome<()> {
    let sandbox = Sandbox::start(&[&REHEARSED[..], &["--page-size", "1"]].concat())?;
    let notes = sandbox.notes_path();
    sandbox.run("codedeploy.py", &["--notes", &notes.to_string_lossy()]).map(drop)
}

#[test]
fn the_aws_cli_deploys_by_its_own_command() -> Outcome<()> {
    judge(&["--minute", "10s", "--speed", "5"], "codedeploy_cli.py", &[])
}

#[test]
fn a_service_is_really_deployed_by_ecs_itself() -> Outcome<()> {
    let sandbox = Sandbox::start(&["--speed", "5"])?;
    let notes = sandbox.notes_path();
    sandbox.run("native.py", &["--notes", &notes.to_string_lossy()]).map(drop)
}

/// The files of the orchestrator's adapters, without their tests.
fn adapters() -> Vec<PathBuf> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|kind| kind == "rs") && !path.ends_with("tests.rs") {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/bluegreen-core/src/aws"), &mut found);
    found
}

/// `"elbv2:DescribeRules"` and the like, as the adapters name what they call.
fn named(code: &str) -> impl Iterator<Item = &str> {
    code.split('"').filter(|text| {
        text.split_once(':').is_some_and(|(service, operation)| {
            ["elbv2", "ecs", "cloudwatch", "sts", "resourcegroupstaggingapi", "codedeploy"].contains(&service)
                && operation.starts_with(|c: char| c.is_ascii_uppercase())
                && operation.chars().all(|c| c.is_ascii_alphanumeric())
        })
    })
}

#[test]
fn whatever_the_orchestrator_calls_third_party_clients_call_too() -> Outcome<()> {
    let third_party = operations()?;
    let mut ours = BTreeSet::new();
    for path in adapters() {
        let code = fs::read_to_string(&path).map_err(|why| Trouble::new(format!("{}: {why}", path.display())))?;
        ours.extend(named(&code).map(str::to_owned));
    }
    assert!(ours.len() >= 16 && ours.contains("elbv2:ModifyRule"), "the adapters name their operations: {ours:?}");
    let unjudged: Vec<_> = ours.difference(&third_party).collect();
    assert!(unjudged.is_empty(), "no area in tests/sandbox calls {unjudged:?}: add each to one");
    Ok(())
}
