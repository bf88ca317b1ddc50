//! Faults as a user writes them: `throttle=0.3,slow@2s:elbv2=0.1`.

use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

use bluegreen_core::ports::ErrorClass;
use jiff::SignedDuration;

use super::{Fault, FaultRule, Faults, Operations};
use crate::world::Ms;

const KINDS: &str = "throttle, error, deny, drop, drop-applied, hang, hang-applied, stale, slow or partial";
const EXAMPLE: &str = "as in `throttle=0.3` or `slow@2s:elbv2=0.1`";
const SERVICES: [&str; 6] = ["elbv2", "ecs", "cloudwatch", "codedeploy", "sts", "resourcegroupstaggingapi"];

/// How old a stale answer and how long a slow one is where nothing is said.
const STALE_MS: Ms = 30_000;
const SLOW_MS: Ms = 2_000;

/// A list of faults with their probabilities: `KIND[@DURATION][:WHERE]=PROBABILITY`, separated by commas. The first that
/// hits a request decides.
///
/// | kind | what happens to the request |
/// |---|---|
/// | `throttle` | refused: slower, please |
/// | `error` | refused with status 503 |
/// | `deny` | refused: not authorized |
/// | `drop`, `hang` | no effect and no answer: the connection ends, or stays silent |
/// | `drop-applied`, `hang-applied` | it takes effect and has no answer |
/// | `stale@30s` | a read is answered as of 30 s ago |
/// | `slow@2s` | it takes 2 s |
/// | `partial` | metric data is answered in part, and says so |
///
/// `WHERE` is `reads`, `mutations`, a service such as `elbv2`, or the beginning of an operation such as
/// `ecs:UpdateService`. The probability is between 0 and 1, in steps of 0.001.
#[derive(Clone, Debug, Default)]
pub struct FaultPlan {
    rules: Vec<FaultRule>,
}

/// Why a text is no plan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// Something between two commas has no `=`.
    #[error("`{0}` has no probability: write KIND=PROBABILITY, {EXAMPLE}")]
    NoProbability(String),
    /// The part after `=` is no probability.
    #[error("`{given}` in `{part}` is no probability: write a number from 0 to 1 in steps of 0.001, {EXAMPLE}")]
    Probability {
        /// What stands there.
        given: String,
        /// Where.
        part: String,
    },
    /// No such kind.
    #[error("`{given}` in `{part}` is no kind of fault: it is one of {KINDS}")]
    Kind {
        /// What stands there.
        given: String,
        /// Where.
        part: String,
    },
    /// The part after `@` is no length of time, or the kind has none.
    #[error(
        "`{given}` in `{part}` is not expected: `stale` and `slow` take a duration such as 500ms or 30s, others none"
    )]
    Duration {
        /// What stands there.
        given: String,
        /// Where.
        part: String,
    },
    /// The part after `:` names nothing.
    #[error(
        "`{given}` in `{part}` names no requests: it is `reads`, `mutations`, a service ({}), or a service with an \
         operation as in `ecs:UpdateService`",
        SERVICES.join(", ")
    )]
    Where {
        /// What stands there.
        given: String,
        /// Where.
        part: String,
    },
}

impl FaultPlan {
    /// Reads a plan; an empty text is one without faults.
    pub fn parse(text: &str) -> Result<FaultPlan, PlanError> {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        Ok(FaultPlan { rules: parts.map(rule).collect::<Result<_, _>>()? })
    }

    /// The rules in their order.
    pub fn rules(&self) -> &[FaultRule] {
        &self.rules
    }

    /// The plan at work: its probabilities are drawn from `seed`.
    pub fn faults(self, seed: u64) -> Faults {
        let mut faults = Faults::new(seed);
        for rule in self.rules {
            faults.add(rule);
        }
        faults
    }
}

impl FromStr for FaultPlan {
    type Err = PlanError;

    fn from_str(text: &str) -> Result<FaultPlan, PlanError> {
        FaultPlan::parse(text)
    }
}

/// As in a plan.
impl Display for Fault {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Refused(ErrorClass::Throttled) => f.write_str("throttle"),
            Fault::Refused(ErrorClass::Unavailable) => f.write_str("error"),
            Fault::Refused(ErrorClass::Denied) => f.write_str("deny"),
            // A plan has no words for the others.
            Fault::Refused(class) => write!(f, "refused ({class:?})"),
            Fault::Lost { applied: false } => f.write_str("drop"),
            Fault::Lost { applied: true } => f.write_str("drop-applied"),
            Fault::Hung { applied: false } => f.write_str("hang"),
            Fault::Hung { applied: true } => f.write_str("hang-applied"),
            Fault::Stale(ms) => write!(f, "stale@{ms}ms"),
            Fault::Slow(ms) => write!(f, "slow@{ms}ms"),
            Fault::Partial => f.write_str("partial"),
        }
    }
}

/// As in a plan; for whom, when and how often is left out.
impl Display for FaultRule {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        Display::fmt(&self.fault, f)?;
        match &self.operations {
            Operations::All => {}
            Operations::Mutations => f.write_str(":mutations")?,
            Operations::Reads => f.write_str(":reads")?,
            Operations::Named(prefix) => write!(f, ":{}", prefix.trim_end_matches(':'))?,
        }
        write!(f, "={}", f64::from(self.per_mille) / 1000.0)
    }
}

fn rule(part: &str) -> Result<FaultRule, PlanError> {
    let (what, probability) = part.split_once('=').ok_or_else(|| PlanError::NoProbability(part.to_owned()))?;
    let (what, place) = what.split_once(':').map_or((what, None), |(what, place)| (what, Some(place)));
    let (kind, duration) = what.split_once('@').map_or((what, None), |(kind, duration)| (kind, Some(duration)));
    let rule = FaultRule::new(operations(place, part)?, fault(kind.trim(), duration, part)?);
    Ok(rule.with_probability(per_mille(probability.trim(), part)?))
}

fn fault(kind: &str, duration: Option<&str>, part: &str) -> Result<Fault, PlanError> {
    let fault = match kind {
        "throttle" => Fault::THROTTLED,
        "error" => Fault::SERVER_ERROR,
        "deny" => Fault::DENIED,
        "drop" => Fault::Lost { applied: false },
        "drop-applied" => Fault::Lost { applied: true },
        "hang" => Fault::Hung { applied: false },
        "hang-applied" => Fault::Hung { applied: true },
        "partial" => Fault::Partial,
        "stale" => return Ok(Fault::Stale(milliseconds(duration, part)?.unwrap_or(STALE_MS))),
        "slow" => return Ok(Fault::Slow(milliseconds(duration, part)?.unwrap_or(SLOW_MS))),
        _ => return Err(PlanError::Kind { given: kind.to_owned(), part: part.to_owned() }),
    };
    match duration {
        Some(given) => Err(PlanError::Duration { given: given.to_owned(), part: part.to_owned() }),
        None => Ok(fault),
    }
}

fn milliseconds(text: Option<&str>, part: &str) -> Result<Option<Ms>, PlanError> {
    let Some(text) = text else { return Ok(None) };
    let duration: Option<SignedDuration> = text.trim().parse().ok();
    let ms = duration.and_then(|duration| Ms::try_from(duration.as_millis()).ok());
    ms.map(Some).ok_or_else(|| PlanError::Duration { given: text.to_owned(), part: part.to_owned() })
}

fn operations(place: Option<&str>, part: &str) -> Result<Operations, PlanError> {
    let Some(place) = place.map(str::trim) else { return Ok(Operations::All) };
    let (service, operation) = place.split_once(':').unwrap_or((place, ""));
    match place {
        "reads" => Ok(Operations::Reads),
        "mutations" => Ok(Operations::Mutations),
        _ if SERVICES.contains(&service) => Ok(Operations::Named(format!("{service}:{operation}").into())),
        _ => Err(PlanError::Where { given: place.to_owned(), part: part.to_owned() }),
    }
}

fn per_mille(text: &str, part: &str) -> Result<u32, PlanError> {
    let wrong = || PlanError::Probability { given: text.to_owned(), part: part.to_owned() };
    let probability: f64 = text.parse().map_err(|_| wrong())?;
    let per_mille = (probability * 1000.0).round();
    // 0.0004 would silently mean never.
    if !(0.0..=1.0).contains(&probability) || (probability > 0.0 && per_mille < 1.0) {
        return Err(wrong());
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 1000")]
    Ok(per_mille as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_says_what_happens_to_which_requests_how_often() {
        let plan =
            FaultPlan::parse(" throttle=0.3, slow@500ms:elbv2=0.1,stale:reads=1,hang-applied:ecs:Update=0,").unwrap();
        let read: Vec<_> =
            plan.rules().iter().map(|rule| (rule.fault, rule.operations.clone(), rule.per_mille)).collect();
        let expected = [
            (Fault::THROTTLED, Operations::All, 300),
            (Fault::Slow(500), Operations::Named("elbv2:".into()), 100),
            (Fault::Stale(30_000), Operations::Reads, 1000),
            (Fault::Hung { applied: true }, Operations::Named("ecs:Update".into()), 0),
        ];
        assert_eq!(read, expected);
        assert!(FaultPlan::parse("").unwrap().rules().is_empty());
    }

    #[test]
    fn what_is_wrong_with_a_plan_is_said_with_what_would_be_right() {
        for (text, found, expected) in [
            ("throttle", "`throttle` has no probability", "`throttle=0.3`"),
            ("throttle=often", "`often` in `throttle=often`", "from 0 to 1"),
            ("throttle=1.5", "`1.5`", "from 0 to 1"),
            ("throttle=NaN", "`NaN`", "from 0 to 1"),
            ("throttle=0.0001", "`0.0001`", "steps of 0.001"),
            ("slow=1,trottle=1", "`trottle` in `trottle=1`", "throttle, error"),
            ("slow@fast=1", "`fast` in `slow@fast=1`", "500ms"),
            ("slow@-1s=1", "`-1s`", "500ms"),
            ("deny@1s=1", "`1s` in `deny@1s=1`", "others none"),
            ("deny:s3=1", "`s3` in `deny:s3=1`", "`reads`, `mutations`, a service (elbv2, ecs"),
        ] {
            let error = FaultPlan::parse(text).unwrap_err().to_string();
            assert!(error.contains(found) && error.contains(expected), "{text}: {error}");
        }
    }

    #[test]
    fn a_plan_is_written_as_it_is_read() {
        let text = "throttle=0.3,error=1,deny:sts=0.001,drop=0,drop-applied:mutations=0.5,hang=1,hang-applied=1,\
                    stale@30000ms:reads=0.25,slow@500ms:ecs:UpdateService=0.125,partial=0.5";
        let plan = FaultPlan::parse(text).unwrap();
        let written: Vec<String> = plan.rules().iter().map(ToString::to_string).collect();
        assert_eq!(written.join(","), text);
    }
}
