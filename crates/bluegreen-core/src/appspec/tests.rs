use proptest::prelude::*;

use super::*;
use crate::diagnostic::codes;
use crate::document;

const ARN: &str = "arn:aws:ecs:eu-west-3:111122223333:task-definition/web:7";

const ECS: &str = r#"version: 0.0
Resources:
  - TargetService:
      Type: AWS::ECS::Service
      Properties:
        TaskDefinition: arn:aws:ecs:eu-west-3:111122223333:task-definition/web:7
        LoadBalancerInfo:
          ContainerName: web
          ContainerPort: 80
        PlatformVersion: "1.4.0"
        NetworkConfiguration:
          AwsvpcConfiguration:
            Subnets:
              - subnet-1a
              - subnet-1b
            SecurityGroups:
              - sg-1
            AssignPublicIp: DISABLED
        CapacityProviderStrategy:
          - CapacityProvider: FARGATE
            Base: 1
            Weight: 1
Hooks:
  - BeforeInstall: check
  - AfterAllowTraffic: arn:aws:lambda:eu-west-3:111122223333:function:smoke:live
"#;

const LAMBDA: &str = r#"version: 0.0
Resources:
  - checkout:
      Type: AWS::Lambda::Function
      Properties:
        Name: checkout
        Alias: live
        CurrentVersion: "41"
        TargetVersion: "42"
Hooks:
  - BeforeAllowTraffic: checkout-smoke
"#;

fn read(text: &str) -> Document {
    parse("appspec.yaml", text).unwrap_or_else(|report| panic!("{report}"))
}

fn ecs(document: &Document) -> EcsTarget {
    match &document.spec.target {
        Target::Ecs(ecs) => ecs.clone(),
        Target::Lambda(_) => panic!("a function"),
    }
}

/// The codes of all findings, with the source text that each marks.
fn found(text: &str) -> Vec<(&'static str, String)> {
    let diagnostics = match parse("f", text) {
        Ok(document) => document.warnings,
        Err(report) => report.diagnostics,
    };
    let marked = |d: &Diagnostic| d.place.map_or("", |place| &text[place.span.start..place.span.end]).to_owned();
    diagnostics.iter().map(|d| (d.code, marked(d))).collect()
}

/// Findings after a replacement in the ECS document, which must have been found in it.
fn after(from: &str, to: &str) -> Vec<(&'static str, String)> {
    assert!(ECS.contains(from), "{from}");
    found(&ECS.replace(from, to))
}

fn one(code: &'static str, marked: &str) -> Vec<(&'static str, String)> {
    vec![(code, marked.to_owned())]
}

fn task(port: u16) -> TaskDefinition {
    let text = format!(
        r#"{{"family": "web", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256",
            "memory": "512", "containerDefinitions": [{{"name": "web", "image": "web:1",
            "portMappings": [{{"containerPort": {port}}}]}}]}}"#
    );
    TaskDefinition::parse("taskdef.json", &text).unwrap_or_else(|report| panic!("{report}"))
}

#[test]
fn both_kinds_are_read_and_rendered_as_they_stand() {
    for text in [ECS, LAMBDA] {
        let document = read(text);
        assert_eq!(document.warnings, []);
        assert_eq!(render_yaml(&document.spec), text);
    }
    assert_eq!(ecs(&read(ECS)).network.unwrap().subnets, ["subnet-1a", "subnet-1b"]);
}

#[test]
fn json_is_the_same_document() {
    let spec = read(ECS).spec;
    let json = render_json(&spec);
    assert!(json.starts_with("{\n  \"version\": 0.0,\n  \"Resources\": [\n"), "{json}");
    assert_eq!(read(&json).spec, spec);
}

#[test]
fn keys_are_read_in_any_case_and_written_in_one() {
    let mut lower = ECS.to_owned();
    for key in ["Resources", "Type", "Properties", "TaskDefinition", "LoadBalancerInfo", "ContainerName", "Hooks"] {
        lower = lower.replace(&format!("{key}:"), &format!("{}:", key.to_lowercase()));
    }
    lower = lower.replace("BeforeInstall", "beforeinstall").replace("ContainerPort", "containerPort");
    assert_ne!(lower, ECS);
    assert_eq!(render_yaml(&read(&lower).spec), ECS);
}

#[test]
fn the_hash_is_of_exactly_these_bytes() {
    assert_eq!(sha256(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_eq!(sha256("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_ne!(sha256("abc\n"), sha256("abc"));
}

#[test]
fn the_placeholder_is_plain_and_filled_in() {
    let spec = read(&ECS.replace(ARN, "<TASK_DEFINITION>")).spec;
    assert_eq!(spec.unresolved(), Some("<TASK_DEFINITION>"));
    assert!(render_yaml(&spec).contains("        TaskDefinition: <TASK_DEFINITION>\n"));
    let filled = spec.with_task_definition(ARN.parse().unwrap());
    assert_eq!((filled.unresolved(), render_yaml(&filled).as_str()), (None, ECS));
}

#[test]
fn arns_of_every_partition_are_taken() {
    for (partition, region) in [
        ("aws", "eu-west-3"),
        ("aws-cn", "cn-north-1"),
        ("aws-us-gov", "us-gov-west-1"),
        ("aws-iso", "us-iso-east-1"),
        ("aws-iso-b", "us-isob-east-1"),
        ("aws-iso-e", "eu-isoe-west-1"),
        ("aws-iso-f", "us-isof-south-1"),
        ("aws-eusc", "eusc-de-east-1"),
        ("aws-new", "xx-new-1"),
    ] {
        let text = ECS.replace("arn:aws:", &format!("arn:{partition}:")).replace("eu-west-3", region);
        assert_eq!(found(&text), [], "{partition}");
    }
    let wrong = ECS.replace("eu-west-3", "cn-north-1");
    let codes: Vec<&str> = found(&wrong).iter().map(|(code, _)| *code).collect();
    assert_eq!(codes, [codes::APPSPEC_TASK_DEFINITION, codes::APPSPEC_HOOK_VALUE]);
}

#[test]
fn the_version_is_the_number_zero() {
    assert_eq!(after("version: 0.0", "version: \"0.0\""), one(codes::APPSPEC_VERSION, "\"0.0\""));
    assert!(parse("f", &ECS.replace("version: 0.0", "version: 0")).is_ok());
    assert!(parse("f", &ECS.replace("version: 0.0", "version: 1")).is_err());
    assert_eq!(after("version: 0.0\n", ""), one(codes::APPSPEC_MISSING, "Resources"));
}

#[test]
fn several_resources_are_reported_and_none_is_chosen() {
    let second = "  - Second:\n      Type: AWS::ECS::Service\n      Properties: {}\nHooks:\n";
    let codes: Vec<_> =
        after("Hooks:\n", second).into_iter().map(|(code, marked)| format!("{code} {marked}")).collect();
    assert_eq!(codes, ["BG0205 Second", "BG0202 {}", "BG0202 {}"]);
    let (head, tail) = ECS.split_at(ECS.find("  - T").unwrap());
    let hooks = &tail[tail.find("Hooks").unwrap()..];
    assert_eq!(found(&format!("{head}  []\n{hooks}"))[0].0, codes::APPSPEC_RESOURCES);
}

#[test]
fn task_definitions_are_full_arns() {
    let code = codes::APPSPEC_TASK_DEFINITION;
    for wrong in ["web:7", "web", "<IMAGE1_NAME>", "a b", "arn:aws:ecs:eu-west-3:111122223333:service/web"] {
        assert_eq!(after(ARN, wrong), one(code, wrong), "{wrong}");
    }
    for wrong in [":7", ":0", ":07", ":x", ":7:8"] {
        let arn = format!(
            "arn:aws:ecs:eu-west-3:111122223333:task-definition/{}{wrong}",
            if wrong == ":7" { "" } else { "web" }
        );
        assert_eq!(after(ARN, &arn), one(code, &arn), "{wrong}");
    }
    let bare = ARN.trim_end_matches(":7");
    assert_eq!(after(ARN, bare), one(code, bare));
    assert_eq!(after("ecs:eu-west-3:", "ecs::")[0].0, code);
    assert_eq!(after(ARN, "7"), one(codes::APPSPEC_TYPE, "7"));
    let report = parse("f", &ECS.replace(ARN, "web:7")).unwrap_err();
    let help = report.diagnostics[0].help.as_deref().unwrap();
    assert!(help.contains("task-definition/web:7`"), "{help}");
}

#[test]
fn the_port_is_a_number_in_range() {
    let code = codes::APPSPEC_PORT;
    assert_eq!(after("ContainerPort: 80", "ContainerPort: \"80\""), one(code, "\"80\""));
    assert_eq!(ecs(&read(&ECS.replace("Port: 80", "Port: \"80\""))).container_port, 80, "a warning, no error");
    for wrong in [
        "\"0\"",
        "\"65536\"",
        "\"80x\"",
        "0",
        "65536",
        "-1",
        "80.0",
        "0x50",
        "<PORT>",
        "080.1",
        "[80]",
        "99999999999999999999",
    ] {
        assert_eq!(after("ContainerPort: 80", &format!("ContainerPort: {wrong}"))[0].0, code, "{wrong}");
        assert!(parse("f", &ECS.replace("ContainerPort: 80", &format!("ContainerPort: {wrong}"))).is_err(), "{wrong}");
    }
    assert_eq!(ecs(&read(&ECS.replace("Port: 80", "Port: 65535"))).container_port, 65535);
}

#[test]
fn the_network_is_whole_or_absent() {
    let code = codes::APPSPEC_NETWORK;
    let without = ECS.replace("            AssignPublicIp: DISABLED\n", "");
    assert_eq!(found(&without), one(code, "Subnets"));
    assert_eq!(after("            SecurityGroups:\n              - sg-1\n", ""), one(code, "Subnets"));
    assert_eq!(after("AssignPublicIp: DISABLED", "AssignPublicIp: true"), one(code, "true"));
    assert_eq!(after("- sg-1", "- subnet-1a"), one(code, "subnet-1a"));
    assert_eq!(after("- subnet-1b", "- subnet-1a"), one(code, "subnet-1a"));
    let (start, end) = (ECS.find("        NetworkConf").unwrap(), ECS.find("        CapacityProviderS").unwrap());
    let none = format!("{}{}", &ECS[..start], &ECS[end..]);
    assert_eq!((found(&none), ecs(&read(&none)).network), (vec![], None));
    let empty = format!("{}        NetworkConfiguration:\n{}", &ECS[..start], &ECS[end..]);
    assert_eq!(found(&empty)[0].0, codes::APPSPEC_TYPE);
}

#[test]
fn capacity_providers_follow_the_rules_of_ecs() {
    let code = codes::APPSPEC_CAPACITY;
    let entry = "          - CapacityProvider: FARGATE\n            Base: 1\n            Weight: 1\n";
    let with = |entries: &str| {
        let lines: Vec<String> = entries.lines().map(|line| format!("          - {line}\n")).collect();
        let codes: Vec<&str> = after(entry, &lines.concat()).iter().map(|(code, _)| *code).collect();
        codes
    };
    assert_eq!(with("{CapacityProvider: FARGATE, Weight: 1}\n{CapacityProvider: FARGATE_SPOT, Base: 2}"), [""; 0]);
    assert_eq!(with("{CapacityProvider: FARGATE, Weight: 1001}"), [code]);
    assert_eq!(with("{CapacityProvider: FARGATE, Base: 100001, Weight: 1}"), [code]);
    assert_eq!(
        with("{CapacityProvider: FARGATE, Base: 1, Weight: 1}\n{CapacityProvider: FARGATE_SPOT, Base: 2}"),
        [code]
    );
    assert_eq!(with("{CapacityProvider: FARGATE}\n{CapacityProvider: FARGATE_SPOT, Weight: 0}"), [code]);
    assert_eq!(with("{CapacityProvider: FARGATE, Color: red}"), [code, codes::APPSPEC_KEY]);
    assert_eq!(with("{CapacityProvider: FARGATE, Weight: 1}\n{CapacityProvider: FARGATE, Weight: 2}"), [code]);
    assert_eq!(with("{CapacityProvider: FARGATE, Weight: 1}\n{CapacityProvider: mine, Weight: 2}"), [code]);
    assert_eq!(with("{CapacityProvider: fargate-spot, Weight: 1}"), [code]);
    assert_eq!(with("{CapacityProvider: mine, Weight: 1}"), [codes::APPSPEC_PLATFORM_EC2]);
    assert_eq!(with("{Weight: 1}"), [codes::APPSPEC_MISSING]);
    let many = |n: usize| -> String {
        let entries: Vec<String> = (0..n).map(|i| format!("{{CapacityProvider: p{i}, Weight: 1}}\n")).collect();
        entries.concat()
    };
    assert_eq!(with(&many(20)), [codes::APPSPEC_PLATFORM_EC2]);
    assert_eq!(with(&many(21)), [codes::APPSPEC_PLATFORM_EC2, code]);
}

#[test]
fn hooks_are_known_sound_and_once() {
    let (code, value) = (codes::APPSPEC_HOOK, codes::APPSPEC_HOOK_VALUE);
    for wrong in ["Install", "AllowTraffic", "ApplicationStop", "ValidateService", "BeforeInstal", "Whatever"] {
        assert_eq!(after("BeforeInstall", wrong), one(code, wrong), "{wrong}");
    }
    assert_eq!(after("BeforeInstall: check", "afterallowtraffic: check"), one(code, "AfterAllowTraffic"));
    assert_eq!(after("- BeforeInstall: check\n  - A", "- BeforeInstall: check\n    A"), one(code, "BeforeInstall"));
    for wrong in ["[a, b]", "scripts/run.sh", "a b", "arn:aws:sns:eu-west-3:111122223333:topic"] {
        assert_eq!(after(": check", &format!(": {wrong}"))[0].0, value, "{wrong}");
    }
    assert_eq!(after(": check", ":")[0].0, codes::APPSPEC_TYPE);
    assert_eq!(after(": check", ": 111122223333:function:check:live"), []);
    let moved = ECS.replace("  - BeforeInstall: check\n", "") + "  - BeforeInstall: check\n";
    assert_eq!(found(&moved), one(codes::APPSPEC_HOOK_ORDER, "BeforeInstall"));
    assert_eq!(read(&moved).spec.hooks.len(), 2);
    let bare = format!("{}Hooks:\n", &ECS[..ECS.find("Hooks").unwrap()]);
    assert_eq!((found(&bare), read(&bare).spec.hooks), (vec![], vec![]));
    let lambda = LAMBDA.replace("BeforeAllowTraffic", "AfterInstall");
    assert_eq!(found(&lambda), one(code, "AfterInstall"));
}

#[test]
fn functions_move_between_two_published_versions() {
    let after = |from: &str, to: &str| found(&LAMBDA.replace(from, to));
    let code = codes::APPSPEC_FUNCTION;
    assert_eq!(after("\"42\"", "\"41\""), one(code, "\"41\""));
    assert_eq!(after("\"42\"", "42"), one(codes::APPSPEC_TYPE, "42"));
    assert_eq!(read(&LAMBDA.replace("\"42\"", "42")).spec, read(LAMBDA).spec, "a warning, no error");
    assert_eq!(after("\"42\"", "0"), one(code, "0"));
    assert_eq!(after("\"42\"", "-1"), one(code, "-1"));
    assert_eq!(after("\"42\"", "$LATEST"), one(code, "$LATEST"));
    assert_eq!(after("\"42\"", "\"0\""), one(code, "\"0\""));
    assert_eq!(after("Alias: live", "Alias: \"12\""), one(code, "\"12\""));
    assert_eq!(after("Name: checkout", "Name: a b"), one(code, "a b"));
    assert_eq!(after("        Alias: live\n", ""), one(codes::APPSPEC_MISSING, "Name"));
}

#[test]
fn keys_of_others_are_told_and_slips_are_refused() {
    let code = codes::APPSPEC_KEY;
    for (from, to) in [("Hooks:", "Owner: me\nHooks:"), ("PlatformVersion:", "Color: x\n        PlatformVersion:")] {
        let text = ECS.replace(from, to);
        let document = read(&text);
        assert_eq!(document.warnings.len(), 1, "{to}");
        assert_eq!((document.warnings[0].code, &document.spec), (code, &read(ECS).spec));
    }
    assert!(parse("f", &ECS.replace("PlatformVersion", "PlatfromVersion")).is_err(), "what was meant is not guessed");
    assert!(parse("f", &ECS.replace("Hooks:", "Subnets: []\nHooks:")).is_err(), "a known key at the wrong place");
}

#[test]
fn a_template_may_have_anything_for_its_task_definition() {
    for there in ["\"\"", "~", "<TASKDEF_ARN>", "filled in later", "[]", "web:7"] {
        let text = ECS.replace(ARN, there);
        assert!(parse("f", &text).is_err(), "{there}");
        let spec = parse_template("f", &text).unwrap_or_else(|report| panic!("{report}")).spec;
        assert_eq!(spec.unresolved(), Some("<TASK_DEFINITION>"), "{there}");
        assert_eq!(spec.with_task_definition(ARN.parse().unwrap()), read(ECS).spec, "{there}");
    }
    let without = ECS.replace(&format!("        TaskDefinition: {ARN}\n"), "");
    assert!(parse_template("f", &without).is_ok());
    assert!(parse_template("f", &without.replace("ContainerPort: 80", "ContainerPort: x")).is_err());
}

#[test]
fn documents_of_other_kinds_are_recognised() {
    let code = codes::APPSPEC_OTHER_FILE;
    for other in [
        "{\"family\": \"web\", \"containerDefinitions\": []}",
        "{\"ImageURI\": \"x\"}",
        "[{\"name\": \"web\", \"imageUri\": \"x\"}]",
        "version: 0.0\nos: linux\nfiles: []\n",
        "AWSTemplateFormatVersion: 2010-09-09\nResources: {}\n",
        "version: 1\nservice: x\ntraffic: {}\n",
    ] {
        let codes: Vec<&str> = found(other).iter().map(|(code, _)| *code).collect();
        assert_eq!(codes, [code], "{other}");
    }
}

#[test]
fn everything_is_said_at_once() {
    let text = ECS
        .replace("version: 0.0", "version: 2")
        .replace(ARN, "web:7")
        .replace("Port: 80", "Port: \"80\"")
        .replace("subnet-1a", "sg-9")
        .replace("BeforeInstall", "Install")
        .replace("PlatformVersion", "PlatformVersio");
    let codes: Vec<&str> = found(&text).iter().map(|(code, _)| *code).collect();
    assert_eq!(codes, ["BG0201", "BG0207", "BG0208", "BG0203", "BG0210", "BG0212"]);
}

#[test]
fn a_document_is_compared_with_its_task_definition() {
    let document = read(ECS);
    let codes = |document: &Document, task: &TaskDefinition| -> Vec<(&str, usize)> {
        document.validate_against(task).iter().map(|d| (d.code, d.place.unwrap().line)).collect()
    };
    assert_eq!(codes(&document, &task(80)), []);
    assert_eq!(codes(&document, &task(8080)), [(codes::APPSPEC_CONTAINER_PORT, 9)]);
    let renamed = read(&ECS.replace("ContainerName: web", "ContainerName: wbe").replace("/web:7", "/shop:7"));
    assert_eq!(codes(&renamed, &task(80)), [(codes::APPSPEC_FAMILY, 6), (codes::APPSPEC_CONTAINER, 8)]);
    assert_eq!(renamed.validate_against(&task(80))[1].help.as_deref(), Some("did you mean `web`?"));
    let on_ec2 = TaskDefinition::parse(
        "f",
        r#"{"family": "web", "networkMode": "bridge", "requiresCompatibilities": ["EC2"], "memory": "512",
            "containerDefinitions": [{"name": "web", "image": "web", "portMappings": [{"containerPort": 80}]}]}"#,
    );
    let platform = codes::APPSPEC_PLATFORM_EC2;
    assert_eq!(codes(&document, &on_ec2.unwrap()), [(platform, 10), (codes::APPSPEC_NETWORK_MODE, 12), (platform, 20)]);
    assert_eq!(read(LAMBDA).validate_against(&task(1)), []);
}

#[test]
fn values_from_a_command_line_pass_the_same_rules() {
    assert_eq!("beforeallowtraffic".parse(), Ok(Event::BeforeAllowTraffic));
    let error = "AllowTraffic".parse::<Event>().unwrap_err().to_string();
    assert_eq!(error, "`AllowTraffic` is no event that runs a function; did you mean `AfterAllowTraffic`?");
    assert_eq!("<TASK_DEFINITION>".parse(), Ok(TaskDefinitionRef::Placeholder));
    let error = "web:7".parse::<TaskDefinitionRef>().unwrap_err().to_string();
    assert!(error.starts_with("`web:7` is a short name: CodeDeploy takes the full ARN alone; write `arn:"), "{error}");
    let mut spec = read(ECS).spec;
    assert_eq!(spec.clone().checked("new"), Ok(spec.clone()));
    spec.hooks[0].function = "a b".to_owned();
    assert_eq!(spec.checked("new").unwrap_err().diagnostics[0].code, codes::APPSPEC_HOOK_VALUE);
}

fn facts(load_balancers: &[(&str, u16, &str)]) -> ServiceFacts {
    let lb = |(name, port, group): &(&str, u16, &str)| LoadBalancer {
        container_name: (*name).to_owned(),
        container_port: *port,
        target_group: Some((*group).to_owned()),
    };
    ServiceFacts {
        task_definition: TaskDefinitionRef::Placeholder,
        load_balancers: load_balancers.iter().map(lb).collect(),
        network: None,
        platform_version: None,
        capacity_providers: Vec::new(),
    }
}

#[test]
fn a_service_with_one_load_balancer_builds_its_document() {
    let network = Network { subnets: vec!["subnet-1".into()], security_groups: vec![], assign_public_ip: true };
    let service = ServiceFacts { network: Some(network), ..facts(&[("web", 80, "blue")]) };
    let built = build(&service, &task(80), &Choice::default(), Vec::new()).unwrap();
    assert_eq!(built.notes.len(), 1, "a network without security groups cannot be in a document");
    assert_eq!(read(&render_yaml(&built.spec)).spec, built.spec);
    let from_task = build(&facts(&[]), &task(80), &Choice::default(), Vec::new()).unwrap();
    assert_eq!(from_task.spec, built.spec);
}

#[test]
fn of_several_ports_none_is_chosen_silently() {
    let both = facts(&[("web", 80, "a"), ("web", 81, "b")]);
    let error = build(&both, &task(80), &Choice::default(), Vec::new()).unwrap_err().to_string();
    assert_eq!(
        error,
        "CodeDeploy shifts the traffic of one container port, and there are 2; choose with \
         `--container web --port 80` or with `--container web --port 81`"
    );
    let choice = Choice { container: None, port: Some(80) };
    assert!(build(&both, &task(80), &choice, Vec::new()).is_ok());
    let choice = Choice { container: Some("wbe".into()), port: Some(80) };
    let error = build(&both, &task(80), &choice, Vec::new()).unwrap_err().to_string();
    assert!(error.ends_with("; did you mean `web`?"), "{error}");
    let error = build(&facts(&[("web", 80, "a"), ("web", 80, "b")]), &task(80), &Choice::default(), Vec::new());
    assert!(matches!(error, Err(BuildError::SeveralGroups { .. })));
    let error = build(&facts(&[("web", 81, "a")]), &task(80), &Choice::default(), Vec::new()).unwrap_err();
    assert!(matches!(&error, BuildError::Unfit { findings, .. } if findings.len() == 1), "{error}");
    let no_port = TaskDefinition::parse(
        "f",
        r#"{"family": "w", "memory": "512", "containerDefinitions": [{"name": "w", "image": "w"}]}"#,
    );
    let error = build(&facts(&[]), &no_port.unwrap(), &Choice::default(), Vec::new()).unwrap_err();
    assert_eq!(error, BuildError::NoPort("w".into()));
}

fn network() -> impl Strategy<Value = Network> {
    let ids = |prefix: &'static str| {
        proptest::collection::btree_set("[a-f0-9]{1,8}", 1..4)
            .prop_map(move |ids| ids.into_iter().map(|id| format!("{prefix}{id}")).collect::<Vec<_>>())
    };
    (ids("subnet-"), ids("sg-"), any::<bool>()).prop_map(|(subnets, security_groups, assign_public_ip)| Network {
        subnets,
        security_groups,
        assign_public_ip,
    })
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        "[A-Za-z0-9_-]{1,12}",
        "[0-9]{1,5}",
        Just("true".to_owned()),
        Just("no".to_owned()),
        Just("-".to_owned())
    ]
}

fn providers() -> impl Strategy<Value = Vec<CapacityProvider>> {
    proptest::collection::btree_map("p[a-z0-9_-]{0,8}", 1u32..=1000, 0..4).prop_map(|entries| {
        let provider =
            |(i, (name, weight))| CapacityProvider { name, base: if i == 0 { weight * 100 } else { 0 }, weight };
        entries.into_iter().enumerate().map(provider).collect()
    })
}

fn ecs_target() -> impl Strategy<Value = EcsTarget> {
    let task_definition = prop_oneof![
        Just(TaskDefinitionRef::Placeholder),
        ("[A-Za-z0-9_-]{1,20}", 1u32..).prop_map(|(family, revision)| {
            let arn = format!("arn:aws-cn:ecs:cn-north-1:111122223333:task-definition/{family}:{revision}");
            TaskDefinitionRef::Arn(arn.parse().unwrap())
        }),
    ];
    let platform = proptest::option::of(prop_oneof![Just("LATEST".to_owned()), "[0-9]\\.[0-9]{1,2}\\.[0-9]"]);
    (task_definition, name(), 1u16.., platform, proptest::option::of(network()), providers()).prop_map(
        |(task_definition, container_name, container_port, platform, network, capacity_providers)| EcsTarget {
            task_definition,
            container_name,
            container_port,
            platform_version: platform.filter(|_| capacity_providers.is_empty()),
            network,
            capacity_providers,
        },
    )
}

fn spec() -> impl Strategy<Value = AppSpec> {
    let lambda = (name(), "[a-zA-Z_-][A-Za-z0-9_-]{0,9}", 1u64.., 1u64..)
        .prop_filter("the versions differ", |(_, _, current, target)| current != target)
        .prop_map(|(name, alias, current_version, target_version)| LambdaTarget {
            name,
            alias,
            current_version,
            target_version,
        });
    let function = prop_oneof![name(), Just("arn:aws:lambda:eu-west-3:111122223333:function:f:live".to_owned())];
    let target = prop_oneof![ecs_target().prop_map(Target::Ecs), lambda.prop_map(Target::Lambda)];
    (
        "\\PC{1,12}|[A-Za-z]{1,9}|[0-9.~<>:#-]{1,4}|[ \\n\\t\"'\\\\]{1,4}",
        target,
        proptest::collection::vec(function, 5),
        any::<[bool; 5]>(),
    )
        .prop_map(|(resource, target, functions, chosen)| {
            let events = if matches!(target, Target::Ecs(_)) { Event::ECS } else { Event::LAMBDA };
            let hooks = events.iter().zip(functions).zip(chosen).filter(|(_, chosen)| *chosen);
            let hooks = hooks.map(|((event, function), _)| Hook { event: *event, function }).collect();
            AppSpec { resource, target, hooks }
        })
}

proptest! {
    #[test]
    fn what_is_rendered_reads_as_the_same(spec in spec()) {
        for text in [render_yaml(&spec), render_json(&spec)] {
            let read = parse("f", &text).map_err(|report| TestCaseError::fail(format!("{report}\n{text}")))?;
            prop_assert_eq!(&read.spec, &spec, "{}", text);
            prop_assert_eq!(read.warnings, vec![]);
        }
    }

    #[test]
    fn yaml_and_json_hold_the_same_values(spec in spec()) {
        let yaml = document::parse(&render_yaml(&spec)).root.unwrap().to_json();
        let json: serde_json::Value = serde_json::from_str(&render_json(&spec)).unwrap();
        prop_assert_eq!(yaml, json);
    }

    #[test]
    fn arbitrary_text_never_panics(text in "([\\[\\]{}:,\"' \\n-]|version: 0.0|Resources:|Hooks:|Type:|Properties:|\\PC){0,40}") {
        let _ = parse("f", &text).map_err(|report| report.render());
    }

    #[test]
    fn mutated_documents_never_panic(
        lambda in any::<bool>(), at in 0usize..900, cut in 0usize..30, with in "[\\[\\]{}:,\"'a0 \\n-]{0,4}",
    ) {
        let text = if lambda { LAMBDA } else { ECS };
        let at = at.min(text.len());
        let mutated = format!("{}{with}{}", &text[..at], &text[(at + cut).min(text.len())..]);
        match parse("f", &mutated) {
            Ok(document) => {
                let again = render_yaml(&document.spec);
                prop_assert_eq!(&read(&again).spec, &document.spec, "{}", mutated);
                document.validate_against(&task(80));
            }
            Err(report) => prop_assert!(report.has_errors() && !report.render().is_empty()),
        }
    }
}
