use std::collections::BTreeMap;

use serde_json::json;

use super::*;

const BASE: &str = "111122223333.dkr.ecr.eu-west-3.amazonaws.com/frontend";
const DIGEST: &str = "sha256:2c4269d573d9fc6e9e95d5e8f3de2dd0b07c19912551f25e848415b5dd783acf";

/// Files by path: `/src` is the primary artifact, `/01` is `Build`, `/02` is `Other`.
#[derive(Default)]
struct Disk(BTreeMap<PathBuf, Vec<u8>>);

impl Disk {
    fn with(mut self, path: &str, content: impl AsRef<[u8]>) -> Disk {
        self.0.insert(path.into(), content.as_ref().to_vec());
        self
    }

    fn gather(&self, choice: &Choice) -> Result<Inputs, InputError> {
        let vars =
            [("CODEBUILD_SRC_DIR", "/src"), ("CODEBUILD_SRC_DIR_Build", "/01"), ("CODEBUILD_SRC_DIR_Other", "/02")];
        let vars = vars.map(|(name, value)| (name.to_owned(), value.to_owned()));
        gather(&Artifacts::from_vars(vars).unwrap(), choice, &|path| Ok(self.0.get(path).cloned()))
    }

    /// The error and its cure, in one text.
    fn refused(&self, choice: &Choice) -> String {
        let error = self.gather(choice).unwrap_err();
        let below = match &error {
            InputError::File(report) => report.render(),
            InputError::Images { source, .. } => source.to_string(),
            _ => String::new(),
        };
        format!("{error}\n{below}\n{}", error.help().unwrap_or_default())
    }
}

fn taskdef(images: &[(&str, &str)]) -> String {
    let containers: Vec<_> = images
        .iter()
        .map(|(name, image)| json!({ "name": name, "image": image, "portMappings": [{ "containerPort": 8080 }] }))
        .collect();
    json!({ "family": "frontend", "memory": "512", "containerDefinitions": containers }).to_string()
}

fn detail(image: &str) -> String {
    json!({ "ImageURI": image }).to_string()
}

fn definitions(images: &[(&str, &str)]) -> String {
    let all: Vec<_> = images.iter().map(|(name, image)| json!({ "name": name, "imageUri": image })).collect();
    json!(all).to_string()
}

fn images(definition: &TaskDefinition) -> Vec<(String, String)> {
    definition.containers().iter().map(|container| (container.name.to_owned(), container.image.to_owned())).collect()
}

fn image(artifact: &str, placeholder: &str) -> ImageChoice {
    ImageChoice { artifact: artifact.to_owned(), placeholder: placeholder.to_owned() }
}

const APPSPEC_TEXT: &str = "version: 0.0
Resources:
  - TargetService:
      Type: AWS::ECS::Service
      Properties:
        TaskDefinition: <TASK_DEFINITION>
        LoadBalancerInfo: { ContainerName: web, ContainerPort: 8080 }
";

#[test]
fn the_artifacts_of_the_blue_green_action() {
    let source = json!({ "ImageURI": format!("{BASE}:1.4.2"), "ImageDigest": DIGEST, "ImageTags": ["1.4.2"] });
    let inputs = Disk::default()
        .with("/src/taskdef.json", taskdef(&[("web", "<IMAGE1_NAME>"), ("log", "example/log:1")]))
        .with("/src/appspec.yaml", APPSPEC_TEXT)
        .with("/01/imageDetail.json", source.to_string())
        .gather(&Choice::default())
        .unwrap();
    let pinned = format!("{BASE}@{DIGEST}");
    let found = images(inputs.definition.as_ref().unwrap());
    assert_eq!(found, [("web".into(), pinned.clone()), ("log".into(), "example/log:1".into())]);
    let notes = [
        "task definition of primary::taskdef.json".to_owned(),
        format!("<IMAGE1_NAME> is {pinned} (Build::imageDetail.json)"),
        "AppSpec of primary::appspec.yaml".to_owned(),
    ];
    assert_eq!(inputs.notes, notes);
    assert!(inputs.warnings.is_empty());
    assert_eq!(inputs.appspec.unwrap().file, Path::new("/src/appspec.yaml"));
}

#[test]
fn four_images_with_placeholders_of_their_own() {
    let disk = Disk::default()
        .with("/src/deploy/td.json", taskdef(&[("web", "<APP>"), ("log", "<LOG>")]))
        .with("/01/imageDetail.json", detail("example/web:2"))
        .with("/02/imageDetail.json", detail("example/log:2"));
    let choice = Choice {
        taskdef: Some("primary::deploy/td.json".parse().unwrap()),
        images: vec![image("Build", "APP"), image("Other", "LOG")],
        ..Choice::default()
    };
    let found = images(&disk.gather(&choice).unwrap().definition.unwrap());
    assert_eq!(found, [("web".into(), "example/web:2".into()), ("log".into(), "example/log:2".into())]);
    let twice = Choice { images: vec![image("Build", "APP"), image("Other", "APP")], ..choice.clone() };
    assert!(disk.refused(&twice).contains("`<APP>` is given two images"));
    let left = Choice { images: vec![image("Build", "APP")], ..choice };
    assert!(disk.refused(&left).contains("--image1 ARTIFACT=LOG"), "{}", disk.refused(&left));
}

#[test]
fn the_artifact_of_the_rolling_action() {
    let list = definitions(&[("web", "example/web:2")]);
    let disk = Disk::default().with("/01/imagedefinitions.json", &list);
    let inputs = disk.gather(&Choice::default()).unwrap();
    assert_eq!((inputs.definition.is_none(), inputs.images["web"].as_str()), (true, "example/web:2"));
    let disk = disk.with("/src/taskdef.json", taskdef(&[("web", "<IMAGE1_NAME>")]));
    let inputs = disk.gather(&Choice::default()).unwrap();
    assert_eq!(images(&inputs.definition.unwrap()), [("web".into(), "example/web:2".into())]);
    let other = Disk::default()
        .with("/src/taskdef.json", taskdef(&[("web", "example/web:1")]))
        .with("/01/imagedefinitions.json", definitions(&[("wev", "example/web:2")]));
    assert!(other.refused(&Choice::default()).contains("did you mean `web`?"));
}

#[test]
fn a_build_for_both_actions_is_no_contradiction() {
    let both = |image: &str| {
        Disk::default()
            .with("/src/taskdef.json", taskdef(&[("web", image)]))
            .with("/01/imageDetail.json", detail(&format!("{BASE}@{DIGEST}")))
            .with("/01/imagedefinitions.json", definitions(&[("web", &format!("{BASE}:1.4.2"))]))
    };
    let inputs = both("<IMAGE1_NAME>").gather(&Choice::default()).unwrap();
    assert_eq!(images(&inputs.definition.unwrap())[0].1, format!("{BASE}@{DIGEST}"));
    assert!(inputs.notes.iter().any(|note| note.starts_with("Build::imagedefinitions.json is left out")));
    let inputs = both("example/web:1").gather(&Choice::default()).unwrap();
    assert_eq!(images(&inputs.definition.unwrap())[0].1, format!("{BASE}:1.4.2"));
    assert!(inputs.notes.iter().any(|note| note.starts_with("Build::imageDetail.json is left out")));
    let asked = Choice { definitions: Some("Build::imagedefinitions.json".parse().unwrap()), ..Choice::default() };
    let refused = both("<IMAGE1_NAME>").refused(&asked);
    assert!(refused.contains("container `web` is given two images") && refused.contains(":1.4.2"), "{refused}");
}

#[test]
fn files_that_are_mixed_up_are_told_apart() {
    let base = || Disk::default().with("/src/taskdef.json", taskdef(&[("web", "<IMAGE1_NAME>")]));
    let list = definitions(&[("web", "example/web:2")]);
    let named = Choice { images: vec![image("Build", "IMAGE1_NAME")], ..Choice::default() };
    let table = [
        (base().with("/01/imageDetail.json", &list), &Choice::default(), "this is an imagedefinitions.json"),
        (
            base().with("/01/imagedefinitions.json", detail("example/web:2")),
            &Choice::default(),
            "this is an imageDetail.json",
        ),
        (
            base().with("/01/imagedefinitions.json", &list),
            &named,
            "there is no Build::imageDetail.json, but imagedefinitions.json is there",
        ),
        (
            base().with("/01/imageDetail.json", r#"{"imageUri": "example/web:2"}"#),
            &named,
            "has to be spelled `ImageURI`",
        ),
        (base(), &named, "there is no Build::imageDetail.json"),
    ];
    for (disk, choice, said) in table {
        let refused = disk.refused(choice);
        assert!(refused.contains(said), "{said}:\n{refused}");
    }
    let refused = base().with("/01/imageDetail.json", &list).refused(&named);
    assert!(refused.contains("Build::imageDetail.json:1:1: error[BG0321]"), "with its place:\n{refused}");
    assert!(refused.contains("rolling ECS action"), "and its cure:\n{refused}");
}

#[test]
fn an_image_without_a_place_is_not_lost() {
    let disk = Disk::default().with("/01/imageDetail.json", detail("example/web:2"));
    assert!(disk.refused(&Choice::default()).contains("no task definition that says for which container"));
    let closed = Disk::default()
        .with("/src/taskdef.json", taskdef(&[("web", "example/web:1")]))
        .with("/01/imageDetail.json", detail("example/web:2"));
    let refused = closed.refused(&Choice::default());
    assert!(refused.contains("write `\"image\": \"<IMAGE1_NAME>\"`"), "{refused}");
    let renamed = Disk::default()
        .with("/src/taskdef.json", taskdef(&[("web", "<APP_IMAGE>")]))
        .with("/01/imageDetail.json", detail("example/web:2"));
    let refused = renamed.refused(&Choice::default());
    assert!(refused.contains("--image1 ARTIFACT=APP_IMAGE"), "{refused}");
}

#[test]
fn different_files_of_one_name_have_to_be_chosen_among() {
    let disk = Disk::default()
        .with("/src/taskdef.json", taskdef(&[("web", "<IMAGE1_NAME>")]))
        .with("/01/taskdef.json", taskdef(&[("web", "<IMAGE1_NAME>")]))
        .with("/01/imageDetail.json", detail("example/web:2"));
    assert!(disk.gather(&Choice::default()).is_ok(), "copies are one file");
    let disk = disk.with("/02/imageDetail.json", detail("example/web:3"));
    let refused = disk.refused(&Choice::default());
    assert!(refused.contains("Build, Other") && refused.contains("--image1 Other"), "{refused}");
    let disk = disk.with("/01/taskdef.json", taskdef(&[("log", "<IMAGE1_NAME>")]));
    assert!(disk.refused(&Choice::default()).contains("--taskdef Build::taskdef.json"));
    let chosen = Choice {
        taskdef: Some("Build::taskdef.json".parse().unwrap()),
        images: vec![image("Other", "IMAGE1_NAME")],
        ..Choice::default()
    };
    assert_eq!(images(&disk.gather(&chosen).unwrap().definition.unwrap()), [("log".into(), "example/web:3".into())]);
}

#[test]
fn the_specs_own_file_comes_before_one_that_is_found() {
    let disk = Disk::default()
        .with("/src/taskdef.json", taskdef(&[("web", "example/web:1")]))
        .with("/src/infra/own.json", taskdef(&[("own", "example/own:1")]));
    let spec = Choice { spec_file: Some("/src/infra/own.json".into()), ..Choice::default() };
    assert_eq!(images(&disk.gather(&spec).unwrap().definition.unwrap())[0].0, "own");
    let both = Choice { taskdef: Some("taskdef.json".parse().unwrap()), ..spec };
    assert_eq!(images(&disk.gather(&both).unwrap().definition.unwrap())[0].0, "web");
    let gone = Choice { spec_file: Some("/src/gone.json".into()), ..Choice::default() };
    assert!(disk.refused(&gone).contains("there is no /src/gone.json"));
}

#[test]
fn the_specs_images_are_for_what_the_artifacts_leave_open() {
    let spec_images: BTreeMap<String, String> =
        [("web", "example/web:9"), ("log", "example/log:9")].map(|(a, b)| (a.to_owned(), b.to_owned())).into();
    let choice = Choice { spec_images, ..Choice::default() };
    let disk = Disk::default()
        .with("/src/taskdef.json", taskdef(&[("web", "<IMAGE1_NAME>"), ("log", "<LOG>")]))
        .with("/01/imageDetail.json", detail("example/web:2"));
    let found = images(&disk.gather(&choice).unwrap().definition.unwrap());
    assert_eq!(found, [("web".into(), "example/web:2".into()), ("log".into(), "example/log:9".into())]);
    let live = Disk::default().with("/01/imagedefinitions.json", definitions(&[("web", "example/web:2")]));
    let found = live.gather(&choice).unwrap().images;
    assert_eq!((found["web"].as_str(), found["log"].as_str()), ("example/web:2", "example/log:9"));
    let unknown = Choice { spec_images: [("wev".to_owned(), "example/web:9".to_owned())].into(), ..Choice::default() };
    assert!(disk.refused(&unknown).contains("did you mean `web`?"));
}

#[test]
fn what_is_no_utf_8_is_told() {
    let utf16: Vec<u8> = [0xff, 0xfe].into_iter().chain("{}".encode_utf16().flat_map(u16::to_le_bytes)).collect();
    let with = |bytes: &[u8]| Disk::default().with("/01/imagedefinitions.json", bytes).refused(&Choice::default());
    assert!(with(&utf16).contains("Out-File -Encoding utf8"), "{}", with(&utf16));
    assert!(with(b"[\"\xe9\"]").contains("no character"), "{}", with(b"[\"\xe9\"]"));
    assert!(with(&vec![b' '; FILE_MAX + 1]).contains("3145728"));
    let marked = format!("\u{feff}{}", definitions(&[("web", "example/web:2")]));
    let disk = Disk::default().with("/01/imagedefinitions.json", marked);
    assert!(disk.gather(&Choice::default()).is_ok(), "a byte order mark is passed over");
}

#[test]
fn an_image_cannot_change_the_task_definition() {
    let disk = Disk::default()
        .with("/src/taskdef.json", taskdef(&[("web", "<IMAGE1_NAME>")]))
        .with("/01/imageDetail.json", detail("example/web:2\", \"privileged\": true, \"x\": \""));
    assert!(disk.refused(&Choice::default()).contains("BG0306"), "{}", disk.refused(&Choice::default()));
}

#[test]
fn the_appspec_has_to_fit() {
    let with = |text: &str| {
        Disk::default().with("/src/taskdef.json", taskdef(&[("web", "example/web:1")])).with("/src/appspec.yaml", text)
    };
    let arn = "arn:aws:ecs:eu-west-3:111122223333:task-definition/frontend:7";
    let table = [
        (APPSPEC_TEXT.replace("8080", "9090"), "BG0221"),
        (APPSPEC_TEXT.replace("<TASK_DEFINITION>", arn), "write `TaskDefinition: <TASK_DEFINITION>`"),
        ("version: 0.0\nResources:\n  - f: { Type: AWS::Lambda::Function, Properties: { Name: f, Alias: a, CurrentVersion: \"1\", TargetVersion: \"2\" } }\n".to_owned(), "for a Lambda function"),
        ("{}".to_owned(), "primary::appspec.yaml"),
    ];
    for (text, said) in table {
        let refused = with(&text).refused(&Choice::default());
        assert!(refused.contains(said), "{said}:\n{refused}");
    }
    let own = Choice { spec_appspec: Some("/src/infra/own.yaml".into()), ..Choice::default() };
    let disk = with("{}").with("/src/infra/own.yaml", APPSPEC_TEXT);
    assert_eq!(disk.gather(&own).unwrap().appspec.unwrap().file, Path::new("/src/infra/own.yaml"));
    let moved = Choice { appspec: Some("Build::deploy/appspec.yaml".parse().unwrap()), ..Choice::default() };
    assert!(with(APPSPEC_TEXT).refused(&moved).contains("there is no Build::deploy/appspec.yaml"));
}

#[test]
fn artifacts_that_say_nothing_leave_it_to_the_spec() {
    let inputs = Disk::default().gather(&Choice::default()).unwrap();
    let nothing = Inputs { definition: None, images: BTreeMap::new(), appspec: None, notes: vec![], warnings: vec![] };
    assert_eq!(inputs, nothing);
}

#[test]
fn a_disk_that_fails_is_not_an_artifact_without_files() {
    let vars = [("CODEBUILD_SRC_DIR".to_owned(), "/src".to_owned())];
    let failing = |_: &Path| Err(std::io::Error::other("the disk is gone"));
    let error = gather(&Artifacts::from_vars(vars).unwrap(), &Choice::default(), &failing).unwrap_err();
    assert!(matches!(error, InputError::Unreadable { .. }), "{error}");
}
