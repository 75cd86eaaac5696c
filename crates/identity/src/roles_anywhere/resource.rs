//! What trust anchors, profiles and revocation lists have in common: ids, ARNs, aliases, and the
//! operations that look the same for all three.

use super::fault::AnywhereFault;
use crate::account::{Account, Map};
use crate::caller::Need;
use crate::entity::{AnywhereCrl, AnywhereHead, AnywhereProfile, Entity, TrustAnchor};
use crate::environment::Entropy;
use crate::error::Error;
use crate::iam::{Page, PageRequest, TagCase};
use crate::ids;
use crate::names::{AccountId, AnywhereAlias, AnywhereName, Tag};
use crate::operation::{Call, Draft, Granted, Operation, Service};
use std::marker::PhantomData;

/// A kind of resource.
pub trait AnywhereResource: Clone + Into<Entity> + Send + Sync + 'static {
    /// As ARNs spell it: `trust-anchor`.
    const KIND: &'static str;
    /// As sentences spell it: `Trust anchor`.
    const NOUN: &'static str;
    /// The operations that get one, list all, delete, enable and disable one.
    const OPERATIONS: [&'static str; 5];

    /// All of the account, by id.
    fn all(account: &Account) -> &Map<Self>;

    /// What all kinds have.
    fn head(&self) -> &AnywhereHead;

    /// The same, to be changed.
    fn head_mut(&mut self) -> &mut AnywhereHead;
}

impl AnywhereResource for TrustAnchor {
    const KIND: &'static str = "trust-anchor";
    const NOUN: &'static str = "Trust anchor";
    const OPERATIONS: [&'static str; 5] = [
        "GetTrustAnchor",
        "ListTrustAnchors",
        "DeleteTrustAnchor",
        "EnableTrustAnchor",
        "DisableTrustAnchor",
    ];

    fn all(account: &Account) -> &Map<Self> {
        &account.trust_anchors
    }

    fn head(&self) -> &AnywhereHead {
        &self.head
    }

    fn head_mut(&mut self) -> &mut AnywhereHead {
        &mut self.head
    }
}

impl AnywhereResource for AnywhereProfile {
    const KIND: &'static str = "profile";
    const NOUN: &'static str = "Profile";
    const OPERATIONS: [&'static str; 5] = [
        "GetProfile",
        "ListProfiles",
        "DeleteProfile",
        "EnableProfile",
        "DisableProfile",
    ];

    fn all(account: &Account) -> &Map<Self> {
        &account.anywhere_profiles
    }

    fn head(&self) -> &AnywhereHead {
        &self.head
    }

    fn head_mut(&mut self) -> &mut AnywhereHead {
        &mut self.head
    }
}

impl AnywhereResource for AnywhereCrl {
    const KIND: &'static str = "crl";
    const NOUN: &'static str = "CRL";
    const OPERATIONS: [&'static str; 5] =
        ["GetCrl", "ListCrls", "DeleteCrl", "EnableCrl", "DisableCrl"];

    fn all(account: &Account) -> &Map<Self> {
        &account.anywhere_crls
    }

    fn head(&self) -> &AnywhereHead {
        &self.head
    }

    fn head_mut(&mut self) -> &mut AnywhereHead {
        &mut self.head
    }
}

/// A resource as answers show it.
#[derive(Clone, Debug)]
pub struct View<R> {
    /// Whose it is.
    pub account: AccountId,
    /// The resource.
    pub resource: R,
    /// The alias that it had before the operation, where it has another one or none now.
    pub previous_alias: Option<String>,
}

impl<R: AnywhereResource> View<R> {
    pub(super) fn of(account: &Account, resource: R) -> Self {
        Self {
            account: account.id,
            resource,
            previous_alias: None,
        }
    }

    /// `arn:aws:rolesanywhere:REGION:ACCOUNT:KIND/ID`
    pub fn arn(&self) -> String {
        let head = self.resource.head();
        arn(&head.region, self.account, R::KIND, &head.id)
    }

    /// The ARN of its alias, if it has one.
    pub fn alias_arn(&self) -> Option<String> {
        let head = self.resource.head();
        let alias = head.alias.as_ref()?;
        Some(alias_arn::<R>(&head.region, self.account, alias))
    }
}

pub(super) fn arn(region: &str, account: AccountId, kind: &str, id: &str) -> String {
    format!("arn:aws:rolesanywhere:{region}:{account}:{kind}/{id}")
}

fn alias_arn<R: AnywhereResource>(region: &str, account: AccountId, alias: &str) -> String {
    format!(
        "arn:aws:rolesanywhere:{region}:{account}:alias/{}/{alias}",
        R::KIND
    )
}

/// The resource that a parameter names by id, ARN or the ARN of its alias, of the account and region.
pub(super) fn find<'a, R: AnywhereResource>(
    account: &'a Account,
    region: &str,
    identifier: &str,
) -> Result<&'a R, Error> {
    let all = R::all(account);
    let prefix = arn(region, account.id, R::KIND, "");
    let alias_prefix = alias_arn::<R>(region, account.id, "");
    let found = if let Some(alias) = identifier.strip_prefix(&alias_prefix) {
        with_alias::<R>(account, region, alias)
    } else {
        let id = identifier.strip_prefix(&prefix).unwrap_or(identifier);
        all.get(id).map(|it| &**it)
    };
    found
        .filter(|it| it.head().region == region)
        .ok_or_else(|| AnywhereFault::NotFound(format!("{} {identifier}", R::NOUN)).into())
}

fn with_alias<'a, R: AnywhereResource>(
    account: &'a Account,
    region: &str,
    alias: &str,
) -> Option<&'a R> {
    let mut all = R::all(account).values().map(|it| &**it);
    all.find(|it| it.head().region == region && it.head().alias.as_deref() == Some(alias))
}

/// The need of an action on the resource that a parameter names, which may or may not be there.
pub(super) fn need<'a, R: AnywhereResource>(
    call: &'a Call<'_>,
    operation: &str,
    identifier: &str,
) -> Result<Need<'a>, Error> {
    let account = call.account()?;
    let region = &call.facts.region;
    let action = format!("rolesanywhere:{operation}");
    Ok(match find::<R>(account, region, identifier) {
        Ok(found) => {
            let head = found.head();
            let arn = arn(region, account.id, R::KIND, &head.id);
            Need::new(action, arn).resource_tags(&head.tags, None)
        }
        Err(_) if identifier.starts_with("arn:") => Need::new(action, identifier.to_owned()),
        Err(_) => Need::new(action, arn(region, account.id, R::KIND, identifier)),
    })
}

/// Decides about making a resource, with tags or without.
pub(super) fn allow_making<R: AnywhereResource>(
    call: &Call<'_>,
    operation: &str,
    tags: &[Tag],
) -> Result<Granted, Error> {
    let action = format!("rolesanywhere:{operation}");
    let granted = call.allow(&Need::new(action, "*").request_tags(tags))?;
    if !tags.is_empty() {
        let any = arn(&call.facts.region, call.account()?.id, R::KIND, "*");
        call.allow(&Need::new("rolesanywhere:TagResource", any).request_tags(tags))?;
    }
    Ok(granted)
}

/// What a request that makes a resource says of it.
#[derive(Clone, Debug)]
pub struct Made {
    /// `name`
    pub name: AnywhereName,
    /// `enabled`; not, if not given.
    pub enabled: bool,
    /// `aliasName`; an empty one is none.
    pub alias: Option<AnywhereAlias>,
    /// `tags`
    pub tags: Vec<Tag>,
}

impl Made {
    /// The head of the new resource, where there is room for it.
    pub(super) fn head<R: AnywhereResource>(
        &self,
        draft: &Draft<'_>,
        region: &str,
        limit: usize,
    ) -> Result<AnywhereHead, Error> {
        let account = draft.account;
        let here = R::all(account).values();
        let count = here.filter(|it| it.head().region == region).count();
        if count >= limit {
            return Err(invalid(format!(
                "The account has {limit} of these in the region, which is as many as there may be: {}",
                R::NOUN
            )));
        }
        // The model of these operations has no exception of its own for it.
        check_tags(&self.tags).map_err(|error| match error {
            Error::RolesAnywhere(fault) => invalid(fault.to_string()),
            other => other,
        })?;
        let alias = self.alias.as_ref().map(AnywhereAlias::as_str);
        let alias = alias.filter(|alias| !alias.is_empty());
        if let Some(alias) = alias {
            check_alias::<R>(account, region, alias, None)?;
        }
        Ok(AnywhereHead {
            id: new_id::<R>(account, draft.entropy),
            region: region.to_owned(),
            name: self.name.clone(),
            enabled: self.enabled,
            alias: alias.map(str::to_owned),
            created: draft.now,
            updated: draft.now,
            tags: self.tags.clone(),
        })
    }
}

fn new_id<R: AnywhereResource>(account: &Account, entropy: &dyn Entropy) -> String {
    loop {
        let id = ids::uuid(entropy);
        if R::all(account).get(&id).is_none() {
            return id;
        }
    }
}

/// What a request changes of a resource.
#[derive(Clone, Debug, Default)]
pub struct Updated {
    /// `name`
    pub name: Option<AnywhereName>,
    /// `aliasName`; an empty one takes the alias off.
    pub alias: Option<AnywhereAlias>,
}

impl Updated {
    /// Changes the resource, and says which alias it had before, where that is another.
    pub(super) fn apply<R: AnywhereResource>(
        &self,
        account: &Account,
        resource: &mut R,
    ) -> Result<Option<String>, Error> {
        let head = resource.head_mut();
        if let Some(name) = &self.name {
            head.name = name.clone();
        }
        let Some(alias) = &self.alias else {
            return Ok(None);
        };
        let alias = Some(alias.as_str()).filter(|alias| !alias.is_empty());
        if alias == head.alias.as_deref() {
            return Ok(None);
        }
        if let Some(alias) = alias {
            check_alias::<R>(account, &head.region, alias, Some(&head.id))?;
        }
        Ok(std::mem::replace(&mut head.alias, alias.map(str::to_owned)))
    }
}

fn check_alias<R: AnywhereResource>(
    account: &Account,
    region: &str,
    alias: &str,
    id: Option<&str>,
) -> Result<(), Error> {
    if alias
        .get(..4)
        .is_some_and(|start| start.eq_ignore_ascii_case("aws/"))
    {
        return Err(invalid(format!("The alias {alias} is reserved")));
    }
    match with_alias::<R>(account, region, alias) {
        Some(other) if Some(other.head().id.as_str()) != id => Err(invalid(format!(
            "The alias {alias} is another resource's already"
        ))),
        _ => Ok(()),
    }
}

/// A `ValidationException`.
pub(super) fn invalid(text: impl Into<String>) -> Error {
    Error::ValidationText(text.into())
}

/// That tags may be put on a resource: no key twice, none reserved, and not too many.
pub(super) fn check_tags(tags: &[Tag]) -> Result<(), Error> {
    TagCase::Sensitive
        .check(tags)
        .map_err(|error| match error {
            Error::InvalidInput(text) => invalid(text),
            other => other,
        })?;
    if tags.len() > crate::quotas::TAGS {
        return Err(AnywhereFault::TooManyTags.into());
    }
    Ok(())
}

/// Changes one resource, and answers how it is then.
pub(super) async fn change<R: AnywhereResource>(
    call: &Call<'_>,
    identifier: &str,
    change: impl Fn(&Account, &mut R) -> Result<Option<String>, Error> + Send + Sync,
) -> Result<View<R>, Error> {
    call.change(|draft| {
        let before = find::<R>(draft.account, &call.facts.region, identifier)?;
        let mut resource = before.clone();
        let previous_alias = change(draft.account, &mut resource)?;
        resource.head_mut().updated = draft.now;
        draft.change.put(resource.clone());
        Ok(View {
            account: draft.account.id,
            resource,
            previous_alias,
        })
    })
    .await
}

/// GetTrustAnchor and its like.
#[derive(Clone, Debug)]
pub struct Get<R> {
    /// What names the resource.
    pub identifier: String,
    /// Of what kind it is.
    pub kind: PhantomData<R>,
}

impl<R: AnywhereResource> Operation for Get<R> {
    type Output = View<R>;
    type Found = ();
    const SERVICE: Service = Service::RolesAnywhere;
    const NAME: &'static str = R::OPERATIONS[0];

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        call.allow(&need::<R>(call, Self::NAME, &self.identifier)?)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<View<R>, Error> {
        let account = call.account()?;
        let found = find::<R>(account, &call.facts.region, &self.identifier)?;
        Ok(View::of(account, found.clone()))
    }
}

/// ListTrustAnchors and its like: those of the region, by id.
#[derive(Clone, Debug)]
pub struct List<R> {
    /// `nextToken` and `pageSize`
    pub page: PageRequest,
    /// Of what kind they are.
    pub kind: PhantomData<R>,
}

impl<R: AnywhereResource> Operation for List<R> {
    type Output = Page<View<R>>;
    type Found = ();
    const SERVICE: Service = Service::RolesAnywhere;
    const NAME: &'static str = R::OPERATIONS[1];

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        call.allow(&Need::new(format!("rolesanywhere:{}", Self::NAME), "*"))
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<Self::Output, Error> {
        let account = call.account()?;
        let here = R::all(account).behind(&self.page.behind);
        let here = here.filter(|(_, it)| it.head().region == call.facts.region);
        let page = here.map(|(id, it)| (id, View::of(account, R::clone(it))));
        Ok(self.page.page(page))
    }
}

/// DeleteTrustAnchor and its like. Sessions go on.
#[derive(Clone, Debug)]
pub struct Delete<R> {
    /// What names the resource.
    pub identifier: String,
    /// Of what kind it is.
    pub kind: PhantomData<R>,
}

impl<R: AnywhereResource> Operation for Delete<R> {
    type Output = View<R>;
    type Found = ();
    const SERVICE: Service = Service::RolesAnywhere;
    const NAME: &'static str = R::OPERATIONS[2];

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        call.allow(&need::<R>(call, Self::NAME, &self.identifier)?)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<View<R>, Error> {
        call.change(|draft| {
            let found = find::<R>(draft.account, &call.facts.region, &self.identifier)?;
            draft.change.delete(found.clone());
            Ok(View::of(draft.account, found.clone()))
        })
        .await
    }
}

/// EnableTrustAnchor, DisableTrustAnchor and their like.
#[derive(Clone, Debug)]
pub struct Switch<R, const ON: bool> {
    /// What names the resource.
    pub identifier: String,
    /// Of what kind it is.
    pub kind: PhantomData<R>,
}

impl<R: AnywhereResource, const ON: bool> Operation for Switch<R, ON> {
    type Output = View<R>;
    type Found = ();
    const SERVICE: Service = Service::RolesAnywhere;
    const NAME: &'static str = if ON {
        R::OPERATIONS[3]
    } else {
        R::OPERATIONS[4]
    };

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        call.allow(&need::<R>(call, Self::NAME, &self.identifier)?)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<View<R>, Error> {
        change::<R>(call, &self.identifier, |_, resource| {
            resource.head_mut().enabled = ON;
            Ok(None)
        })
        .await
    }
}
