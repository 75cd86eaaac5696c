//! The flags of a directory.

use super::secret;
use crate::Failure;
use clap::Args;
use locum_identity::ldap::{GroupNames, GroupSource, LdapSettings, LdapUrl, UserSource};
use locum_identity::names::{ArnText, Constrained as _, TagKey};
use locum_identity::sealing::Secret;
use std::path::PathBuf;

/// A directory; all that is not given has its default.
#[derive(Args, Clone, Debug)]
pub(super) struct LdapArgs {
    /// A server of the directory: ldaps://HOST or ldaps://HOST:PORT, or ldap: with --ldap-start-tls; several
    /// are tried in order. What was said of a directory before is replaced as a whole
    #[arg(long, value_name = "URL", value_parser = url)]
    ldap_url: Vec<LdapUrl>,
    /// Begin TLS by StartTLS
    #[arg(long, requires = "ldap_url")]
    ldap_start_tls: bool,
    /// Send passwords in the clear, to this very machine
    #[arg(long, requires = "ldap_url", conflicts_with = "ldap_start_tls")]
    ldap_plain: bool,
    /// The DN of the account that searches; without one searches are anonymous
    #[arg(long, value_name = "DN", requires_all = ["ldap_url", "ldap_bind_password_file"])]
    ldap_bind_dn: Option<String>,
    /// A file with its password; `-` is standard input
    #[arg(long, value_name = "FILE", requires = "ldap_bind_dn")]
    ldap_bind_password_file: Option<PathBuf>,
    /// Where users are
    #[arg(long, value_name = "DN", requires = "ldap_user_filter")]
    ldap_user_base: Option<String>,
    /// Which entry is the user's: a filter with {username}, as (uid={username})
    #[arg(long, value_name = "FILTER", requires = "ldap_user_base")]
    ldap_user_filter: Option<String>,
    /// The user's DN, instead of a search: uid={username},ou=people,dc=example
    #[arg(long, value_name = "DN", conflicts_with = "ldap_user_base")]
    ldap_user_template: Option<String>,
    /// Where groups are
    #[arg(long, value_name = "DN", requires = "ldap_group_filter")]
    ldap_group_base: Option<String>,
    /// Which groups are the user's: a filter with {dn} or {username}, as (member={dn})
    #[arg(long, value_name = "FILTER", requires = "ldap_group_base")]
    ldap_group_filter: Option<String>,
    /// The attribute of the user that has the DNs of the groups, instead of a search: memberOf
    #[arg(long, value_name = "ATTRIBUTE", conflicts_with = "ldap_group_base")]
    ldap_group_attribute: Option<String>,
    /// Name groups by the first part of their DN, and only those directly beneath this one [default: by
    /// their DN, in small letters]
    #[arg(long, value_name = "DN")]
    ldap_group_names_beneath: Option<String>,
    /// Only members of one of these groups log in
    #[arg(long, value_name = "GROUP")]
    ldap_require_group: Vec<String>,
    /// The attribute that becomes the claim `sub`
    #[arg(long, value_name = "ATTRIBUTE", default_value = "uid")]
    ldap_subject: String,
    /// A further claim: email=mail
    #[arg(long, value_name = "CLAIM=ATTRIBUTE", value_parser = pair)]
    ldap_claim: Vec<(String, String)>,
    /// A session tag: team=departmentNumber; of {groups} it becomes :one:two:
    #[arg(long, value_name = "KEY=ATTRIBUTE", value_parser = tag)]
    ldap_tag: Vec<(TagKey, String)>,
    /// A tag that sessions hand down
    #[arg(long, value_name = "KEY", value_parser = tag_key)]
    ldap_transitive_tag: Vec<TagKey>,
    /// The attribute that becomes the source identity
    #[arg(long, value_name = "ATTRIBUTE")]
    ldap_source_identity: Option<String>,
    /// A role of who asks for none; the first that trusts the user
    #[arg(long, value_name = "ARN", value_parser = arn)]
    ldap_role: Vec<ArnText>,
    /// Seconds that one step may take
    #[arg(long, value_name = "SECONDS", default_value_t = 5)]
    ldap_timeout: u16,
    /// Connections at a time
    #[arg(long, value_name = "N", default_value_t = 8)]
    ldap_connections: u16,
}

fn url(text: &str) -> Result<LdapUrl, String> {
    LdapUrl::parse(text).ok_or_else(|| "it must be like ldaps://ldap.example.com".to_owned())
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (name, attribute) = text
        .split_once('=')
        .ok_or_else(|| "it must be like name=attribute".to_owned())?;
    Ok((name.to_owned(), attribute.to_owned()))
}

fn tag(text: &str) -> Result<(TagKey, String), String> {
    let (key, attribute) = pair(text)?;
    Ok((tag_key(&key)?, attribute))
}

fn tag_key(text: &str) -> Result<TagKey, String> {
    TagKey::parse(text).map_err(|_| "it is no key of a tag".to_owned())
}

fn arn(text: &str) -> Result<ArnText, String> {
    ArnText::parse(text).map_err(|_| "it is no ARN".to_owned())
}

impl LdapArgs {
    /// The settings, with the bind password not sealed yet; `None` where none were given.
    pub(super) fn read(self) -> Result<Option<(LdapSettings, Option<Secret>)>, Failure> {
        if self.ldap_url.is_empty() {
            return Ok(None);
        }
        let users = match (
            self.ldap_user_base,
            self.ldap_user_filter,
            self.ldap_user_template,
        ) {
            (Some(base), Some(filter), None) => UserSource::Search { base, filter },
            (None, None, Some(template)) => UserSource::Template(template),
            _ => {
                return Err(Failure::Usage(
                    "where users are is said by --ldap-user-base and --ldap-user-filter, or by --ldap-user-template"
                        .to_owned(),
                ));
            }
        };
        let groups = match (
            self.ldap_group_base,
            self.ldap_group_filter,
            self.ldap_group_attribute,
        ) {
            (Some(base), Some(filter), _) => GroupSource::Search { base, filter },
            (_, _, Some(attribute)) => GroupSource::Attribute(attribute),
            _ => GroupSource::None,
        };
        let password = self
            .ldap_bind_password_file
            .as_deref()
            .map(secret)
            .transpose()?;
        if password
            .as_ref()
            .is_some_and(|password| password.expose().is_empty())
        {
            return Err(Failure::Usage("the bind password is empty".to_owned()));
        }
        let mut settings = LdapSettings::new(self.ldap_url, users, &self.ldap_subject);
        settings.start_tls = self.ldap_start_tls;
        settings.plain = self.ldap_plain;
        settings.bind_dn = self.ldap_bind_dn;
        settings.groups = groups;
        if let Some(base) = self.ldap_group_names_beneath {
            settings.group_names = GroupNames::Beneath(base);
        }
        settings.required_groups = self.ldap_require_group;
        settings.claims = self.ldap_claim.into_iter().collect();
        settings.tags = self.ldap_tag.into_iter().collect();
        settings.transitive_tag_keys = self.ldap_transitive_tag;
        settings.source_identity = self.ldap_source_identity;
        settings.roles = self.ldap_role;
        settings.timeout = self.ldap_timeout;
        settings.connections = self.ldap_connections;
        Ok(Some((settings, password)))
    }
}
