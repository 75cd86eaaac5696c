//! `locum session`

use super::client::{CallerArgs, OwnService, Structure};
use super::{Format, print, print_json};
use crate::Failure;
use clap::{ArgGroup, Args, Subcommand};
use locum_identity::environment::{parse_timestamp, timestamp};
use locum_policy::Plain;
use serde::Serialize;
use std::fmt::Write as _;
use std::process::ExitCode;

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum SessionCommand {
    /// End sessions at their next request
    ///
    /// They are answered as expired ones are, on every service. Sessions issued later are not
    /// concerned, and long-term keys go on. A revocation cannot be withdrawn.
    ///
    /// Exit code 0: they are revoked; 1: they are not, and standard error says why; 2: wrong usage.
    Revoke(Box<RevokeArgs>),
    /// List the sessions that were in use lately
    ///
    /// Exit code 0: they were listed; 1: they cannot be; 2: wrong usage.
    List(ListArgs),
    /// List what is revoked
    ///
    /// Exit code 0: it was listed; 1: it cannot be; 2: wrong usage.
    Revocations(RevocationsArgs),
}

#[derive(Args, Clone, Debug)]
#[command(group = ArgGroup::new("aim").required(true).args(["access_key_id", "role", "source_identity", "principal", "account"]))]
pub(crate) struct RevokeArgs {
    /// The session with this access key id; with a long-term key's, and --chain, what was issued
    /// with it
    #[arg(long, value_name = "ID")]
    access_key_id: Option<String>,
    /// The sessions of this role that have a name: its own name, ARN or unique id
    #[arg(long, value_name = "R", requires = "session_name")]
    role: Option<String>,
    /// The name of the role's sessions
    #[arg(long, value_name = "S", requires = "role")]
    session_name: Option<String>,
    /// The sessions with this source identity
    #[arg(long, value_name = "X")]
    source_identity: Option<String>,
    /// What was issued to or by this user, role, root user or federated user: an ARN or unique id
    #[arg(long, value_name = "ARN")]
    principal: Option<String>,
    /// Everything of this account: one's own or, for the management account, a member
    #[arg(long, value_name = "ID")]
    account: Option<String>,
    /// Only what was issued before this moment, as 2026-01-01T12:00:00Z [default: now]
    #[arg(long, value_name = "TIME", conflicts_with = "access_key_id")]
    before: Option<String>,
    /// What descends from it too, in any account
    #[arg(long)]
    chain: bool,
    #[command(flatten)]
    caller: CallerArgs,
    /// How to say what was done
    #[arg(long, env = "LOCUM_FORMAT", value_enum, default_value_t)]
    format: Format,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct ListArgs {
    /// Only those issued to or by this user, role, root user or federated user: an ARN or unique id
    #[arg(long, value_name = "ARN")]
    principal: Option<String>,
    #[command(flatten)]
    caller: CallerArgs,
    /// How to list them
    #[arg(long, env = "LOCUM_FORMAT", value_enum, default_value_t)]
    format: Format,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct RevocationsArgs {
    #[command(flatten)]
    caller: CallerArgs,
    /// How to list them
    #[arg(long, env = "LOCUM_FORMAT", value_enum, default_value_t)]
    format: Format,
}

impl SessionCommand {
    pub(crate) fn run(self) -> Result<ExitCode, Failure> {
        match self {
            Self::Revoke(args) => args.run(),
            Self::List(args) => args.run(),
            Self::Revocations(args) => args.run(),
        }
    }
}

impl RevokeArgs {
    fn run(self) -> Result<ExitCode, Failure> {
        self.caller.check()?;
        let before = match &self.before {
            Some(text) => Some(parse_timestamp(text).map(timestamp).ok_or_else(|| {
                Failure::Usage(format!(
                    "`{text}` is no moment: it must be like 2026-01-01T12:00:00Z"
                ))
            })?),
            None => None,
        };
        let given = [
            ("AccessKeyId", self.access_key_id),
            ("Role", self.role),
            ("RoleSessionName", self.session_name),
            ("SourceIdentity", self.source_identity),
            ("Principal", self.principal),
            ("AccountId", self.account),
            ("Before", before),
            ("Chain", self.chain.then(|| "true".to_owned())),
        ];
        let parameters: Vec<(&str, String)> = given
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)))
            .collect();
        let answer = OwnService::find(&self.caller)?.call("RevokeSession", &parameters)?;
        let revocation = answer
            .structure("Revocation", Revocation::read)
            .map_err(Failure::Work)?;
        match self.format {
            Format::Json => print_json(&revocation)?,
            Format::Text => print(&format!("{}\n", revocation.line()))?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl ListArgs {
    fn run(self) -> Result<ExitCode, Failure> {
        self.caller.check()?;
        let principal = self.principal.map(|principal| ("Principal", principal));
        let parameters: Vec<(&str, String)> = principal.into_iter().collect();
        let service = OwnService::find(&self.caller)?;
        let mut sessions = service.list("ListSessions", &parameters, "Sessions", Session::read)?;
        // Times of this form sort as texts.
        sessions.sort_by(|one, other| other.last_used.cmp(&one.last_used));
        match self.format {
            Format::Json => print_json(&sessions)?,
            Format::Text => print(&sessions.iter().map(Session::lines).collect::<String>())?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl RevocationsArgs {
    fn run(self) -> Result<ExitCode, Failure> {
        self.caller.check()?;
        let service = OwnService::find(&self.caller)?;
        let mut revocations =
            service.list("ListRevocations", &[], "Revocations", Revocation::read)?;
        revocations.sort_by(|one, other| other.order_time.cmp(&one.order_time));
        match self.format {
            Format::Json => print_json(&revocations)?,
            Format::Text => {
                let lines = revocations.iter().map(|one| format!("{}\n", one.line()));
                print(&lines.collect::<String>())?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Revocation {
    revocation_id: String,
    account_id: String,
    aim: String,
    resource: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    role_session_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<String>,
    chain: bool,
    ordered_by: String,
    order_time: String,
    expiration: String,
}

impl Revocation {
    fn read(from: Structure<'_>) -> Result<Self, String> {
        Ok(Self {
            revocation_id: from.text("RevocationId")?,
            account_id: from.text("AccountId")?,
            aim: from.text("Aim")?,
            resource: from.text("Resource")?,
            role_session_name: from.optional("RoleSessionName"),
            before: from.optional("Before"),
            chain: from.text("Chain")? == "true",
            ordered_by: from.text("OrderedBy")?,
            order_time: from.text("OrderTime")?,
            expiration: from.text("Expiration")?,
        })
    }

    fn line(&self) -> String {
        let mut line = format!("{} {}", self.revocation_id, Plain(&self.resource));
        if let Some(name) = &self.role_session_name {
            let _ = write!(line, " session {}", Plain(name));
        }
        if let Some(before) = &self.before {
            let _ = write!(line, " issued before {}", Plain(before));
        }
        if self.chain {
            line.push_str(", with what descends from it");
        }
        let (by, at) = (Plain(&self.ordered_by), Plain(&self.order_time));
        let _ = write!(line, ", by {by} at {at}");
        line
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Session {
    access_key_id: String,
    principal: String,
    issue_time: String,
    expiration: String,
    first_used: String,
    last_used: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_ip: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_identity: Option<String>,
    revoked: bool,
    chain: Vec<Ancestor>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Ancestor {
    #[serde(skip_serializing_if = "Option::is_none")]
    access_key_id: Option<String>,
    principal: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    issue_time: Option<String>,
}

impl Session {
    fn read(from: Structure<'_>) -> Result<Self, String> {
        let ancestor = |from: Structure<'_>| {
            Ok(Ancestor {
                access_key_id: from.optional("AccessKeyId"),
                principal: from.text("Principal")?,
                issue_time: from.optional("IssueTime"),
            })
        };
        Ok(Self {
            access_key_id: from.text("AccessKeyId")?,
            principal: from.text("Principal")?,
            issue_time: from.text("IssueTime")?,
            expiration: from.text("Expiration")?,
            first_used: from.text("FirstUsed")?,
            last_used: from.text("LastUsed")?,
            source_ip: from.optional("SourceIp"),
            source_identity: from.optional("SourceIdentity"),
            revoked: from.text("Revoked")? == "true",
            chain: from
                .list("Chain")
                .map(ancestor)
                .collect::<Result<_, String>>()?,
        })
    }

    fn lines(&self) -> String {
        let mut lines = format!(
            "{} {}\n  issued {}, expires {}, last used {}",
            Plain(&self.access_key_id),
            Plain(&self.principal),
            Plain(&self.issue_time),
            Plain(&self.expiration),
            Plain(&self.last_used),
        );
        if let Some(address) = &self.source_ip {
            let _ = write!(lines, " from {}", Plain(address));
        }
        if let Some(identity) = &self.source_identity {
            let _ = write!(lines, ", source identity {}", Plain(identity));
        }
        if self.revoked {
            lines.push_str(", revoked");
        }
        lines.push('\n');
        for ancestor in self.chain.iter().rev() {
            let whose = Plain(&ancestor.principal);
            let _ = match &ancestor.access_key_id {
                Some(id) => writeln!(lines, "  by {} {whose}", Plain(id)),
                None => writeln!(lines, "  by {whose}"),
            };
        }
        lines
    }
}
