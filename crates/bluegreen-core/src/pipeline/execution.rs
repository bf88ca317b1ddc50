//! Which execution of a pipeline a stage belongs to, and the run that this makes it.

use crate::model::RunId;

/// The variables that may hold the execution's id, the first that is set being taken.
const VARIABLES: [&str; 2] = ["BLUEGREEN_EXECUTION_ID", "CODEPIPELINE_EXECUTION_ID"];

/// What the action of a pipeline passes to hand its execution's id to the build.
const EXPRESSION: &str = "#{codepipeline.PipelineExecutionId}";

/// Longer ids are none.
const LENGTH_MAX: usize = 200;

/// One execution of a pipeline: the same when a stage of it is tried again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Execution {
    /// Its id.
    pub id: String,
    /// How it is known.
    pub source: Source,
}

/// How an execution is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// It was given on the command line.
    Option,
    /// It stands in this variable.
    Variable(&'static str),
    /// It was put together from the pipeline's name and the revision of its source: two executions with the same source
    /// are not told apart.
    Derived,
}

/// Why the execution cannot be told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExecutionError {
    /// Nothing says so.
    #[error(
        "nothing tells which execution of the pipeline this is: set BLUEGREEN_EXECUTION_ID={EXPRESSION} in the action's EnvironmentVariables"
    )]
    Missing,
    /// The pipeline has not replaced the expression.
    #[error(
        "the execution's id is the text `{0}`: CodePipeline fills it in only in an action's configuration, not in a buildspec or a project"
    )]
    NotFilledIn(String),
    /// It has characters that no id has.
    #[error("`{0}` is no execution's id: expected up to {LENGTH_MAX} letters, digits and any of `-_.:/@+`")]
    Invalid(String),
}

impl Execution {
    /// Finds it: the option first, then the variables, and else what `CodeBuild` itself tells of a build that a pipeline
    /// started.
    ///
    /// # Errors
    ///
    /// Nothing tells it, or what does is no id.
    pub fn find(option: Option<&str>, vars: &dyn Fn(&str) -> Option<String>) -> Result<Execution, ExecutionError> {
        let var = |name: &str| vars(name).filter(|value| !value.is_empty());
        if let Some(id) = option {
            return Ok(Execution { id: checked(id)?, source: Source::Option });
        }
        for name in VARIABLES {
            if let Some(id) = var(name) {
                return Ok(Execution { id: checked(&id)?, source: Source::Variable(name) });
            }
        }
        let pipeline = var("CODEBUILD_INITIATOR").filter(|name| name.starts_with("codepipeline/"));
        let (pipeline, revision) =
            pipeline.zip(var("CODEBUILD_RESOLVED_SOURCE_VERSION")).ok_or(ExecutionError::Missing)?;
        Ok(Execution { id: checked(&format!("{pipeline}@{revision}"))?, source: Source::Derived })
    }

    /// The run of this execution for one service in one environment, at the given attempt (1 is the first).
    pub fn run(&self, service: &str, environment: &str, attempt: u32) -> RunId {
        // What people know of a derived id is the revision at its end.
        let known = self.id.rsplit('@').next().unwrap_or(&self.id);
        RunId::derived(known, service, &[&self.id, environment, &attempt.to_string()])
    }

    /// What to mind about it, if anything.
    pub fn warning(&self) -> Option<String> {
        (self.source == Source::Derived).then(|| {
            format!(
                "the execution is taken to be {}: another one with the same source would be taken for a retry of it; \
                 set BLUEGREEN_EXECUTION_ID={EXPRESSION} in the action's EnvironmentVariables",
                self.id
            )
        })
    }
}

fn checked(id: &str) -> Result<String, ExecutionError> {
    if id.contains("#{") {
        return Err(ExecutionError::NotFilledIn(id.to_owned()));
    }
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"-_.:/@+".contains(&b);
    if (1..=LENGTH_MAX).contains(&id.len()) && id.bytes().all(fits) {
        return Ok(id.to_owned());
    }
    Err(ExecutionError::Invalid(crate::text::line(id, LENGTH_MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0b1c2d3e-4f5a-6b7c-8d9e-0f1a2b3c4d5e";

    fn find(option: Option<&str>, vars: &[(&str, &str)]) -> Result<Execution, ExecutionError> {
        let get = |name: &str| vars.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        Execution::find(option, &get)
    }

    #[test]
    fn the_option_comes_before_the_variables_and_they_before_a_guess() {
        let build = [("CODEBUILD_INITIATOR", "codepipeline/shop"), ("CODEBUILD_RESOLVED_SOURCE_VERSION", "4f5a6b7c")];
        let named = [("CODEPIPELINE_EXECUTION_ID", "two"), ("BLUEGREEN_EXECUTION_ID", ID)];
        let all = [&build[..], &named].concat();
        assert_eq!(find(Some("one"), &all).map(|found| (found.id, found.source)), Ok(("one".into(), Source::Option)));
        let found = find(None, &all).unwrap();
        assert_eq!((found.id.as_str(), found.source), (ID, Source::Variable("BLUEGREEN_EXECUTION_ID")));
        assert_eq!(found.warning(), None);
        assert_eq!(find(None, &all[..3]).unwrap().id, "two");
        let guessed = find(None, &build).unwrap();
        assert_eq!((guessed.id.as_str(), guessed.source), ("codepipeline/shop@4f5a6b7c", Source::Derived));
        assert!(guessed.warning().unwrap().contains("BLUEGREEN_EXECUTION_ID=#{codepipeline.PipelineExecutionId}"));
        assert!(guessed.run("web", "prod", 1).as_str().starts_with("p-4f5a6b7c-web-"));
    }

    #[test]
    fn nothing_is_made_up_for_a_build_that_a_person_started() {
        let person = [("CODEBUILD_INITIATOR", "ann"), ("CODEBUILD_RESOLVED_SOURCE_VERSION", "4f5a6b7c")];
        assert_eq!(find(None, &person), Err(ExecutionError::Missing));
        assert_eq!(find(None, &person[1..]), Err(ExecutionError::Missing));
        let nothing = [("BLUEGREEN_EXECUTION_ID", ""), ("CODEBUILD_INITIATOR", "codepipeline/shop")];
        assert_eq!(find(None, &nothing), Err(ExecutionError::Missing));
    }

    #[test]
    fn what_is_no_id_is_told() {
        let literal = "#{codepipeline.PipelineExecutionId}";
        assert_eq!(find(Some(literal), &[]), Err(ExecutionError::NotFilledIn(literal.to_owned())));
        for wrong in ["", "a b", "x\n", &"x".repeat(201)] {
            assert!(matches!(find(Some(wrong), &[]), Err(ExecutionError::Invalid(_))), "{wrong}");
        }
    }

    #[test]
    fn a_retry_is_the_same_run_and_another_attempt_is_not() {
        let execution = find(Some(ID), &[]).unwrap();
        let run = execution.run("frontend", "prod", 1);
        assert!(run.as_str().starts_with("p-0b1c2d3e-frontend-"), "{run}");
        assert_eq!(run, execution.run("frontend", "prod", 1));
        assert_ne!(run, execution.run("frontend", "prod", 2));
        assert_ne!(run, execution.run("frontend", "beta", 1));
        assert_ne!(run, find(Some("0b1c2d3e-other"), &[]).unwrap().run("frontend", "prod", 1));
    }
}
