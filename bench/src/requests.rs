//! Requests per second, CPU per request and latency over HTTP, and the sizes of session tokens.

use crate::client::{Call, Keys, Service, element};
use crate::cores::Cores;
use crate::figures::{Figure, Report, median};
use crate::load::{Load, Work};
use crate::process::{ACCOUNT, Process, State};
use crate::{Effort, Outcome};
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

const CONNECTIONS: [usize; 2] = [16, 64];

/// A session policy as a data catalog writes one for one table: about 1 KB.
pub(crate) const SESSION_POLICY: &str = r#"{"Version":"2012-10-17","Statement":[{"Sid":"ReadWriteTable","Effect":"Allow","Action":["s3:GetObject","s3:GetObjectVersion","s3:PutObject","s3:DeleteObject","s3:AbortMultipartUpload"],"Resource":["arn:aws:s3:::acme-lakehouse-prod/warehouse/sales.db/orders_2026/*","arn:aws:s3:::acme-lakehouse-prod/staging/sales.db/orders_2026/*"]},{"Sid":"ListTable","Effect":"Allow","Action":["s3:ListBucket","s3:ListBucketMultipartUploads"],"Resource":"arn:aws:s3:::acme-lakehouse-prod","Condition":{"StringLike":{"s3:prefix":["warehouse/sales.db/orders_2026/*","staging/sales.db/orders_2026/*"]}}},{"Sid":"Locate","Effect":"Allow","Action":"s3:GetBucketLocation","Resource":"arn:aws:s3:::acme-lakehouse-prod"},{"Sid":"UseTableKey","Effect":"Allow","Action":["kms:Decrypt","kms:GenerateDataKey"],"Resource":"arn:aws:kms:eu-central-1:123456789012:key/0a4c9c5e-7d1b-4a3e-9a55-2f6d8a1b7c3d"},{"Sid":"OnlyOverTls","Effect":"Deny","Action":"s3:*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"false"}}}]}"#;

const ROLE: &str = "catalog-writer";
const EXTERNAL_ID: &str = "acme-7c1f0f6e";

const IDENTITY: Call<'_> = Call {
    service: Service::Sts,
    action: "GetCallerIdentity",
    parameters: &[],
};
pub(crate) const ASSUME_ROLE: Call<'_> = Call {
    service: Service::Sts,
    action: "AssumeRole",
    parameters: &[
        ("RoleArn", "arn:aws:iam::123456789012:role/catalog-writer"),
        ("RoleSessionName", "spark-executor-17"),
        ("ExternalId", EXTERNAL_ID),
    ],
};
const ASSUME_ROLE_WITH_POLICY: Call<'_> = Call {
    service: Service::Sts,
    action: "AssumeRole",
    parameters: &[
        ("RoleArn", "arn:aws:iam::123456789012:role/catalog-writer"),
        ("RoleSessionName", "spark-executor-17"),
        ("ExternalId", EXTERNAL_ID),
        ("Policy", SESSION_POLICY),
    ],
};

/// Measures all of it, or one scenario, and adds it to the report.
///
/// # Errors
/// When a server does not start, any answer is other than 200, or there is no such scenario.
pub(crate) fn measure(
    program: &Path,
    scenario: Option<&str>,
    cores: &Cores,
    effort: Effort,
    report: &mut Report,
) -> Outcome {
    let runtime = cores.generator()?;
    let root = Keys::root();
    let folder = tempfile::tempdir_in(program.parent().unwrap_or(Path::new(".")))?;
    let ephemeral = cores.as_server(|| Process::locum(program, &State::Ephemeral, &root))?;
    let durable =
        cores.as_server(|| Process::locum(program, &State::Durable(folder.path()), &root))?;
    let user = runtime.block_on(principals(ephemeral.address, &root))?;
    let audited_user = runtime.block_on(principals(durable.address, &root))?;
    let session = runtime.block_on(ASSUME_ROLE.send(ephemeral.address, &user))?;
    let session = Keys::of(&session)?;
    let mut any = false;
    for (name, server, keys, call) in [
        ("get_caller_identity", &ephemeral, &user, &IDENTITY),
        (
            "get_caller_identity_session",
            &ephemeral,
            &session,
            &IDENTITY,
        ),
        ("assume_role", &ephemeral, &user, &ASSUME_ROLE),
        (
            "assume_role_policy",
            &ephemeral,
            &user,
            &ASSUME_ROLE_WITH_POLICY,
        ),
        ("assume_role_audited", &durable, &audited_user, &ASSUME_ROLE),
    ] {
        if scenario.is_some_and(|scenario| scenario != name) {
            continue;
        }
        any = true;
        let answer = runtime.block_on(call.send(server.address, keys))?;
        let bare = cores.as_server(|| Process::bare(answer.len()))?;
        report.section(
            &format!("HTTP: {name}, an answer of {} bytes", answer.len()),
            "bare hyper",
        );
        for connections in CONNECTIONS {
            let request = call.bytes(server.address, keys)?;
            let sides = [server, &bare];
            let compared = runtime.block_on(compare(sides, &request, connections, effort))?;
            compared.report(&format!("{name}.{connections}"), report);
        }
    }
    match scenario {
        None => sizes(&runtime, ephemeral.address, &user, report),
        Some(_) if any => Ok(()),
        Some(name) => Err(format!("there is no scenario `{name}`").into()),
    }
}

/// A user who may assume a role, and the role, which trusts the user with an external ID.
pub(crate) async fn principals(address: SocketAddr, root: &Keys) -> Outcome<Keys> {
    fn iam<'a>(action: &'a str, parameters: &'a [(&'a str, &'a str)]) -> Call<'a> {
        Call {
            service: Service::Iam,
            action,
            parameters,
        }
    }
    iam("CreateUser", &[("UserName", "catalog")])
        .send(address, root)
        .await?;
    let keys = iam("CreateAccessKey", &[("UserName", "catalog")])
        .send(address, root)
        .await?;
    let permission = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"arn:aws:iam::{ACCOUNT}:role/catalog-*"}}]}}"#
    );
    iam(
        "PutUserPolicy",
        &[
            ("UserName", "catalog"),
            ("PolicyName", "assume"),
            ("PolicyDocument", &permission),
        ],
    )
    .send(address, root)
    .await?;
    let trust = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"arn:aws:iam::{ACCOUNT}:user/catalog"}},"Action":"sts:AssumeRole","Condition":{{"StringEquals":{{"sts:ExternalId":"{EXTERNAL_ID}"}}}}}}]}}"#
    );
    iam(
        "CreateRole",
        &[("RoleName", ROLE), ("AssumeRolePolicyDocument", &trust)],
    )
    .send(address, root)
    .await?;
    iam(
        "PutRolePolicy",
        &[
            ("RoleName", ROLE),
            ("PolicyName", "lake"),
            (
                "PolicyDocument",
                r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::acme-lakehouse-*"}]}"#,
            ),
        ],
    )
    .send(address, root)
    .await?;
    Keys::of(&keys)
}

/// What one server did.
#[derive(Default)]
struct Side {
    rates: Vec<f64>,
    /// Sorted once all rounds are done.
    latencies: Vec<u32>,
    cpu: Duration,
}

impl Side {
    fn cpu_per_request(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / self.latencies.len() as f64
    }

    /// Microseconds within which that share of the answers came.
    fn latency(&self, share: f64) -> f64 {
        let place = (self.latencies.len() as f64 * share) as usize;
        f64::from(self.latencies.get(place).copied().unwrap_or_default()) / 1e3
    }
}

/// locum and the bare server, measured in turns.
struct Compared {
    locum: Side,
    bare: Side,
}

impl Compared {
    fn report(&self, name: &str, report: &mut Report) {
        let Self { locum, bare } = self;
        let pairs = locum.rates.iter().zip(&bare.rates);
        let ratio = median(pairs.map(|(locum, bare)| locum / bare).collect());
        let [ours, theirs] = [locum, bare].map(|side| median(side.rates.clone()));
        report.add(
            Figure::more_is_better(format!("{name}.requests"), ours, "requests/s", theirs)
                .with_ratio(ratio),
        );
        let mut less = |figure, ours, theirs| {
            report.add(Figure::less_is_better(
                format!("{name}.{figure}"),
                ours,
                "us",
                theirs,
            ));
        };
        less("cpu", locum.cpu_per_request(), bare.cpu_per_request());
        less("p50", locum.latency(0.5), bare.latency(0.5));
        less("p99", locum.latency(0.99), bare.latency(0.99));
    }
}

/// Short rounds in turns, so that what else happens on the machine hits both sides alike.
async fn compare(
    servers: [&Process; 2],
    request: &[u8],
    connections: usize,
    effort: Effort,
) -> Outcome<Compared> {
    let work = Work::Repeat(request.into(), effort.round);
    let mut loads = Vec::new();
    for server in servers {
        let mut load = Load::open(server.address, connections).await?;
        // The first round warms both sides up, and counts for nothing.
        load.round(&work).await?;
        loads.push(load);
    }
    let mut sides = [Side::default(), Side::default()];
    for _ in 0..effort.pairs {
        for ((server, load), side) in servers.iter().zip(&mut loads).zip(&mut sides) {
            let before = server.cpu()?;
            let round = load.round(&work).await?;
            side.cpu += server.cpu()?.saturating_sub(before);
            side.rates.push(round.rate());
            side.latencies.extend(round.latencies);
        }
    }
    let [locum, bare] = sides.map(|mut side| {
        side.latencies.sort_unstable();
        side
    });
    Ok(Compared { locum, bare })
}

/// AWS says of its own session tokens that they are typically less than this.
const AWS_TYPICAL_TOKEN: f64 = 4096.0;

fn sizes(
    runtime: &tokio::runtime::Runtime,
    address: SocketAddr,
    user: &Keys,
    report: &mut Report,
) -> Outcome {
    let token = |call: &Call<'_>| {
        let answer = runtime.block_on(call.send(address, user))?;
        Ok::<_, Box<dyn std::error::Error + Send + Sync>>(
            element(&answer, "SessionToken")?.len() as f64
        )
    };
    let plain = token(&ASSUME_ROLE)?;
    let limited = token(&ASSUME_ROLE_WITH_POLICY)?;
    report.section("Session tokens", "AWS, below");
    for (name, size) in [("token.plain", plain), ("token.policy_1k", limited)] {
        report.add(Figure::less_is_better(
            name,
            size,
            "bytes",
            AWS_TYPICAL_TOKEN,
        ));
    }
    report.section("What the session policy adds to its token", "policy");
    report.add(Figure::less_is_better(
        "token.policy_1k_share",
        limited - plain,
        "bytes",
        SESSION_POLICY.len() as f64,
    ));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_session_policy_is_about_a_kilobyte() {
        assert!(
            (950..=1100).contains(&SESSION_POLICY.len()),
            "{}",
            SESSION_POLICY.len()
        );
        locum_policy::Policy::parse(SESSION_POLICY, locum_policy::Kind::Session).unwrap();
    }

    #[test]
    fn a_ratio_is_the_middle_one_of_the_pairs() {
        let side = |rates: &[f64]| Side {
            rates: rates.to_vec(),
            latencies: vec![1000, 2000, 3000],
            cpu: Duration::from_micros(30),
        };
        let compared = Compared {
            locum: side(&[10.0, 5.0, 9.0]),
            bare: side(&[20.0, 20.0, 10.0]),
        };
        let mut report = Report::default();
        compared.report("x", &mut report);
        let json: serde_json::Value = serde_json::from_str(&report.to_json()).unwrap();
        assert_eq!(
            json["x.requests"],
            serde_json::json!({"value": 9.0, "unit": "requests/s", "against": 20.0, "ratio": 0.5})
        );
        assert_eq!(json["x.cpu"]["value"], 10.0);
        assert_eq!(json["x.p50"]["value"], 2.0);
    }
}
