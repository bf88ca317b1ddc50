//! A stage of a pipeline and a hook as far as they need no AWS: what they are given, and how they end.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::{Ended, command, ended, folder, with_stdin};

const EXECUTION: &str = "0b1c2d3e-4f5a-4b7c-8d9e-0f1a2b3c4d5e";

/// A build whose artifacts and working folder are below `dir`.
fn build(dir: &Path, options: &[&str]) -> Command {
    let mut build = command(&["pipeline", "codebuild"]);
    build
        .args(options)
        .current_dir(dir)
        .env("BLUEGREEN_STATE", dir.join("state"))
        .env("BLUEGREEN_EXECUTION_ID", EXECUTION)
        .env("CODEBUILD_SRC_DIR", dir.join("src"))
        .env("CODEBUILD_SRC_DIR_Build", dir.join("build"));
    build
}

fn artifacts(name: &str) -> std::path::PathBuf {
    let dir = folder(name);
    for artifact in ["src", "build"] {
        std::fs::create_dir_all(dir.join(artifact)).unwrap();
    }
    let taskdef = serde_json::json!({
        "family": "frontend",
        "memory": "512",
        "containerDefinitions": [{ "name": "frontend", "image": "<IMAGE1_NAME>" }],
    });
    write(&dir, "src/taskdef.json", &taskdef.to_string());
    let spec = [env!("CARGO_MANIFEST_DIR"), "../../appspec/examples/pipeline/bluegreen.yaml"].join("/");
    let spec = std::fs::read_to_string(spec).unwrap();
    write(&dir, "src/bluegreen.yaml", &spec);
    dir
}

fn write(dir: &Path, name: &str, text: &str) {
    std::fs::write(dir.join(name), text).unwrap();
}

/// It ended before AWS was asked anything, said so, and exported what became of it.
fn assert_invalid(dir: &Path, ended: &Ended, said: &str) {
    assert_eq!(ended.code, 2, "{}", ended.stderr);
    let words = ended.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains(said), "{said}:\n{}", ended.stderr);
    let variables = std::fs::read_to_string(dir.join("bluegreen-out/variables.sh")).unwrap();
    assert!(variables.contains("export BLUEGREEN_OUTCOME='invalid'\n"), "{variables}");
    assert!(variables.contains("export BLUEGREEN_EXIT_CODE='2'\n"), "{variables}");
    assert!(ended.stdout.contains("BLUEGREEN_OUTCOME=invalid\n"), "{}", ended.stdout);
}

#[test]
fn mixed_up_image_files_are_told_with_their_place() {
    let dir = artifacts("pipeline-mixed");
    write(&dir, "build/imageDetail.json", r#"[{"name": "frontend", "imageUri": "example/web:2"}]"#);
    let refused = ended(&mut build(&dir, &[]));
    assert_invalid(&dir, &refused, "Build::imageDetail.json:1:1: error[BG0321]");
    assert!(refused.stderr.contains("rolling ECS action"), "{}", refused.stderr);
}

#[test]
fn options_that_name_what_is_not_there() {
    let dir = artifacts("pipeline-missing");
    write(&dir, "build/imagedefinitions.json", r#"[{"name": "frontend", "imageUri": "example/web:2"}]"#);
    for (options, said) in [
        (
            &["--image1", "Build=IMAGE1_NAME"][..],
            "there is no Build::imageDetail.json, but imagedefinitions.json is there",
        ),
        (&["--image1", "Source"], "no input artifact `Source`: it has `primary`, `Build`"),
        (&["--taskdef", "Build::taskdef.json"], "there is no Build::taskdef.json"),
        (&["--file", "deploy/bluegreen.yaml"], "src/deploy/bluegreen.yaml cannot be read"),
    ] {
        assert_invalid(&dir, &ended(&mut build(&dir, options)), said);
    }
    for outside in [&["--taskdef", "../taskdef.json"][..], &["--image1", "Build=A B"], &["--attempt", "0"]] {
        assert_eq!(ended(&mut build(&dir, outside)).code, 2, "{outside:?}");
    }
}

#[test]
fn an_execution_has_to_be_told() {
    let dir = artifacts("pipeline-execution");
    let none = ended(build(&dir, &[]).env_remove("BLUEGREEN_EXECUTION_ID"));
    assert_invalid(&dir, &none, "BLUEGREEN_EXECUTION_ID=#{codepipeline.PipelineExecutionId}");
    let literal = ended(build(&dir, &[]).env("BLUEGREEN_EXECUTION_ID", "#{codepipeline.PipelineExecutionId}"));
    assert_invalid(&dir, &literal, "fills it in only in an action's configuration");
    let elsewhere = ended(build(&dir, &[]).env_remove("CODEBUILD_SRC_DIR"));
    assert_invalid(&dir, &elsewhere, "CODEBUILD_SRC_DIR is not set");
    assert!(elsewhere.stderr.contains("bluegreen deploy"), "{}", elsewhere.stderr);
    let guessed = build(&dir, &[])
        .env_remove("BLUEGREEN_EXECUTION_ID")
        .env("CODEBUILD_INITIATOR", "codepipeline/shop")
        .env("CODEBUILD_RESOLVED_SOURCE_VERSION", "4f5a6b7c")
        .output()
        .unwrap();
    let said = String::from_utf8(guessed.stderr).unwrap();
    assert!(said.contains("warning: the execution is taken to be codepipeline/shop@4f5a6b7c"), "{said}");
}

#[test]
fn an_output_folder_that_cannot_be_made_is_told() {
    let dir = artifacts("pipeline-out");
    write(&dir, "taken", "");
    let refused = ended(&mut build(&dir, &["--out", "taken/out"]));
    assert_eq!(refused.code, 2);
    assert!(refused.stderr.contains("taken/out cannot be made"), "{}", refused.stderr);
}

#[test]
fn a_hook_of_ecs_prints_what_a_function_returns() {
    let event = r#"{"executionDetails":{"serviceArn":"arn:s","targetServiceRevisionArn":"arn:r"},"lifecycleStage":"POST_SCALE_UP"}"#;
    let fits = |word: &str| ["hook", "--ecs", "--", "test", "{{stage}}-{{revision}}", "=", word].map(str::to_owned);
    for (word, answer) in [("POST_SCALE_UP-arn:r", "SUCCEEDED"), ("other", "FAILED")] {
        let arguments = fits(word);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let told = with_stdin(&arguments, event);
        assert_eq!((told.code, told.stdout), (0, format!("{{\"hookStatus\":\"{answer}\"}}\n")), "{}", told.stderr);
    }
    let told = with_stdin(&["hook", "--ecs", "--", "true"], "");
    assert_eq!((told.code, told.stdout.as_str()), (0, "{\"hookStatus\":\"SUCCEEDED\"}\n"), "no event is needed");
}

#[test]
fn a_check_that_does_not_end_has_failed() {
    let told = with_stdin(&["hook", "--ecs", "--timeout", "100ms", "--", "sleep", "600"], "");
    assert_eq!(told.stdout, "{\"hookStatus\":\"FAILED\"}\n");
    assert!(told.stderr.contains("was killed"), "{}", told.stderr);
    let none = with_stdin(&["hook", "--ecs", "--", "/nowhere/check"], "");
    assert_eq!(none.stdout, "{\"hookStatus\":\"FAILED\"}\n", "a check that cannot be started has not passed");
}

#[test]
fn a_hook_without_an_event_runs_nothing() {
    let dir = folder("hook-without-event");
    let ran = dir.join("ran").display().to_string();
    let check = ["hook", "--", "touch", ran.as_str()];
    for (event, said) in [
        ("", "there is no event to answer"),
        ("{}", "has no `DeploymentId`"),
        ("[", "stdin holds no event"),
        (r#"{"lifecycleStage":"POST_SCALE_UP"}"#, "pass --ecs"),
    ] {
        let refused = with_stdin(&check, event);
        assert_eq!(refused.code, 2, "{event}: {}", refused.stderr);
        let words = refused.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.contains(said), "{said}:\n{}", refused.stderr);
    }
    assert!(!Path::new(&ran).exists());
    for wrong in [
        &["hook", "--deployment-id", "d-ABC", "--", "true"][..],
        &["hook", "--execution-id", "x", "--", "true"],
        &["hook", "--ecs", "--deployment-id", "d-ABC", "--execution-id", "x", "--", "true"],
        &["hook", "--timeout", "2h", "--", "true"],
        &["hook"],
    ] {
        let refused = ended(command(wrong).stdin(Stdio::null()));
        assert_eq!(refused.code, 2, "{wrong:?}");
    }
}
