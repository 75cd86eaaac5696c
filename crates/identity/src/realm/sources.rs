//! Asking the sources of foreign identities, and ending sessions for them.

use super::Realm;
use crate::account::Account;
use crate::binding::{Binding, Ended, Questions, Watch, WatchedToken};
use crate::entity::ProviderSettings;
use crate::environment::Seconds;
use crate::error::Error;
use crate::ids::lower_case_id;
use crate::ldap::{Directory, DirectoryServer, LdapFault, LdapSettings};
use crate::names::{AccountId, Constrained as _};
use crate::port::{Committed, Origin, Settled, Voucher};
use crate::revocation::{Aim, Revocation, order};
use crate::roles_anywhere::{Standing, certificate_stands};
use crate::web_identity::Introspected;
use locum_policy::Arn;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Questions that are claimed at a time, and of these how many go over one connection.
const CLAIMED_AT_ONCE: usize = 256;
const ASKED_TOGETHER: usize = 16;
/// For how many seconds a claim holds: so long that whoever is still asking is dead.
const CLAIM: Seconds = 300;

/// What a source says.
enum Answer {
    Good,
    /// It does not stand by them; why.
    Gone(String),
    /// It cannot be asked; why.
    Silent(String),
    /// It is not asked any more.
    Unbound,
}

impl Realm {
    /// The realm, with a way to ask directories.
    #[must_use]
    pub fn with_directories(mut self, directories: Arc<dyn DirectoryServer>) -> Self {
        self.directories = directories;
        self
    }

    pub(crate) fn directories(&self) -> &dyn DirectoryServer {
        &*self.directories
    }

    /// Writes down that a source is to be asked about somebody until their session expires, where the
    /// provider's settings bind its sessions.
    ///
    /// # Errors
    /// [`Error::ServiceUnavailable`]
    pub(crate) async fn watch(
        &self,
        settings: &ProviderSettings,
        watch: Watch,
        expires: Seconds,
    ) -> Result<(), Error> {
        let Some(binding) = &settings.binding else {
            return Ok(());
        };
        let now = self.environment.clock.now();
        let body = serde_json::to_string(&watch).map_err(|error| Error::Internal(error.into()))?;
        let voucher = Voucher {
            provider: settings.provider.clone(),
            question: watch.question(),
            version: 0,
            body,
            expires,
            answered: now,
            due: now + Seconds::from(binding.interval),
        };
        Ok(self.store.save_voucher(voucher).await?)
    }

    /// Takes on the questions that are due. What another process has taken on is not among them.
    ///
    /// # Errors
    /// [`Error::ServiceUnavailable`]
    pub async fn due_questions(&self) -> Result<Vec<Questions>, Error> {
        let now = self.environment.clock.now();
        let mut due = self.store.due_vouchers(now, CLAIMED_AT_ONCE).await?;
        if due.is_empty() {
            return Ok(Vec::new());
        }
        let claim = |voucher: &Voucher| settled(voucher, Some((voucher.answered, now + CLAIM)));
        let claims = due.iter().map(claim).collect();
        if self.store.settle_vouchers(claims).await? == Committed::Conflict {
            return Ok(Vec::new());
        }
        let mut providers: BTreeMap<String, Vec<Voucher>> = BTreeMap::new();
        for mut voucher in due.drain(..) {
            // As the claim has left it.
            voucher.version += 1;
            let of = providers.entry(voucher.provider.clone()).or_default();
            of.push(voucher);
        }
        let questions = providers.into_iter().flat_map(|(provider, vouchers)| {
            let together = vouchers.chunks(ASKED_TOGETHER).map(<[Voucher]>::to_vec);
            let questions = together.map(|vouchers| Questions {
                provider: provider.clone(),
                vouchers,
            });
            questions.collect::<Vec<_>>()
        });
        Ok(questions.collect())
    }

    /// Asks a source, and ends the sessions of those whom it does not stand by.
    ///
    /// # Errors
    /// [`Error::ServiceUnavailable`], and what a revocation fails with; then it is asked again later.
    pub async fn ask(&self, questions: Questions) -> Result<Vec<Ended>, Error> {
        let Questions { provider, vouchers } = questions;
        let account = Arn::parse(&provider).and_then(|arn| AccountId::parse(arn.account()).ok());
        let account = match account {
            Some(id) => self.account(id).await?,
            None => None,
        };
        let bound = account.as_deref().and_then(|account| {
            let settings = account.provider_settings.get(&provider)?;
            Some((account, &**settings, settings.binding.as_ref()?))
        });
        let Some((account, settings, binding)) = bound else {
            let forget = vouchers.iter().map(|voucher| settled(voucher, None));
            self.settle(forget.collect()).await?;
            return Ok(Vec::new());
        };
        let answers = self.answers(account, settings, &vouchers).await?;
        let now = self.environment.clock.now();
        let mut ended = Vec::new();
        let mut outcome = Vec::with_capacity(vouchers.len());
        for (voucher, answer) in vouchers.iter().zip(answers) {
            let again = |answered| Some((answered, now + Seconds::from(binding.interval)));
            let next = match gone(binding, voucher, answer, now) {
                Verdict::Keep(answered) => again(answered),
                Verdict::Forget => None,
                Verdict::End(why) => {
                    ended.push(self.end(account, voucher, why).await?);
                    None
                }
            };
            outcome.push(settled(voucher, next));
        }
        self.settle(outcome).await?;
        Ok(ended)
    }

    /// What a source says of each, in order.
    async fn answers(
        &self,
        account: &Account,
        settings: &ProviderSettings,
        vouchers: &[Voucher],
    ) -> Result<Vec<Answer>, Error> {
        let watches = vouchers
            .iter()
            .map(|voucher| serde_json::from_str(&voucher.body).ok());
        let watches: Vec<Option<Watch>> = watches.collect();
        let of_directory: Vec<_> = watches
            .iter()
            .flatten()
            .filter_map(|watch| match watch {
                Watch::Ldap(watched) => Some(watched.clone()),
                Watch::Certificate(_) | Watch::Token(_) => None,
            })
            .collect();
        let mut directory = match &settings.ldap {
            Some(ldap) if !of_directory.is_empty() => {
                let answers = self.ask_directory(settings, ldap, &of_directory).await?;
                answers.into_iter()
            }
            _ => Vec::new().into_iter(),
        };
        let mut answers = Vec::with_capacity(watches.len());
        for watch in watches {
            answers.push(match watch {
                Some(Watch::Ldap(_)) => directory.next().unwrap_or(Answer::Unbound),
                Some(Watch::Token(watched)) => {
                    self.ask_provider(account, settings, &watched).await?
                }
                Some(Watch::Certificate(watched)) => {
                    let now = self.environment.clock.now();
                    match certificate_stands(account, &settings.provider, &watched, now) {
                        Ok(Standing::Good) => Answer::Good,
                        Ok(Standing::Revoked(why)) => Answer::Gone(why),
                        Ok(Standing::Unknown(why)) => Answer::Silent(why),
                        Err(_) => Answer::Unbound,
                    }
                }
                // A later version wrote it down.
                None => Answer::Silent("what is to be asked cannot be read".to_owned()),
            });
        }
        Ok(answers)
    }

    async fn ask_provider(
        &self,
        account: &Account,
        settings: &ProviderSettings,
        watched: &WatchedToken,
    ) -> Result<Answer, Error> {
        let binding = settings.binding.as_ref();
        let Some(introspection) = binding.and_then(|binding| binding.introspection.as_ref()) else {
            return Ok(Answer::Unbound);
        };
        let url = settings
            .provider
            .strip_prefix(&account.iam_arn("oidc-provider/"));
        let registered = url.and_then(|url| account.open_id_connect_providers.get(url));
        let asked =
            self.introspect_again(settings, introspection, registered.map(|of| &**of), watched);
        Ok(match asked.await? {
            Introspected::Active => Answer::Good,
            Introspected::Inactive => {
                Answer::Gone("the provider does not stand by the token any more".to_owned())
            }
            Introspected::Silent(why) => Answer::Silent(format!(
                "the provider cannot be asked about the token: {why}"
            )),
        })
    }

    async fn ask_directory(
        &self,
        settings: &ProviderSettings,
        ldap: &LdapSettings,
        users: &[crate::ldap::Watched],
    ) -> Result<Vec<Answer>, Error> {
        let bind_password = self.ldap_bind_password(settings)?;
        let directory = Directory {
            server: self.directories(),
            settings: ldap,
            bind_password: bind_password.as_ref(),
        };
        let asked = directory.look_again(settings.authorities.as_deref(), users);
        let answer = |answer: Result<(), LdapFault>| match answer {
            Ok(()) => Answer::Good,
            Err(fault) => Answer::Gone(fault.to_string()),
        };
        Ok(match asked.await {
            Ok(answers) => answers.into_iter().map(answer).collect(),
            Err(fault) => users
                .iter()
                .map(|_| Answer::Silent(fault.to_string()))
                .collect(),
        })
    }

    async fn end(&self, account: &Account, voucher: &Voucher, why: String) -> Result<Ended, Error> {
        let watch: Option<Watch> = serde_json::from_str(&voucher.body).ok();
        let subject = watch
            .as_ref()
            .map(Watch::subject)
            .unwrap_or_default()
            .to_owned();
        let aim = match &watch {
            Some(watch) => watch.aim(&voucher.provider),
            None => Aim::FederatedSubject {
                provider: voucher.provider.clone(),
                subject: subject.clone(),
            },
        };
        let revocation = self
            .end_foreign_sessions(account.id, aim, None, &voucher.provider, &subject)
            .await?;
        Ok(Ended {
            account: account.id,
            provider: voucher.provider.clone(),
            subject,
            at: revocation.created,
            revocation_id: revocation.id,
            why,
        })
    }

    /// Ends the sessions of a foreign identity, with what descends from them, in the name of its source.
    ///
    /// # Errors
    /// As of RevokeSession.
    pub(crate) async fn end_foreign_sessions(
        &self,
        account: AccountId,
        aim: Aim,
        before: Option<Seconds>,
        provider: &str,
        whom: &str,
    ) -> Result<Revocation, Error> {
        let origin = Origin {
            actor: provider.to_owned(),
            ..self.own_origin("RevokeSession")
        };
        let id = format!("rev-{}", lower_case_id(17, &*self.environment.entropy));
        self.change_directory_if(&origin, None, |directory, change| {
            let now = self.environment.clock.now();
            let wanted = Revocation {
                id: id.clone(),
                account,
                aim: aim.clone(),
                before: None,
                chain: true,
                resource: format!("{provider}:{whom}"),
                created: now,
                expires: now,
                ordered_by: provider.to_owned(),
            };
            order(directory, change, wanted, before)
        })
        .await
    }

    /// Settles what was asked. Where somebody logged in meanwhile, that one is asked about again.
    async fn settle(&self, settled: Vec<Settled>) -> Result<(), Error> {
        if self.store.settle_vouchers(settled.clone()).await? == Committed::Yes {
            return Ok(());
        }
        for one in settled {
            self.store.settle_vouchers(vec![one]).await?;
        }
        Ok(())
    }
}

enum Verdict {
    /// Asked again; when the source last stood by them.
    Keep(Seconds),
    Forget,
    End(String),
}

fn gone(binding: &Binding, voucher: &Voucher, answer: Answer, now: Seconds) -> Verdict {
    match answer {
        Answer::Good => Verdict::Keep(now),
        Answer::Unbound => Verdict::Forget,
        Answer::Gone(why) => Verdict::End(why),
        Answer::Silent(why) => {
            let since = now.saturating_sub(voucher.answered);
            let is_over = |grace: u32| since >= Seconds::from(grace);
            if binding.grace.is_some_and(is_over) {
                return Verdict::End(format!("{why}; it last answered {since} s ago"));
            }
            Verdict::Keep(voucher.answered)
        }
    }
}

fn settled(voucher: &Voucher, next: Option<(Seconds, Seconds)>) -> Settled {
    Settled {
        provider: voucher.provider.clone(),
        question: voucher.question.clone(),
        version: voucher.version,
        next,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(grace: Option<u32>, answer: Answer, ends: bool) {
        let binding = Binding {
            grace,
            ..Binding::default()
        };
        let voucher = Voucher {
            provider: String::new(),
            question: String::new(),
            version: 1,
            body: String::new(),
            expires: 10_000,
            answered: 1000,
            due: 1060,
        };
        let verdict = gone(&binding, &voucher, answer, 1060);
        assert_eq!(matches!(verdict, Verdict::End(_)), ends);
    }

    #[test]
    fn sessions_go_on_without_an_answer_as_long_as_the_settings_say() {
        let silent = || Answer::Silent("it is away".to_owned());
        check(Some(0), silent(), true);
        check(Some(60), silent(), true);
        check(Some(61), silent(), false);
        check(None, silent(), false);
        check(Some(0), Answer::Good, false);
        check(None, Answer::Gone("it has left".to_owned()), true);
        check(Some(0), Answer::Unbound, false);
    }
}
