//! Who calls, and whom: credentials, region and endpoint, found as the AWS CLI finds them.

use super::endpoint::Endpoint;
use super::profile::Profile;
use super::variable;
use crate::Failure;
use clap::Args;
use locum_identity::sealing::Secret;
use locum_sigv4::Credentials;

/// The region if nothing else is said.
const DEFAULT_REGION: &str = "us-east-1";

#[derive(Args, Clone, Debug)]
pub(crate) struct CallerArgs {
    /// The profile in ~/.aws with the caller's credentials [default: those of the environment, then
    /// the profile AWS_PROFILE names, then `default`]
    #[arg(long, env = "LOCUM_PROFILE", value_name = "P")]
    profile: Option<String>,
    /// The region [default: AWS_REGION, AWS_DEFAULT_REGION, the profile's, us-east-1]
    #[arg(long, env = "LOCUM_REGION", value_name = "R")]
    region: Option<String>,
    /// The server [default: AWS_ENDPOINT_URL_STS (of `locum session`: AWS_ENDPOINT_URL_LOCUM),
    /// AWS_ENDPOINT_URL, the profile's, AWS itself]
    #[arg(long, env = "LOCUM_ENDPOINT_URL", value_name = "URL")]
    endpoint_url: Option<String>,
}

/// Who calls whom.
#[derive(Debug)]
pub(super) struct Caller {
    pub(super) access_key_id: String,
    secret_access_key: Secret,
    session_token: Option<Secret>,
    pub(super) region: String,
    pub(super) endpoint: Endpoint,
    /// The endpoint's URL, if it is from a flag or a profile: programs that are to use it too would
    /// not find it by themselves.
    pub(super) endpoint_url: Option<String>,
}

impl CallerArgs {
    /// Refuses what can be seen to be wrong without looking anything up.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        if let Some(region) = &self.region {
            check_region(region).map_err(Failure::Usage)?;
        }
        if let Some(url) = &self.endpoint_url {
            Endpoint::parse(url, true)
                .map_err(|why| Failure::Usage(format!("--endpoint-url: `{url}` {why}")))?;
        }
        Ok(())
    }

    /// Looks everything up, anew each time: another program may have renewed the credentials.
    pub(super) fn find(&self) -> Result<Caller, Failure> {
        self.find_for("AWS_ENDPOINT_URL_STS", |region| Ok(of_aws(region)))
    }

    /// The same for what AWS has not: there is no server unless one is named.
    pub(super) fn find_own(&self) -> Result<Caller, Failure> {
        self.find_for("AWS_ENDPOINT_URL_LOCUM", |_| {
            Err(Failure::Work(
                "there is no server: name one with --endpoint-url, AWS_ENDPOINT_URL or a profile's endpoint_url".to_owned(),
            ))
        })
    }

    fn find_for(
        &self,
        endpoint_of_service: &str,
        default: impl FnOnce(&str) -> Result<String, Failure>,
    ) -> Result<Caller, Failure> {
        let name = self
            .profile
            .clone()
            .or_else(|| variable("AWS_PROFILE"))
            .or_else(|| variable("AWS_DEFAULT_PROFILE"));
        let profile = Profile::read(name.as_deref().unwrap_or("default"))
            .map_err(|why| Failure::Work(format!("the profiles cannot be read: {why}")))?;
        let own = if self.profile.is_none() {
            from_environment()?
        } else {
            None
        };
        let (access_key_id, secret_access_key, session_token) = match (own, &profile, &name) {
            (Some(own), _, _) => own,
            (None, Some(profile), name) => {
                from_profile(profile, name.as_deref().unwrap_or("default"))?
            }
            (None, None, Some(name)) => {
                return Err(Failure::Work(format!("there is no profile `{name}`")));
            }
            (None, None, None) => {
                return Err(Failure::Work(
                    "there are no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a profile with --profile".to_owned(),
                ));
            }
        };
        let setting = |key| profile.as_ref()?.get(key).map(str::to_owned);
        let region = self
            .region
            .clone()
            .or_else(|| variable("AWS_REGION"))
            .or_else(|| variable("AWS_DEFAULT_REGION"))
            .or_else(|| setting("region"))
            .unwrap_or_else(|| DEFAULT_REGION.to_owned());
        check_region(&region).map_err(Failure::Work)?;
        let inherited = variable(endpoint_of_service).or_else(|| variable("AWS_ENDPOINT_URL"));
        let (url, endpoint_url) = match (&self.endpoint_url, inherited, setting("endpoint_url")) {
            (Some(flag), _, _) => (flag.clone(), Some(flag.clone())),
            (None, Some(url), _) => (url, None),
            (None, None, Some(url)) => (url.clone(), Some(url)),
            (None, None, None) => (default(&region)?, None),
        };
        let endpoint = Endpoint::parse(&url, self.endpoint_url.is_some())
            .map_err(|why| Failure::Work(format!("the endpoint `{url}` {why}")))?;
        Ok(Caller {
            access_key_id,
            secret_access_key,
            session_token,
            region,
            endpoint,
            endpoint_url,
        })
    }
}

impl Caller {
    pub(super) fn credentials(&self) -> Credentials<'_> {
        Credentials {
            access_key_id: &self.access_key_id,
            secret_access_key: self.secret_access_key.expose(),
            session_token: self.session_token.as_ref().map(Secret::expose),
        }
    }
}

type Found = (String, Secret, Option<Secret>);

fn from_environment() -> Result<Option<Found>, Failure> {
    let id = variable("AWS_ACCESS_KEY_ID");
    let secret = variable("AWS_SECRET_ACCESS_KEY");
    match (id, secret) {
        (None, None) => Ok(None),
        (Some(id), Some(secret)) => Ok(Some((
            id,
            Secret::new(secret),
            variable("AWS_SESSION_TOKEN").map(Secret::new),
        ))),
        _ => Err(Failure::Work(
            "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY go together".to_owned(),
        )),
    }
}

/// Settings that name another source of credentials, which these commands do not follow.
const ELSEWHERE: [&str; 6] = [
    "credential_process",
    "credential_source",
    "login_session",
    "sso_account_id",
    "sso_session",
    "web_identity_token_file",
];

fn from_profile(profile: &Profile, name: &str) -> Result<Found, Failure> {
    let refused = |key: &str| {
        Failure::Work(format!(
            "profile `{name}` has its credentials from `{key}`, which is not followed: name a profile with access keys"
        ))
    };
    // The SDKs would assume this role, whatever keys there are.
    if profile.get("role_arn").is_some() {
        return Err(refused("role_arn"));
    }
    let id = profile.get("aws_access_key_id");
    let secret = profile.get("aws_secret_access_key");
    match (id, secret) {
        (Some(id), Some(secret)) => Ok((
            id.to_owned(),
            Secret::new(secret.to_owned()),
            profile
                .get("aws_session_token")
                .map(|token| Secret::new(token.to_owned())),
        )),
        (None, None) => Err(ELSEWHERE
            .into_iter()
            .find(|key| profile.get(key).is_some())
            .map_or_else(
                || Failure::Work(format!("profile `{name}` has no credentials")),
                refused,
            )),
        _ => Err(Failure::Work(format!(
            "profile `{name}`: aws_access_key_id and aws_secret_access_key go together"
        ))),
    }
}

/// A region becomes a part of a host name.
fn check_region(region: &str) -> Result<(), String> {
    let legal = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if (1..=64).contains(&region.len()) && region.bytes().all(legal) {
        Ok(())
    } else {
        Err(format!("`{region}` is no region"))
    }
}

/// The regional endpoint of AWS.
fn of_aws(region: &str) -> String {
    let suffix = if region.starts_with("cn-") {
        "amazonaws.com.cn"
    } else {
        "amazonaws.com"
    };
    format!("https://sts.{region}.{suffix}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_endpoint_is_that_of_aws() {
        assert_eq!(of_aws("us-east-1"), "https://sts.us-east-1.amazonaws.com");
        assert_eq!(
            of_aws("cn-north-1"),
            "https://sts.cn-north-1.amazonaws.com.cn"
        );
        for region in [
            "",
            "us east",
            "evil.example/",
            "US-EAST-1",
            "a@b",
            &"a".repeat(65),
        ] {
            assert!(check_region(region).is_err(), "{region}");
        }
        assert_eq!(check_region("us-gov-west-1"), Ok(()));
    }
}
