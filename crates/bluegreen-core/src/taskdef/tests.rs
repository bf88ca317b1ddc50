use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::diagnostic::codes;

fn fargate() -> Value {
    json!({
        "family": "shop-web",
        "networkMode": "awsvpc",
        "requiresCompatibilities": ["FARGATE"],
        "cpu": "256",
        "memory": "512",
        "containerDefinitions": [
            {
                "name": "web",
                "image": "111122223333.dkr.ecr.eu-west-3.amazonaws.com/web:1",
                "portMappings": [{"containerPort": 80, "hostPort": 80, "appProtocol": "http"}],
                "environment": [{"name": "LEVEL", "value": "hush-1"}, {"name": "MODE", "value": "hush-2"}],
                "secrets": [{"name": "DB", "valueFrom": "arn:aws:ssm:x:hush-3"}],
                "notInventedYet": {"deep": [1, 2.5, {"x": "<EOF"}]}
            },
            {"name": "sidecar", "image": "proxy", "essential": false}
        ],
        "futureField": {"keep": "me"}
    })
}

fn parsed(document: &Value) -> TaskDefinition {
    TaskDefinition::parse("taskdef.json", &document.to_string()).unwrap_or_else(|report| panic!("{report}"))
}

fn edited(edit: impl FnOnce(&mut Value)) -> Value {
    let mut document = fargate();
    edit(&mut document);
    document
}

/// The codes of everything that is wrong with the document after an edit.
fn wrong(edit: impl FnOnce(&mut Value)) -> Vec<&'static str> {
    let text = edited(edit).to_string();
    match TaskDefinition::parse("taskdef.json", &text) {
        Ok(_) => Vec::new(),
        Err(report) => report.diagnostics.iter().map(|d| d.code).collect(),
    }
}

fn images(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, image)| ((*name).to_owned(), (*image).to_owned())).collect()
}

#[test]
fn unknown_fields_numbers_and_order_survive() {
    let task = parsed(&fargate());
    let request = task.to_register_request().unwrap();
    assert_eq!(request.to_string(), fargate().to_string());
    assert_eq!(parsed(&serde_json::from_str(&task.for_document()).unwrap()), task);
    assert_eq!((task.family(), task.network_mode()), ("shop-web", Some("awsvpc")));
    assert_eq!(task.requires_compatibilities(), ["FARGATE"]);
    let web = task.container("web").unwrap();
    assert_eq!(web.ports, [PortMapping { container: 80, host: Some(80), protocol: "tcp" }]);
    assert!(web.essential && !task.container("sidecar").unwrap().essential);
}

#[test]
fn a_describe_reply_becomes_a_request() {
    let mut inner = fargate();
    for field in READ_ONLY {
        inner[field] = json!("x");
    }
    let tags = json!([{"key": "aws:cloudformation:stack-name", "value": "s"}, {"key": "team", "value": "t"}]);
    let reply = json!({"taskDefinition": inner, "tags": tags, "ResponseMetadata": {}});
    let task = parsed(&reply);
    let request = task.to_register_request().unwrap();
    let mut expected = fargate();
    expected["tags"] = json!([{"key": "team", "value": "t"}]);
    assert_eq!(request, expected);
    assert_eq!(task.dropped().len(), 10);
    assert_eq!(task.dropped()[0], "tags[aws:cloudformation:stack-name]");
    let bare = parsed(&json!({"taskDefinition": fargate(), "tags": []}));
    assert_eq!(bare.to_register_request().unwrap(), fargate());
}

#[test]
fn a_definition_that_ecs_returned_is_not_judged_by_our_rules() {
    let odd = edited(|d| {
        d["cpu"] = json!(256);
        d["containerDefinitions"][0]["portMappings"][0]["hostPort"] = json!(81);
    });
    assert!(TaskDefinition::parse("f", &odd.to_string()).is_err());
    assert_eq!(TaskDefinition::from_live("f", &odd).unwrap().to_register_request().unwrap(), odd);
    assert!(TaskDefinition::from_live("f", &edited(|d| d["family"] = Value::Null)).is_err());
}

#[test]
fn images_are_replaced_exactly_as_asked() {
    let digest = format!("registry.io/web:1@sha256:{}", "a".repeat(64));
    let task = parsed(&fargate()).with_images(&images(&[("web", &digest), ("sidecar", "<IMAGE2_NAME>")])).unwrap();
    let containers: Vec<&str> = task.containers().into_iter().map(|c| c.image).collect();
    assert_eq!(containers, [digest.as_str(), "<IMAGE2_NAME>"]);
    let error = parsed(&fargate()).with_images(&images(&[("wbe", "x"), ("sidecar", "y")])).unwrap_err();
    assert_eq!(
        error.to_string(),
        "family `shop-web` has no container `wbe`: it has `web`, `sidecar`; did you mean `web`?"
    );
    let error = parsed(&fargate()).with_images(&images(&[("web", "https://x.io/web")])).unwrap_err();
    assert_eq!(error.to_string(), "the image for container `web` cannot be used");
    assert!(std::error::Error::source(&error).unwrap().to_string().contains("without `https://`"));
}

#[test]
fn placeholders_are_filled_in_or_named() {
    let template = edited(|d| {
        d["containerDefinitions"][0]["image"] = json!("<IMAGE1_NAME>");
        d["containerDefinitions"][1]["image"] = json!("registry.io/<repo>:<TAG>");
        d["executionRoleArn"] = json!("<ROLE>");
        d["containerDefinitions"][0]["command"] = json!(["sh", "-c", "cat <<EOF > <HERE>", "<html>"]);
    });
    let task = parsed(&template);
    let error = task.to_register_request().unwrap_err().to_string();
    assert_eq!(
        error,
        "family `shop-web` still has placeholders: `<IMAGE1_NAME>` at containerDefinitions[web].image; \
         `<ROLE>` at executionRoleArn; `<TAG>` at containerDefinitions[sidecar].image; \
         `<repo>` at containerDefinitions[sidecar].image; give each a value before registering it"
    );
    let values = |extra: &[(&str, &str)]| {
        images(&[&[("IMAGE1_NAME", "web:2"), ("TAG", "v1"), ("repo", "p/q"), ("ROLE", "arn:x")], extra].concat())
    };
    let resolved = task.resolve(&values(&[])).unwrap();
    assert_eq!(resolved.containers()[1].image, "registry.io/p/q:v1");
    assert!(resolved.to_register_request().is_ok());
    let error = task.resolve(&values(&[("IMAGE2_NAME", "x")])).unwrap_err().to_string();
    assert!(
        error.starts_with("no placeholder `<IMAGE2_NAME>` in family `shop-web`: it has `<IMAGE1_NAME>`"),
        "{error}"
    );
    let bad = task.resolve(&images(&[("IMAGE1_NAME", "no image")])).unwrap_err();
    assert_eq!(bad.to_string(), "the image for container `web` cannot be used");
}

#[test]
fn each_rule_has_its_finding() {
    use codes as c;
    let containers = "containerDefinitions";
    assert_eq!(wrong(|_| ()), [""; 0]);
    assert_eq!(wrong(|d| d["family"] = json!("a b")), [c::TASKDEF_NAME]);
    assert_eq!(wrong(|d| d["family"] = json!("web:3")), [c::TASKDEF_NAME]);
    assert_eq!(wrong(|d| d["family"] = json!("x".repeat(256))), [c::TASKDEF_NAME]);
    assert_eq!(wrong(|d| d[containers] = json!([])), [c::TASKDEF_MISSING]);
    assert_eq!(wrong(|d| d[containers] = json!({})), [c::TASKDEF_TYPE]);
    assert_eq!(wrong(|d| d[containers][0]["name"] = json!("sidecar")), [c::TASKDEF_NAME]);
    assert_eq!(wrong(|d| d[containers][0]["image"] = json!("Web")), [c::TASKDEF_IMAGE]);
    assert_eq!(wrong(|d| d[containers][0]["image"] = json!("")), [c::TASKDEF_IMAGE]);
    assert_eq!(wrong(|d| d[containers][0]["cpu"] = Value::Null), [c::TASKDEF_NULL]);
    assert_eq!(wrong(|d| d[containers][0]["links"] = json!([null])), [c::TASKDEF_NULL]);
    assert_eq!(wrong(|d| d[containers][0]["essential"] = json!("true")), [c::TASKDEF_TYPE]);
    assert_eq!(wrong(|d| d[containers][0]["essential"] = json!(false)), [c::TASKDEF_ESSENTIAL]);
    assert_eq!(wrong(|d| d["cpu"] = json!(256)), [c::TASKDEF_TYPE]);
    assert_eq!(wrong(|d| d["networkMode"] = json!("bridge")), [c::TASKDEF_FARGATE]);
    assert_eq!(wrong(|d| d["networkMode"] = json!("AwsVpc")), [c::TASKDEF_VALUE]);
    assert_eq!(wrong(|d| d["requiresCompatibilities"] = json!(["fargate"])), [c::TASKDEF_VALUE]);
    assert_eq!(wrong(|d| drop(d.as_object_mut().unwrap().shift_remove("cpu"))), [c::TASKDEF_FARGATE]);
    assert_eq!(wrong(|d| d[containers][0]["portMappings"][0]["hostPort"] = json!(81)), [c::TASKDEF_PORT]);
    assert_eq!(wrong(|d| d[containers][0]["portMappings"][0]["containerPort"] = json!("80")), [c::TASKDEF_TYPE]);
    assert_eq!(wrong(|d| d[containers][0]["portMappings"][0]["containerPort"] = json!(0)), [c::TASKDEF_PORT]);
    assert_eq!(wrong(|d| d[containers][0]["portMappings"][0] = json!({})), [c::TASKDEF_PORT]);
    assert_eq!(wrong(|d| d[containers][0]["environment"] = json!({"A": "b"})), [c::TASKDEF_TYPE]);
    assert_eq!(wrong(|d| d[containers][0]["environment"][0]["value"] = json!(5)), [c::TASKDEF_TYPE]);
    assert_eq!(wrong(|d| d[containers][0]["environment"][0]["name"] = json!("MODE")), [c::TASKDEF_TYPE]);
    assert_eq!(wrong(|d| d[containers][0]["secrets"][0] = json!({"name": "A"})), [c::TASKDEF_MISSING]);
    assert_eq!(wrong(|d| d["tags"] = json!([{"key": "AWS:x"}])), [c::TASKDEF_TAG]);
    assert_eq!(wrong(|d| d["NetworkMode"] = json!("x")), [c::TASKDEF_SPELLING]);
    assert_eq!(wrong(|d| d["task_role_arn"] = json!("x")), [c::TASKDEF_SPELLING]);
    let on_ec2 = |d: &mut Value| {
        d["requiresCompatibilities"] = json!(["EC2"]);
        d.as_object_mut().unwrap().shift_remove("memory");
        d[containers][0]["memory"] = json!(128);
    };
    assert_eq!(wrong(on_ec2), [c::TASKDEF_MEMORY]);
}

#[test]
fn everything_is_reported_at_once_with_its_place() {
    let text = "{\n  \"family\": \"a b\",\n  \"family\": \"c d\",\n  \"containerDefinitions\": [\n    {\"name\": \"web\"}, 7\n  ]\n}";
    let report = TaskDefinition::parse("taskdef.json", text).unwrap_err();
    let places: Vec<(&str, usize, usize)> =
        report.diagnostics.iter().map(|d| (d.code, d.place.unwrap().line, d.place.unwrap().column)).collect();
    assert_eq!(
        places,
        [
            (codes::DUPLICATE_KEY, 3, 3),
            (codes::TASKDEF_NAME, 3, 13),
            (codes::TASKDEF_MISSING, 5, 5),
            (codes::TASKDEF_MEMORY, 5, 5),
            (codes::TASKDEF_TYPE, 5, 22),
        ]
    );
}

#[test]
fn nothing_shows_a_secret() {
    let broken = edited(|d| {
        d["family"] = json!("a b");
        d["containerDefinitions"][0]["environment"][1]["name"] = json!("LEVEL");
        d["containerDefinitions"][0]["secrets"] = json!([{"name": "DB", "valueFrom": ["hush-3"]}]);
    });
    let task = parsed(&fargate());
    let other = parsed(&edited(|d| {
        d["containerDefinitions"][0]["environment"][0]["value"] = json!("hush-4");
        d["containerDefinitions"][0]["secrets"][0]["valueFrom"] = json!("hush-5");
    }));
    let report = TaskDefinition::parse("f", &broken.to_string()).unwrap_err();
    let cut = TaskDefinition::parse("f", &broken.to_string().replace("hush-1\"", "hush-1")).unwrap_err();
    let changes: Vec<String> = task.diff(&other).iter().map(Change::to_string).collect();
    let shown = [
        report.render(),
        cut.render(),
        format!("{report:?}"),
        task.to_string(),
        format!("{task:?}"),
        task.redacted().to_string(),
        format!("{:?}", task.diff(&other)),
        changes.join("\n"),
    ];
    for (i, text) in shown.iter().enumerate() {
        assert!(!text.contains("hush"), "{i}: {text}");
    }
    assert_eq!(
        changes,
        [
            "~ containerDefinitions[web].environment[LEVEL]: changed (values hidden)",
            "~ containerDefinitions[web].secrets[DB]: changed (values hidden)",
        ]
    );
}

#[test]
fn a_diff_names_paths_and_leaves_defaults_out() {
    let old = parsed(&fargate());
    let described = parsed(&edited(|d| {
        let web = &mut d["containerDefinitions"][0];
        web["cpu"] = json!(0);
        web["essential"] = json!(true);
        web["mountPoints"] = json!([]);
        web["portMappings"][0]["protocol"] = json!("tcp");
        d["volumes"] = json!([]);
    }));
    assert_eq!(old.diff(&described), []);
    let new = parsed(&edited(|d| {
        let web = &mut d["containerDefinitions"][0];
        web["image"] = json!("web:2");
        web["command"] = json!(["serve", "--fast"]);
        web["environment"] = json!([{"name": "MODE", "value": "hush-2"}, {"name": "NEW", "value": "hush"}]);
        web["portMappings"] = json!([{"containerPort": 8080}]);
        d["containerDefinitions"].as_array_mut().unwrap().remove(1);
        d["memory"] = json!("1024");
        d["futureField"]["keep"] = json!(["x"]);
    }));
    let changes: Vec<String> = old.diff(&new).iter().map(Change::to_string).collect();
    assert_eq!(
        changes,
        [
            "~ memory: \"512\" -> \"1024\"",
            "~ containerDefinitions[web].image: \"111122223333.dkr.ecr.eu-west-3.amazonaws.com/web:1\" -> \"web:2\"",
            "- containerDefinitions[web].portMappings[80/tcp]: {\"containerPort\":80,\"hostPort\":80,\"appProtocol\":\"http\"}",
            "+ containerDefinitions[web].portMappings[8080/tcp]: {\"containerPort\":8080}",
            "- containerDefinitions[web].environment[LEVEL]: removed (value hidden)",
            "+ containerDefinitions[web].environment[NEW]: added (value hidden)",
            "+ containerDefinitions[web].command: [\"serve\",\"--fast\"]",
            "- containerDefinitions[sidecar]: image \"proxy\"",
            "~ futureField.keep: \"me\" -> [\"x\"]",
        ]
    );
}

#[test]
fn image_files_are_told_apart() {
    let digest = format!("sha256:{}", "b".repeat(64));
    let detail = json!({"ImageURI": "r.io/web:1", "ImageDigest": digest, "ImageTags": ["1"]}).to_string();
    let definitions = json!([{"name": "web", "imageUri": "r.io/web:1"}]).to_string();
    let read = parse_image_detail("imageDetail.json", &detail).unwrap();
    assert_eq!(read.pinned().unwrap().as_str(), format!("r.io/web@{digest}"));
    assert_eq!(parse_image_definitions("imagedefinitions.json", &definitions).unwrap()["web"], "r.io/web:1");
    let code = |report: Report| report.diagnostics[0].code;
    assert_eq!(code(parse_image_detail("f", &definitions).unwrap_err()), codes::IMAGE_FILE_MIXED);
    assert_eq!(code(parse_image_definitions("f", &detail).unwrap_err()), codes::IMAGE_FILE_MIXED);
    assert_eq!(code(TaskDefinition::parse("f", &detail).unwrap_err()), codes::TASKDEF_OTHER_FILE);
    assert_eq!(code(TaskDefinition::parse("f", &definitions).unwrap_err()), codes::TASKDEF_OTHER_FILE);
    assert_eq!(code(parse_image_detail("f", r#"{"imageUri": "x"}"#).unwrap_err()), codes::IMAGE_FILE);
    assert_eq!(code(parse_image_definitions("f", "[]").unwrap_err()), codes::IMAGE_FILE);
    assert_eq!(
        code(parse_image_definitions("f", r#"[{"name": "w", "imageUri": "A"}]"#).unwrap_err()),
        codes::TASKDEF_IMAGE
    );
    let twice = r#"[{"name": "w", "imageUri": "a"}, {"name": "w", "imageUri": "b"}]"#;
    assert_eq!(code(parse_image_definitions("f", twice).unwrap_err()), codes::IMAGE_FILE);
    let large = format!("[{}]", " ".repeat(101 * 1024));
    assert_eq!(code(parse_image_definitions("f", &large).unwrap_err()), codes::TOO_LARGE);
}

#[test]
fn a_byte_order_mark_is_passed_over() {
    assert!(TaskDefinition::parse("f", &format!("\u{feff}{}", fargate())).is_ok());
}

proptest! {
    #[test]
    fn arbitrary_text_never_panics(text in "([\\[\\]{}:,\"\\\\ \n]|family|containerDefinitions|name|\\PC){0,60}") {
        let _ = TaskDefinition::parse("f", &text).map_err(|report| report.render());
        let _ = parse_image_detail("f", &text).map_err(|report| report.render());
        let _ = parse_image_definitions("f", &text).map_err(|report| report.render());
    }

    #[test]
    fn mutated_definitions_never_panic(at in 0usize..700, cut in 0usize..8, with in "[\\[\\]{}:,\"\\\\a1<> é]{0,4}") {
        let text = fargate().to_string();
        let at = at.min(text.len());
        let mutated = format!("{}{with}{}", &text[..at], &text[(at + cut).min(text.len())..]);
        match TaskDefinition::parse("f", &mutated) {
            Ok(task) => {
                task.diff(&parsed(&fargate()));
                let _ = task.to_register_request();
                let _ = task.resolve(&images(&[("A", "b")]));
            }
            Err(report) => prop_assert!(!report.diagnostics.is_empty() && !report.render().contains("hush-3"), "{report}"),
        }
    }

    #[test]
    fn a_diff_with_itself_is_empty_and_a_document_survives(
        unknown in proptest::collection::btree_map("[a-zA-Z]{1,8}X", "\\PC{0,12}", 0..5),
    ) {
        let document = edited(|d| unknown.iter().for_each(|(key, value)| d[key] = json!(value)));
        let task = parsed(&document);
        prop_assert_eq!(task.diff(&task), vec![]);
        prop_assert_eq!(serde_json::from_str::<Value>(&task.for_document()).unwrap(), document);
    }
}
