//! Whether users who logged in are still good.

use super::login::one;
use super::text::{render_dn, render_filter};
use super::{Depth, Directory, LdapFault, Search, UserSource};

/// A user who logged in, as it was then.
#[derive(Clone, Debug, Eq, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Watched {
    /// The claim `sub`.
    pub subject: String,
    /// What was typed.
    pub username: String,
    /// The entry's DN.
    pub dn: String,
}

impl Directory<'_> {
    /// Looks at users again, over one connection: each must still be found by the user filter at the DN
    /// that they had, be the same subject, not be disabled and be in a required group. The answers are in
    /// the order of the questions.
    ///
    /// # Errors
    /// [`LdapFault`], where the directory could not be asked at all.
    pub async fn look_again(
        &self,
        authorities: Option<&str>,
        users: &[Watched],
    ) -> Result<Vec<Result<(), LdapFault>>, LdapFault> {
        let reach = self.settings.reach(authorities);
        let mut open = self.server.connect(&reach).await?;
        self.bind_to_search(&mut *open).await?;
        let mut answers = Vec::with_capacity(users.len());
        for user in users {
            let (base, filter) = match &self.settings.users {
                UserSource::Search { filter, .. } => {
                    (user.dn.clone(), render_filter(filter, &user.username, ""))
                }
                UserSource::Template(template) => (
                    render_dn(template, &user.username),
                    "(objectClass=*)".to_owned(),
                ),
            };
            let search = Search {
                base,
                depth: Depth::Base,
                filter,
                attributes: self.settings.attributes(),
                most: 1,
            };
            let found = one(open.search(&search).await?);
            answers.push(match found {
                Err(fault) => Err(fault),
                Ok(entry) => match self.identity(&mut *open, entry, &user.username).await {
                    Ok(identity) if identity.subject != user.subject => Err(LdapFault::AnotherUser),
                    Ok(_) => Ok(()),
                    Err(fault) if fault.is_about_the_user() => Err(fault),
                    Err(fault) => return Err(fault),
                },
            });
        }
        Ok(answers)
    }
}
