//! The emulator before any release is run on it: its own checks, and what the support of these tests makes of it.

use std::process::Stdio;

use bluegreen_tests::emulator::{Emulator, Outcome, Trouble, script};
use serde_json::json;

#[test]
fn the_emulator_holds_its_own_checks() -> Outcome<()> {
    let mut command = script("selfcheck.py")?;
    let out = command.stdin(Stdio::null()).output().map_err(|why| Trouble::new(format!("selfcheck.py: {why}")))?;
    let said = format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    assert!(out.status.success(), "{said}");
    assert!(said.contains("checks hold"), "{said}");
    Ok(())
}

#[test]
fn a_world_is_created_watched_and_forgotten() -> Outcome<()> {
    let emulator = Emulator::start()?;
    let world = emulator.fixture(&["--default-action", "--red", "frontend-5xx"])?;
    let watch = world.watch()?;
    let first = watch.first().clone();
    assert_eq!(first.weight(world.rule(), "blue"), Some(100));
    assert_eq!(first.weight(world.listener(), "green"), Some(0));
    assert_eq!(first.0["alarms"], json!({ "frontend-5xx": "ALARM", "frontend-latency": "OK" }));
    assert_eq!(first.service("frontend-blue")["runningCount"], 2);
    assert_eq!(first.revisions(), [world.value("taskDefinition")]);
    // The reader and the fixture are the tests' own: they leave no trace among the operators' requests.
    assert!(emulator.requests()?.is_empty());
    assert_eq!(watch.stop()?.weights(world.rule(), "green"), [0]);
    emulator.reset()?;
    let again = emulator.fixture(&["--blue-only", "--no-stickiness"])?.look()?;
    let forward = &again.rules()[0]["Actions"][0]["ForwardConfig"];
    assert_eq!(forward["TargetGroups"].as_array().map(Vec::len), Some(1));
    assert_eq!(forward["TargetGroupStickinessConfig"], json!({ "Enabled": false }));
    Ok(())
}

#[test]
fn a_wrong_order_is_refused_by_name() -> Outcome<()> {
    let emulator = Emulator::start()?;
    let refused = emulator.arm_fault(&json!({ "service": "elbv2" })).err().map(|why| why.to_string());
    assert!(refused.as_deref().is_some_and(|why| why.contains("either a code or a drop")), "{refused:?}");
    Ok(())
}
