//! Schema, completions and manual pages: written from what the program itself knows.

use crate::support::{bluegreen, folder};

#[test]
fn the_schema_is_a_schema() {
    let ended = bluegreen(&["schema"]);
    assert_eq!(ended.code, 0);
    let schema: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    assert!(schema["$schema"].as_str().is_some_and(|url| url.contains("json-schema.org")));
    assert!(schema["properties"]["service"].is_object());
}

#[test]
fn every_shell_has_completions() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let ended = bluegreen(&["completions", shell]);
        assert_eq!(ended.code, 0, "{shell}");
        assert!(ended.stdout.contains("insecure-endpoint"), "{shell}");
    }
}

#[test]
fn the_manual_lists_the_exit_codes() {
    let ended = bluegreen(&["man"]);
    assert_eq!(ended.code, 0);
    assert!(ended.stdout.contains(".TH"));
    assert!(ended.stdout.contains("another operator works on the service"));
}

#[test]
fn every_command_has_its_manual_page() {
    let dir = folder("man");
    let ended = bluegreen(&["man", "--dir", dir.to_str().unwrap()]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    for page in ["bluegreen.1", "bluegreen-deploy.1", "bluegreen-appspec-validate.1"] {
        assert!(dir.join(page).is_file(), "{page}");
    }
}
