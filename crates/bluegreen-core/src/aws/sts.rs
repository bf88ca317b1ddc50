//! Who the calls are made as, from STS.

use async_trait::async_trait;
use aws_sdk_sts::Client;

use super::classify::{failure, malformed};
use crate::ports::{CallError, Caller, Identity};

/// [`Identity`] over STS.
#[derive(Clone, Debug)]
pub struct AwsIdentity {
    client: Client,
    region: String,
}

impl AwsIdentity {
    /// Over a client whose calls go to `region`.
    pub fn new(client: Client, region: String) -> Self {
        AwsIdentity { client, region }
    }
}

#[async_trait]
impl Identity for AwsIdentity {
    async fn caller(&self) -> Result<Caller, CallError> {
        const OPERATION: &str = "sts:GetCallerIdentity";
        let answer = self.client.get_caller_identity().send().await.map_err(|error| failure(OPERATION, &error))?;
        match (answer.account, answer.arn) {
            (Some(account), Some(arn)) => Ok(Caller { account, region: self.region.clone(), arn }),
            _ => Err(malformed(OPERATION, "the answer lacks the account or the ARN")),
        }
    }
}
