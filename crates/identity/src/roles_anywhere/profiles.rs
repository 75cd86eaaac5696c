//! Profiles: which roles certificates may ask for, and what sessions of them get.

use super::resource::{Made, Updated, View, allow_making, change, invalid, need};
use crate::caller::Need;
use crate::entity::{AnywhereProfile, AttributeMapping, CertificateField};
use crate::error::Error;
use crate::names::{
    AccountId, Constrained as _, MappingSpecifier, ProfileIdentifier, ProfilePolicyArn,
    ProfileRoleArn, ProfileSessionPolicy,
};
use crate::operation::{Call, Granted, Operation, Service};
use locum_policy::{Arn, Kind, Policy};

/// Profiles of an account in a region.
const MOST: usize = 250;
/// Specifiers of one field.
const MOST_SPECIFIERS: usize = 50;
/// How long sessions last where nothing was said, in seconds.
const DEFAULT_DURATION: u32 = 3600;

/// What a request says of a profile.
#[derive(Clone, Debug, Default)]
pub struct ProfileSettings {
    /// `roleArns`
    pub role_arns: Option<Vec<ProfileRoleArn>>,
    /// `sessionPolicy`
    pub session_policy: Option<ProfileSessionPolicy>,
    /// `managedPolicyArns`
    pub managed_policy_arns: Option<Vec<ProfilePolicyArn>>,
    /// `durationSeconds`: 900 to 43200.
    pub duration: Option<u32>,
    /// `acceptRoleSessionName`
    pub accepts_session_name: Option<bool>,
}

impl ProfileSettings {
    /// Whoever may make a certificate gets these roles, so the caller must be allowed to pass each.
    fn allow_passing(&self, call: &Call<'_>) -> Result<(), Error> {
        for text in self.role_arns.iter().flatten() {
            let account = call.account()?;
            let role = text
                .as_str()
                .strip_prefix(&account.iam_arn("role/"))
                .and_then(|rest| rest.rsplit('/').next())
                .and_then(|name| account.roles.named(name))
                .filter(|role| role.arn == text.as_str());
            let tags = role.map(|role| role.role.tags.as_slice());
            let mut need = Need::new("iam:PassRole", text.as_str())
                .resource_tags(tags.unwrap_or_default(), Some("iam:resourcetag/"))
                .key("iam:passedtoservice", "rolesanywhere.amazonaws.com");
            let owner = Arn::parse(text.as_str());
            need.resource_account = owner.and_then(|arn| AccountId::parse(arn.account()).ok());
            call.allow(&need)?;
        }
        Ok(())
    }

    fn check(&self) -> Result<(), Error> {
        if let Some(policy) = &self.session_policy {
            Policy::parse(policy.as_str(), Kind::Session)
                .map_err(|fault| invalid(format!("Invalid sessionPolicy: {fault}")))?;
        }
        Ok(())
    }

    fn apply(&self, profile: &mut AnywhereProfile) {
        fn texts<T: AsRef<str>>(all: &[T]) -> Vec<String> {
            all.iter().map(|it| it.as_ref().to_owned()).collect()
        }
        if let Some(arns) = &self.role_arns {
            profile.role_arns = texts(arns);
        }
        if let Some(policy) = &self.session_policy {
            profile.session_policy = Some(policy.to_string());
        }
        if let Some(arns) = &self.managed_policy_arns {
            profile.managed_policy_arns = texts(arns);
        }
        if let Some(duration) = self.duration {
            profile.duration = duration;
        }
        if let Some(accepts) = self.accepts_session_name {
            profile.accepts_session_name = accepts;
        }
    }
}

/// CreateProfile
#[derive(Clone, Debug)]
pub struct CreateProfile {
    /// What every resource is made with.
    pub made: Made,
    /// What it says; `roleArns` is there.
    pub settings: ProfileSettings,
    /// `requireInstanceProperties`
    pub requires_instance_properties: bool,
}

impl Operation for CreateProfile {
    type Output = View<AnywhereProfile>;
    type Found = ();
    const SERVICE: Service = Service::RolesAnywhere;
    const NAME: &'static str = "CreateProfile";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        let granted = allow_making::<AnywhereProfile>(call, Self::NAME, &self.made.tags)?;
        self.settings.allow_passing(call)?;
        Ok(granted)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<Self::Output, Error> {
        self.settings.check()?;
        let created_by = call.caller.arn().unwrap_or_default();
        call.change(|draft| {
            let region = &call.facts.region;
            let mut profile = AnywhereProfile {
                head: self.made.head::<AnywhereProfile>(draft, region, MOST)?,
                created_by: created_by.to_owned(),
                role_arns: Vec::new(),
                session_policy: None,
                managed_policy_arns: Vec::new(),
                duration: DEFAULT_DURATION,
                requires_instance_properties: self.requires_instance_properties,
                accepts_session_name: false,
                mappings: AttributeMapping::defaults(),
            };
            self.settings.apply(&mut profile);
            draft.change.put(profile.clone());
            Ok(View::of(draft.account, profile))
        })
        .await
    }
}

/// UpdateProfile
#[derive(Clone, Debug)]
pub struct UpdateProfile {
    /// `profileId`
    pub identifier: ProfileIdentifier,
    /// `name` and `aliasName`
    pub updated: Updated,
    /// What changes.
    pub settings: ProfileSettings,
}

impl Operation for UpdateProfile {
    type Output = View<AnywhereProfile>;
    type Found = ();
    const SERVICE: Service = Service::RolesAnywhere;
    const NAME: &'static str = "UpdateProfile";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        let need = need::<AnywhereProfile>(call, Self::NAME, self.identifier.as_str())?;
        let granted = call.allow(&need)?;
        self.settings.allow_passing(call)?;
        Ok(granted)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<Self::Output, Error> {
        self.settings.check()?;
        change::<AnywhereProfile>(call, self.identifier.as_str(), |account, profile| {
            self.settings.apply(profile);
            self.updated.apply(account, profile)
        })
        .await
    }
}

/// PutAttributeMapping: rules of one's own take the place of the rule for everything.
#[derive(Clone, Debug)]
pub struct PutAttributeMapping {
    /// `profileId`
    pub identifier: ProfileIdentifier,
    /// `certificateField`
    pub field: CertificateField,
    /// The specifiers of `mappingRules`
    pub specifiers: Vec<MappingSpecifier>,
}

impl PutAttributeMapping {
    /// The specifiers as they are kept.
    fn specifiers(&self) -> Result<Vec<String>, Error> {
        let mut all: Vec<String> = Vec::new();
        for given in &self.specifiers {
            let specifier = self.field.specifier(given.as_str());
            let specifier = specifier.ok_or_else(|| {
                invalid(format!(
                    "{given} is no specifier of {}",
                    self.field.as_str()
                ))
            })?;
            if !all.contains(&specifier) {
                all.push(specifier);
            }
        }
        match all.is_empty() {
            true => Err(invalid("mappingRules must not be empty")),
            false => Ok(all),
        }
    }
}

impl Operation for PutAttributeMapping {
    type Output = View<AnywhereProfile>;
    type Found = ();
    const SERVICE: Service = Service::RolesAnywhere;
    const NAME: &'static str = "PutAttributeMapping";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        call.allow(&need::<AnywhereProfile>(
            call,
            Self::NAME,
            self.identifier.as_str(),
        )?)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<Self::Output, Error> {
        let new = self.specifiers()?;
        change::<AnywhereProfile>(call, self.identifier.as_str(), |_, profile| {
            let mappings = &mut profile.mappings;
            let before = mappings.iter().find(|mapping| mapping.field == self.field);
            let mut specifiers = before.map_or_else(Vec::new, |it| it.specifiers.clone());
            let covers = |all: &str, one: &str| match all.strip_suffix('*') {
                Some(stem) => all != one && one.starts_with(stem),
                None => false,
            };
            // What is put is what is meant: a rule for everything and one for something of it would be
            // the rule for everything.
            specifiers.retain(|old| {
                !new.iter()
                    .any(|it| covers(old, it) || covers(it, old) || it == old)
            });
            specifiers.extend(new.iter().cloned());
            if specifiers.len() > MOST_SPECIFIERS {
                return Err(invalid(format!(
                    "A certificate field can have at most {MOST_SPECIFIERS} mapping rules."
                )));
            }
            mappings.retain(|mapping| mapping.field != self.field);
            mappings.push(AttributeMapping {
                field: self.field,
                specifiers,
            });
            mappings.sort_by_key(|mapping| mapping.field);
            Ok(None)
        })
        .await
    }
}

/// DeleteAttributeMapping
#[derive(Clone, Debug)]
pub struct DeleteAttributeMapping {
    /// `profileId`
    pub identifier: ProfileIdentifier,
    /// `certificateField`
    pub field: CertificateField,
    /// `specifiers`; all, if none is given.
    pub specifiers: Vec<String>,
}

impl Operation for DeleteAttributeMapping {
    type Output = View<AnywhereProfile>;
    type Found = ();
    const SERVICE: Service = Service::RolesAnywhere;
    const NAME: &'static str = "DeleteAttributeMapping";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        call.allow(&need::<AnywhereProfile>(
            call,
            Self::NAME,
            self.identifier.as_str(),
        )?)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<Self::Output, Error> {
        let gone: Vec<String> = self
            .specifiers
            .iter()
            .map(|given| self.field.specifier(given).unwrap_or_else(|| given.clone()))
            .collect();
        change::<AnywhereProfile>(call, self.identifier.as_str(), |_, profile| {
            for mapping in &mut profile.mappings {
                if mapping.field == self.field {
                    let stays = |it: &String| !gone.is_empty() && !gone.contains(it);
                    mapping.specifiers.retain(stays);
                }
            }
            let mappings = &mut profile.mappings;
            mappings.retain(|mapping| !mapping.specifiers.is_empty());
            Ok(None)
        })
        .await
    }
}
